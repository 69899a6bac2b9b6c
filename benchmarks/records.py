"""What recording and reading records cost, as ratios to a named alternative measured in the same run.

    python benchmarks/records.py [--runs 100000]

Prints one JSON object a measurement: what was measured, its median in milliseconds, the alternative's, and the ratio.
Alternatives that are not installed (mlflow, tensorboard) are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

EPOCHS = 200
PAUSE = 0.005
METRICS = {"train_loss": 1.25, "eval_loss": 1.5, "eval_top1": 61.5, "eval_top5": 88.25, "lr": 1e-3}


def median_ms(action: Callable[[int], Any], times: int, pause: float = 0.0) -> float:
    """Return the median of several calls in milliseconds; before each, ``pause`` seconds are waited."""
    taken = []
    for number in range(times):
        time.sleep(pause)
        began = time.perf_counter()
        action(number)
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


def report(what: str, ours: float, alternative: str, theirs: float) -> None:
    line = {"what": what, "ms": ours, "alternative": alternative, "alternative_ms": theirs, "ratio": ours / theirs}
    print(json.dumps({name: round(value, 4) if isinstance(value, float) else value for name, value in line.items()}))


def alternatives_of_an_epoch(folder: Path) -> Iterator[tuple[str, Callable[[int], Any]]]:
    """Ways to log the same values, each durable as far as it goes."""
    line = json.dumps(METRICS) + "\n"
    flushed = (folder / "flushed.jsonl").open("a")

    def write_and_flush(_: int) -> None:
        flushed.write(line)
        flushed.flush()

    def write_and_sync(epoch: int) -> None:
        write_and_flush(epoch)
        os.fsync(flushed.fileno())

    yield "bare write with flush", write_and_flush
    yield "bare write with fsync", write_and_sync
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        pass
    else:
        summary = SummaryWriter(str(folder / "summary"))

        def write_summary(epoch: int) -> None:
            for name, value in METRICS.items():
                summary.add_scalar(name, value, epoch)
            summary.flush()

        yield "SummaryWriter with flush", write_summary
    try:
        import mlflow
    except ImportError:
        return
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    with mlflow.start_run():
        yield "MLflow log_metrics, sqlite", lambda epoch: mlflow.log_metrics(METRICS, step=epoch)


def measure_epochs(folder: Path) -> None:
    from advisor.plugins import Plugins
    from advisor.records.recorder import Recorder

    recorder = Recorder(folder / "spool", Plugins("none"))
    run = recorder.start_run(epochs=EPOCHS)

    # Epochs take time, in which the line of the one before is written.
    ours = median_ms(lambda _: run.log_epoch(**METRICS), EPOCHS, PAUSE)
    recorder.end_run()
    for alternative, action in alternatives_of_an_epoch(folder):
        what = "recording an epoch, on the training thread"
        report(what, ours, alternative, median_ms(action, EPOCHS, PAUSE))


def fill(url: str, count: int) -> None:
    from advisor.records.schema import Run, Source, Status, new_id
    from advisor.records.store import Store

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

    def execute(*arguments: str) -> Callable[[int], Any]:
        command = [sys.executable, *arguments]
        return lambda _: subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)

    start = median_ms(execute("-c", "pass"), 5)
    everything = (
        "import sys; from advisor.records.store import Store\n"
        f"runs = Store({url!r}).runs(); runs.sort(key=lambda run: run.started_at); print(runs[-50:])"
    )
    alternative = median_ms(execute("-c", everything), 1) - start
    for options in ([], ["--sort", "best_metric"], ["--model", "model_7"], ["--since", "2026-02-01", "--limit", "1"]):
        ours = median_ms(execute("-m", "advisor", "records", "list", *options), 5) - start
        what = " ".join(["records list", *options, f"over {count} runs, beyond the interpreter's start"])
        report(what, ours, "reading all runs, sorting them in Python", alternative)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000, help="runs in the store that is listed")
    count = parser.parse_args().runs
    for measure in (measure_epochs, lambda folder: measure_list(folder, count)):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder))


if __name__ == "__main__":
    main()
