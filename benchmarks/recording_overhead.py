"""What recording costs a training, as ratios to what MLflow and TensorBoard take to log the same values.

    python benchmarks/recording_overhead.py

Three figures, each with its limit: the time an epoch takes from the training thread, the share of a run's CPU time that
recording takes in all its threads, and the time that starting under `advisor run` takes. Alternatives that are not
installed are left out (``pip install mlflow tensorboard``).
"""

from __future__ import annotations

import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
EPOCHS = 200
PAUSE = 0.02
"""Seconds between epochs, so that what happens beside the training thread happens there."""
METRICS = {
    "lr": 0.001,
    "train_loss": 1.25,
    "eval_loss": 1.5,
    "eval_top1": 62.5,
    "eval_top5": 91.25,
    "ema_eval_top1": 63.75,
}


def train_one_epoch(epoch):
    return {"loss": METRICS["train_loss"]}


def validate(model, log_suffix=""):
    return {"loss": METRICS["eval_loss"], "top1": METRICS["eval_top1"], "top5": METRICS["eval_top5"]}


def median_of_epochs(one_epoch: Callable[[int], None]) -> float:
    seconds = []
    for epoch in range(EPOCHS):
        time.sleep(PAUSE)
        started = time.perf_counter()
        one_epoch(epoch)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def ours(folder: Path) -> tuple[float, float]:
    """Return seconds an epoch of a script like train.py, with its calls recorded and without."""
    import timm
    import timm.optim
    import timm.scheduler
    import timm.utils

    from advisor.plugins import Plugins
    from advisor.records.recording.recorder import Recorder

    def one_epoch(epoch: int) -> None:
        trained = train_one_epoch(epoch)
        evaluated = validate(model)
        averaged = validate(model, log_suffix=" (EMA)")
        timm.utils.update_summary(epoch, trained, averaged or evaluated, os.devnull, lr=METRICS["lr"])
        scheduler.step(epoch + 1, METRICS["eval_top1"])

    def prepare() -> tuple:
        model = timm.create_model("test_resnet", num_classes=10)
        optimizer = timm.optim.create_optimizer_v2(model, opt="adamw", lr=METRICS["lr"])
        return model, timm.scheduler.create_scheduler_v2(optimizer, num_epochs=EPOCHS)[0]

    model, scheduler = prepare()
    without = median_of_epochs(one_epoch)
    recorder = Recorder(spool_dir=folder / "spool", plugins=Plugins("timm"))
    recorder.attach()
    model, scheduler = prepare()
    recorded = median_of_epochs(one_epoch)
    recorder.end_run()
    recorder.detach()
    return recorded, without


def bare_write(folder: Path, *, to_disk: bool = False) -> float:
    with (folder / "bare.jsonl").open("a") as file:

        def one_epoch(epoch: int) -> None:
            file.write(json.dumps({"epoch": epoch, **METRICS}) + "\n")
            file.flush()
            if to_disk:
                os.fsync(file.fileno())

        return median_of_epochs(one_epoch)


def mlflow_sqlite(folder: Path) -> float:
    import mlflow

    logging.getLogger("alembic").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    with mlflow.start_run():
        return median_of_epochs(lambda epoch: mlflow.log_metrics(METRICS, step=epoch))


def summary_writer(folder: Path) -> float:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "events")) as writer:

        def one_epoch(epoch: int) -> None:
            for name, value in METRICS.items():
                writer.add_scalar(name, value, epoch)
            writer.flush()

        return median_of_epochs(one_epoch)


def cpu_share(folder: Path) -> float:
    """Return the share of CPU time of a run of 50 short epochs that is spent in recording, in percent.

    That is the time of our threads, and on the training thread that of all that is observed, the start included.
    """
    import timm.utils
    import torch
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2

    from advisor.plugins import Plugins
    from advisor.records.recording.recorder import Recorder

    observing = 0.0
    recorder = Recorder(spool_dir=folder / "spool-cpu", plugins=Plugins("timm"))
    observe = recorder.observe

    def timed(where: str, observer: Callable[..., None], *arguments: Any) -> None:
        nonlocal observing
        began = time.thread_time()
        observe(where, observer, *arguments)
        observing += time.thread_time() - began

    recorder.observe = timed
    recorder.attach()
    images, labels = torch.randn(320, 3, 32, 32), torch.arange(320) % 10
    started = time.process_time()
    model = timm.create_model("test_resnet", num_classes=10)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=0.001)
    scheduler, epochs = create_scheduler_v2(optimizer, num_epochs=50)
    for epoch in range(epochs):
        for batch in range(0, 320, 32):
            loss = torch.nn.functional.cross_entropy(model(images[batch : batch + 32]), labels[batch : batch + 32])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        train_one_epoch(epoch)
        timm.utils.update_summary(epoch, {"loss": loss.item()}, validate(model), os.devnull, lr=0.001)
        scheduler.step(epoch + 1, 1.0)
    total = time.process_time() - started
    threads = [thread.native_id for thread in threading.enumerate() if thread.name.startswith("advisor-")]
    beside = sum(int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0]) for thread in threads) / 1e9
    recorder.end_run()
    recorder.detach()
    return 100 * (observing + beside) / total


def start_up(folder: Path) -> tuple[float, float]:
    """Return the processor's seconds to start a script under `advisor run` and by itself, the least of nine.

    The script imports what timm imports of the standard library, so that this is not counted as ours.
    """
    listed = "import sys, timm; print(*(n for n in sys.modules if n.split('.')[0] in sys.stdlib_module_names))"
    names = subprocess.run([sys.executable, "-c", listed], check=True, capture_output=True, text=True).stdout.split()
    script = folder / "start.py"
    script.write_text(f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)\n")
    environment = {**os.environ, "ADVISOR_SPOOL_DIR": str(folder / "spool-start")}
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(9):
        for command, kept in zip((["-m", "advisor", "run", str(script)], [str(script)]), times, strict=True):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *command], check=True, env=environment)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            kept.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times[0]), min(times[1])


def line(what: str, value: str, limit: str, kept: bool) -> None:
    print(f"{what:<58} {value:>12}   limit {limit:<10} {'kept' if kept else 'MISSED'}", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recorded, without = ours(folder)
        cost = recorded - without
        line("an epoch, on the training thread", f"{1e3 * cost:.3f} ms", "0.5 ms", cost <= 5e-4)
        for title, bare in (
            ("a bare write with flush takes", bare_write(folder)),
            ("a bare write with fsync takes", bare_write(folder, to_disk=True)),
        ):
            print(f"{title} {1e3 * bare:.3f} ms, ours is {cost / bare:.1f} times that")
        for title, function, at_least in (
            ("MLflow log_metrics to sqlite takes", mlflow_sqlite, 40.0),
            ("SummaryWriter with flush takes", summary_writer, 1.0),
        ):
            try:
                other = function(folder)
            except ImportError as error:
                print(f"{title:<58} {'-':>12}   not installed: {error}")
            else:
                line(
                    f"{title} {1e3 * other:.2f} ms, times ours",
                    f"{other / cost:.1f}",
                    f">= {at_least:g}",
                    other / cost >= at_least,
                )
        beside = cpu_share(folder)
        line("CPU time of recording in a run of 50 short epochs", f"{beside:.3f} %", "0.5 %", beside <= 0.5)
        under, alone = start_up(folder)
        line(
            f"starting takes {alone:.2f} s alone; more under advisor run",
            f"{under - alone:.3f} s",
            "0.15 s",
            under - alone <= 0.15,
        )


if __name__ == "__main__":
    main()
