"""``advisor records``: what was recorded, at the user's hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.runs.described import echo_described
from advisor.cli.runs.export import export
from advisor.cli.runs.import_ import import_
from advisor.cli.runs.selection import moment, selection_options, status_option, statuses
from advisor.cli.runs.store import open_store
from advisor.cli.terminal.output import echo, echo_json, format_option, print_rows
from advisor.cli.terminal.progress import working
from advisor.errors import UsageError
from advisor.records.schema import Status
from advisor.space.hyperparameters import HYPERPARAMETERS

if TYPE_CHECKING:
    from advisor.records.schema import Epoch, Run
    from advisor.records.store.store import Store

_NUMBERS = ("lr", "batch", "epochs", "dropout", "decay", "best", "final")
_LIST_HEADINGS = ("run", "name", "status", "dataset", "model", "opt", *_NUMBERS)
_ID_SHOWN = 13
"""Characters of an id that a table shows: its millisecond and 15 random bits; any unique beginning names a run."""
_PLOT_HEIGHT = 10
_PLOT_WIDTH = 60


@click.group()
def records() -> None:
    """List, show and manage recorded runs."""


records.add_command(import_)
records.add_command(export)


@records.command("list")
@selection_options
@click.option("--sort", default="started_at", show_default=True, metavar="FIELD", help="Field to sort by.")
@click.option("--ascending", is_flag=True, help="Smallest first.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="At most so many.")
@format_option
def list_(selection: dict[str, Any], sort: str, ascending: bool, limit: int, format_: str) -> None:
    """List recorded runs, newest first."""
    runs = open_store().runs(**selection, sort=sort, descending=not ascending, limit=limit)
    if format_ == "json":
        echo_json(runs)
    elif not runs:
        echo("No runs recorded. Next: advisor run SCRIPT [ARGS…]", err=True)
    else:
        print_rows(_LIST_HEADINGS, [_list_row(run) for run in runs], right=_NUMBERS)


def _list_row(run: Run) -> list[str]:
    hparams = [_number(getattr(run, name)) for name in HYPERPARAMETERS]
    names = [
        run.run_id[:_ID_SHOWN],
        run.name or "",
        run.status.value,
        run.dataset_name or "",
        run.model or "",
        run.opt or "",
    ]
    return [*names, *hparams, _number(run.best_metric), _number(run.final_metric)]


@records.command()
@click.argument("run_name", metavar="RUN")
@format_option
def show(run_name: str, format_: str) -> None:
    """Show one run: RUN is its id, the beginning of it, or its name."""
    store = open_store()
    run = store.run(run_name)
    epochs = store.epochs(run.run_id)
    if format_ == "json":
        from advisor.cli.terminal.output import to_plain

        echo_json({**to_plain(run), "epochs_recorded": to_plain(epochs)})
        return
    print_rows(("field", "value"), [(name, value) for name, value in _fields(run)])
    if epochs:
        echo()
        metrics = ("lr", "train_loss", "eval_loss", "eval_top1", "eval_top5", "ema_eval_top1", "seconds")
        shown = [name for name in metrics if any(getattr(epoch, name) is not None for epoch in epochs)]
        rows = [[str(e.epoch), *(_number(getattr(e, name)) for name in shown)] for e in epochs]
        print_rows(("epoch", *shown), rows, right=("epoch", *shown))
        _plot(epochs)


@records.command()
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="A copy of another machine's spool folder, which stays as it is.  [default: this machine's]",
)
@format_option
def sync(folder: Path | None, format_: str) -> None:
    """Take what is new in the spools into the store, and describe the folders that runs were trained on.

    A run that another machine writes is given up as STALE when it has shown no sign of life for ten minutes.
    """
    from dataclasses import asdict

    from advisor.config import Config
    from advisor.describe.recorded import describe_recorded
    from advisor.records.store.store import Store
    from advisor.records.store.sync import sync_from, sync_own

    config = Config()
    store = Store(config["store"])
    with working("taking in what runs have written and describing their datasets"):
        report = sync_own(store, config) if folder is None else sync_from(store, folder)
        datasets = describe_recorded(store)
    if format_ == "json":
        echo_json({**asdict(report), "described": asdict(datasets)})
        return
    echo(f"{report.lines} new lines of {report.runs} runs taken; {report.stale} runs found dead.")
    echo_described(datasets)
    for count, what in (
        (report.unreadable, "lines were damaged and passed over"),
        (report.closed, "spools could not be read; check who owns them"),
        (report.newer, "spools are of a newer version: pip install --upgrade timm-advisor"),
        (report.foreign, "runs belong to other stores; see `advisor config`"),
    ):
        if count:
            echo(f"{count} {what}.", err=True)
    for path, reason in report.refused.items():
        echo(f"{path} cannot be stored: {reason}", err=True)


@records.command()
@click.argument("run_names", metavar="RUN…", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(run_names: tuple[str, ...], yes: bool) -> None:
    """Remove runs and their epochs for good."""
    store = open_store()
    run_ids = list(dict.fromkeys(store.run(name).run_id for name in run_names))
    if not yes:
        click.confirm(f"Remove {len(run_ids)} runs for good?", abort=True, err=True)
    _forget(store, run_ids)
    echo(f"Removed {len(run_ids)} runs.")


@records.command()
@status_option
@click.option("--older-than", type=moment, metavar="TIME", help="Only runs that started before: 90d, 2026-01-01.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option
def prune(status: tuple[str, ...], older_than: datetime | None, dry_run: bool, yes: bool, format_: str) -> None:
    """Remove many runs and their epochs for good: those of a status, or older than a time, or both.

    A run that is still RUNNING stays.
    """
    if not status and older_than is None:
        raise UsageError(
            "every run would be removed",
            cause="neither --status nor --older-than is given",
            hint="advisor records prune --older-than 90d --dry-run",
        )
    store = open_store()
    found = store.runs(status=statuses(status), before=older_than)
    runs = [run for run in found if run.status is not Status.RUNNING]
    if runs and not dry_run:
        if not yes:
            click.confirm(f"Remove {len(runs)} runs for good?", abort=True, err=True)
        _forget(store, [run.run_id for run in runs])
    if format_ == "json":
        echo_json({"removed": not dry_run, "runs": [run.run_id for run in runs]})
    elif dry_run and runs:
        print_rows(_LIST_HEADINGS, [_list_row(run) for run in runs], right=_NUMBERS)
        echo(f"{len(runs)} runs would be removed.", err=True)
    else:
        echo(f"Removed {len(runs)} runs." if not dry_run else "No run would be removed.")


def _forget(store: Store, run_ids: list[str]) -> None:
    from advisor.config import Config
    from advisor.records.store.sync import forget

    forget(store, Config()["spool_dir"], run_ids)


def _fields(run: Run) -> list[tuple[str, str]]:
    values: dict[str, Any] = {name: value for name, value in vars(run).items() if name not in ("extra", "versions")}
    values |= {f"versions.{name}": value for name, value in run.versions.items()}
    values |= {f"extra.{name}": value for name, value in run.extra.items()}
    return [(name, _text(value)) for name, value in values.items() if value is not None]


def _text(value: Any) -> str:
    from advisor.cli.terminal.output import to_plain

    return _number(value) if isinstance(value, float) else str(to_plain(value))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _plot(epochs: Sequence[Epoch]) -> None:
    """Draw the metric over the epochs in characters: the accuracy, else a loss."""
    for metric in ("eval_top1", "eval_loss", "train_loss"):
        values = ((epoch.epoch, getattr(epoch, metric)) for epoch in epochs)
        points = [(epoch, value) for epoch, value in values if value is not None and math.isfinite(value)]
        if len(points) >= 2:
            break
    else:
        return
    first, last = points[0][0], points[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    scale = (high - low) or 1.0
    grid = [[" "] * _PLOT_WIDTH for _ in range(_PLOT_HEIGHT)]
    for epoch, value in points:
        column = (epoch - first) * (_PLOT_WIDTH - 1) // max(1, last - first)
        grid[round((high - value) / scale * (_PLOT_HEIGHT - 1))][column] = "●"
    echo(f"\n{metric}{' in percent' if metric == 'eval_top1' else ''} over the epochs")
    for i, cells in enumerate(grid):
        echo(f"{high - i * scale / (_PLOT_HEIGHT - 1):8.4g} │{''.join(cells)}")
    echo(f"         └{'─' * _PLOT_WIDTH}")
    echo(f"          {first}{str(last).rjust(_PLOT_WIDTH - len(str(first)))}")
