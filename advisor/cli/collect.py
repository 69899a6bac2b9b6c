"""``advisor collect``."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path

import click

from advisor.cli.terminal.output import echo, echo_json, format_option
from advisor.cli.terminal.progress import renew_line
from advisor.space.words import counted


@click.command()
@click.argument("plan", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    help="Folder of the datasets, NAME/{train,validation}/CLASS/*.",
)
@click.option("--build", is_flag=True, help="First make the plan's datasets and checkpoints that are not there.")
@click.option("--probe", type=click.FloatRange(1), metavar="SECONDS", help="Also probe every dataset, for so long.")
@click.option("--engine", default="local", show_default=True, help="local, or one that a plugin offers.")
@click.option("--address", help="Where the engine's cluster is.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Runs at a time.  [default: one per core]")
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Train the cases that the plan wants trained there.",
)
@click.option("--retry-failed", is_flag=True, help="Train runs again that are recorded as failed.")
@click.option("--dry-run", is_flag=True, help="Only say what would be trained.")
@format_option
def collect(
    plan: Path,
    data_dir: Path,
    build: bool,
    probe: float | None,
    engine: str,
    address: str | None,
    workers: int | None,
    device: str,
    retry_failed: bool,
    dry_run: bool,
    format_: str,
) -> int:
    """Train the runs of a PLAN (a YAML file) and record them.

    Runs that are recorded are skipped, so the command can be stopped at any moment and called again. A plan names
    datasets, models and contexts; meta_data/plans/ holds those that the shipped evidence was made with.
    """
    from advisor.collect.find_engine import find_engine
    from advisor.collect.opening import open_collection
    from advisor.collect.planning.plan import read_plan
    from advisor.plugins import get_plugins

    trainers = find_engine(engine, get_plugins(), workers=workers, address=address)
    collection = open_collection(
        read_plan(plan),
        data_dir,
        trainers,
        build=build,
        probe=probe,
        retry_failed=retry_failed,
        device=device,
        say=lambda what: echo(what, err=True),
    )
    if dry_run:
        _print(collection.outline(), format_)
        return 0
    summary = collection.run(trainers, ProgressLine(sys.stderr.isatty()))
    _print(asdict(summary), format_)
    for run in summary.died:
        echo(f"no outcome, its workers died under it: {run}", err=True)
    return 1 if summary.died else 0


def _print(values: dict[str, object], format_: str) -> None:
    if format_ == "json":
        echo_json(values, indent=None)
        return
    for name, value in values.items():
        echo(f"{name.replace('_', ' ')}: {value}")


class ProgressLine:
    """Shows runs done, their rate and the time left on stderr: one line renewed on a terminal, else one a minute.

    Parameters
    ----------
    terminal : bool
        Whether stderr is one.
    """

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self._interval = 1.0 if terminal else 60.0

    def begin(self, what: str, points: int, cost: float) -> None:
        """Start counting ``points`` runs that cost ``cost`` in all."""
        self._what, self._points, self._cost = what, points, cost
        self._done, self._spent, self._started, self._shown = 0, 0.0, time.monotonic(), 0.0
        echo(f"{what}: {counted(points, 'run')} to train", err=True)

    def advance(self, cost: float) -> None:
        """Count one run; the remaining time follows from cost, as runs are of very different length."""
        self._done += 1
        self._spent += cost
        now = time.monotonic()
        last = self._done == self._points
        if now - self._shown < self._interval and not last:
            return
        self._shown = now
        elapsed = now - self._started
        remaining = elapsed * (self._cost - self._spent) / self._spent
        line = (
            f"{self._what}: {self._done:,}/{self._points:,}, {3600 * self._done / elapsed:,.0f} an hour, "
            f"{_duration(remaining)} left"
        )
        if self._terminal:
            renew_line(line, last=last)
        else:
            echo(line, err=True)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
