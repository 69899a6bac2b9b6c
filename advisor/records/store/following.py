"""Follows a run while it is trained: what its spool and the store say of it, again whenever there is something new."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from advisor.config import store_name
from advisor.errors import StoreError
from advisor.records.encoding import from_json
from advisor.records.recording import spool
from advisor.records.schema import Epoch, Run, Status
from advisor.records.store.store import Store
from advisor.records.store.sync import sync

PAUSE = 0.5
"""Seconds between two looks at the spool."""
LOOK_ANYWAY = 20.0
"""Seconds after which the store is asked though the spool is as it was: its process may be gone, or elsewhere."""

_UNKNOWN = {field.name: None for field in fields(Epoch)}


def follow(store: Store, spool_dir: Path, run_id: str, pause: float = PAUSE) -> Iterator[tuple[Run, list[Epoch]]]:
    """Give a run and its epochs in order, now and whenever they have changed, until it has ended.

    Nothing is written but what every command takes from the spools into the store. Where the store cannot be written,
    the spool alone tells the epochs.

    Parameters
    ----------
    store : Store
        Where the run is known already.
    spool_dir : Path
        Where its process writes, if that is on this machine.
    run_id : str
        The whole id.
    pause : float
        Seconds between two looks.

    Raises
    ------
    StoreError
        If the store cannot be read.
    UsageError
        If the run was removed from the store.
    """
    path = spool_dir / f"{run_id}{spool.SUFFIX}"
    given: tuple[Run, list[Epoch]] | None = None
    size, looked = -1, time.monotonic()
    while True:
        now = time.monotonic()
        if (grown := _size(path)) != size or now - looked >= LOOK_ANYWAY:
            size, looked = grown, now
            spooled = _epochs_in(path)  # before they are archived
            with suppress(StoreError):
                sync(store, spool_dir, only=store_name(store.url))
            run = store.run(run_id)
            epochs = {epoch.epoch: epoch for epoch in store.epochs(run_id)} | spooled
            found = run, [epochs[number] for number in sorted(epochs)]
            if given is None or (found[0].status, repr(found[1])) != (given[0].status, repr(given[1])):
                given = found
                yield given
            if run.status is not Status.RUNNING:
                return
        time.sleep(pause)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # archived, or on another machine
        return 0


def _epochs_in(path: Path) -> dict[int, Epoch]:
    """Return the epochs that a spool holds, with the numbers that are none, which the store keeps as unknown."""
    epochs = {}
    with suppress(OSError):
        for line in spool.read(path).lines:
            if line.type == "epoch":
                with suppress(ValueError, TypeError, KeyError, OverflowError):
                    metrics = from_json(Epoch, {**line.data, "run_id": path.stem})
                    epochs[int(line.data["epoch"])] = Epoch(**{**_UNKNOWN, **metrics})
    return epochs
