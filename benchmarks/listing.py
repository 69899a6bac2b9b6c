"""What listing many records costs, as ratios to reading all of them and sorting in Python, measured in the same run.

    python benchmarks/listing.py [--runs 100000]

Each figure is beyond the interpreter's own start.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

WANTED_MS = 500.0
"""For the first page."""


def median_ms(action: Callable[[], Any], times: int) -> float:
    """Return the median of several calls in milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


def fill(url: str, count: int) -> None:
    from advisor.records.schema import Run, Source, Status, new_id
    from advisor.records.store.store import Store

    store = Store(url)
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    extra = {f"argument_{i}": i / 7 for i in range(60)}
    for first in range(0, count, 5_000):
        store.add_runs(
            Run(
                run_id=new_id(),
                source=Source.TIMM_HOOK,
                status=Status.FINISHED,
                started_at=start + timedelta(minutes=number),
                model=f"model_{number % 40}",
                dataset_name=f"dataset_{number % 25}",
                opt="adamw",
                lr=1e-3,
                best_metric=number % 977 / 9.77,
                extra=extra,
            )
            for number in range(first, min(first + 5_000, count))
        )
    store.close()


def measure_list(folder: Path, count: int) -> None:
    url = f"sqlite:///{folder / 'records.db'}"
    fill(url, count)
    environment = {
        **os.environ,
        "ADVISOR_STORE": url,
        "ADVISOR_SPOOL_DIR": str(folder / "spool"),
        "ADVISOR_PLUGINS": "none",
    }

    def execute(*arguments: str) -> Callable[[], Any]:
        command = [sys.executable, *arguments]
        return lambda: subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)

    start = median_ms(execute("-c", "pass"), 5)
    everything = (
        "from advisor.records.store.store import Store\n"
        f"runs = Store({url!r}).runs(); runs.sort(key=lambda run: run.started_at); print(runs[-50:])"
    )
    alternative = median_ms(execute("-c", everything), 1) - start
    print(f"reading all {count:,} runs and sorting them in Python takes {alternative:,.0f} ms")
    for options in ([], ["--sort", "best_metric"], ["--model", "model_7"], ["--since", "2026-02-01", "--limit", "1"]):
        ours = median_ms(execute("-m", "advisor", "records", "list", *options), 5) - start
        kept = "kept" if ours <= WANTED_MS else "MISSED"
        what = " ".join(["records list", *options])
        print(f"{what:<50} {ours:6.0f} ms, 1/{alternative / ours:.0f} of that   limit {WANTED_MS:.0f} ms  {kept}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000, help="runs in the store that is listed")
    count = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        measure_list(Path(folder), count)


if __name__ == "__main__":
    main()
