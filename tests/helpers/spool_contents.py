"""What a spool tells of the one run that was recorded, and waiting for it."""

from __future__ import annotations

import time

from advisor.records.recording import spool


def lines(folder):
    [path] = folder.glob("*.jsonl")
    return spool.read(path).lines


def told(folder):
    """The run as its spool tells it, and its epochs."""
    run: dict = {"extra": {}, "versions": {}}
    epochs = {}
    for line in lines(folder):
        if line.type == "epoch":
            epochs[line.data["epoch"]] = line.data
        else:
            for name in ("extra", "versions"):
                run[name] |= line.data.get(name, {})
            run |= {name: value for name, value in line.data.items() if name not in ("extra", "versions")}
    return run, epochs


def wait_until(true, seconds=20):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.005)
