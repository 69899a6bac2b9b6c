"""``advisor records``: what was recorded, at the user's hand."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.runs.backup import backup, restore
from advisor.cli.runs.described import echo_described
from advisor.cli.runs.export import export
from advisor.cli.runs.import_ import import_
from advisor.cli.runs.selection import moment, selection_options, status_option, statuses
from advisor.cli.runs.store import open_store
from advisor.cli.terminal.output import confirm, echo, echo_json, format_option, print_rows
from advisor.cli.terminal.progress import working
from advisor.errors import UsageError
from advisor.records.schema import Status
from advisor.space.hyperparameters import HYPERPARAMETERS
from advisor.space.words import counted

if TYPE_CHECKING:
    from advisor.records.schema import Epoch, Run
    from advisor.records.store.store import Store

_NUMBERS = ("lr", "batch", "epochs", "dropout", "decay", "best", "final")
_LIST_HEADINGS = ("run", "name", "status", "dataset", "model", "opt", *_NUMBERS)
_ID_SHOWN = 13
"""Characters of an id that a table shows: its millisecond and 15 random bits; any unique beginning names a run."""
_EPOCHS_SHOWN = 20
_TOLD_FIRST = frozenset(
    (
        *(
            "run_id",
            "name",
            "status",
            "error",
            "started_at",
            "ended_at",
            "dataset_name",
            "n_train",
            "n_eval",
            "n_classes",
        ),
        *("model", "pretrained", "img_size", "opt", "sched", *HYPERPARAMETERS, "metric", "best_metric", "best_epoch"),
        *("final_metric", "epochs_done", "train_seconds", "device", "out_of_memory", "suggestion_id", "resumed_from"),
    )
)
"""What a table of one run holds before its epochs; the rest only if it is asked for."""
_REMOVED_SHOWN = 50
_PLOT_HEIGHT = 10
_PLOT_WIDTH = 60


@click.group()
def records() -> None:
    """List, show and manage recorded runs."""


records.add_command(import_)
records.add_command(export)
records.add_command(backup)
records.add_command(restore)


@records.command("list")
@selection_options
@click.option("--sort", default="started_at", show_default=True, metavar="FIELD", help="Field to sort by.")
@click.option("--ascending", is_flag=True, help="Smallest first.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="At most so many.")
@format_option
def list_(selection: dict[str, Any], sort: str, ascending: bool, limit: int, format_: str) -> None:
    """List recorded runs, newest first."""
    store = open_store()
    runs = store.runs(**selection, sort=sort, descending=not ascending, limit=limit)
    if format_ == "json":
        echo_json(runs)
    elif not runs:
        recorded = store.counts()["runs"]
        if recorded:
            echo(f"None of {counted(recorded, 'recorded run')} is so. Next: advisor records list", err=True)
        else:
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
@click.option("--all", "everything", is_flag=True, help="Also every other argument, version and epoch.")
@format_option
def show(run_name: str, everything: bool, format_: str) -> None:
    """Show one run: RUN is its id, the beginning of it, or its name."""
    store = open_store()
    run = store.run(run_name)
    epochs = store.epochs(run.run_id)
    if format_ == "json":
        from advisor.cli.terminal.output import to_plain

        echo_json({**to_plain(run), "epochs_recorded": to_plain(epochs)})
        return
    fields = _fields(run)
    shown = [row for row in fields if everything or row[0] in _TOLD_FIRST]
    print_rows(("field", "value"), shown)
    if len(fields) > len(shown):
        echo(
            f"{counted(len(fields) - len(shown), 'further field')}: advisor records show {shlex.quote(run_name)} --all"
        )
    _say_whether_it_teaches(run)
    if epochs:
        echo()
        metrics = ("lr", "train_loss", "eval_loss", "eval_top1", "eval_top5", "ema_eval_top1", "seconds")
        known = [name for name in metrics if any(getattr(epoch, name) is not None for epoch in epochs)]
        listed = epochs if everything else _thinned(epochs, run.best_epoch)
        rows = [[str(e.epoch), *(_number(getattr(e, name)) for name in known)] for e in listed]
        print_rows(("epoch", *known), rows, right=("epoch", *known))
        if len(listed) < len(epochs):
            echo(f"{len(listed)} of {counted(len(epochs), 'epoch')}, the best among them; --all has each.")
        _plot(epochs)


def _say_whether_it_teaches(run: Run) -> None:
    from advisor.advise.search.unused_runs import WHAT_TO_DO
    from advisor.learn.usable_runs import why_not_evidence

    why = None if run.status is Status.RUNNING else why_not_evidence(run)
    if why is not None:
        hint = f": {WHAT_TO_DO[why]}" if why in WHAT_TO_DO else ""
        echo(f"Advice does not learn from runs like this, as {why}{hint}.")


def _thinned(epochs: Sequence[Epoch], best: int | None) -> Sequence[Epoch]:
    """Return so many epochs as a screen holds: evenly spaced ones, the last and the best."""
    every = -(-len(epochs) // _EPOCHS_SHOWN)
    last = len(epochs) - 1
    return [epoch for i, epoch in enumerate(epochs) if i % every == 0 or i == last or epoch.epoch == best]


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

    A run that another machine writes is given up as STALE when it has shown no sign of life for ten minutes. Spools
    that are archived are taken again where the store lacks what they hold.
    """
    from dataclasses import asdict

    from advisor.config import Config
    from advisor.describe.recorded import describe_recorded
    from advisor.records.store.retention import retain
    from advisor.records.store.store import Store
    from advisor.records.store.sync import sync_from, sync_own

    config = Config()
    store = Store(config["store"])
    with working("taking in what runs have written and describing their datasets"):
        report = sync_own(store, config, archived=True) if folder is None else sync_from(store, folder)
        datasets = describe_recorded(store)
        removed = retain(store, config)
    if format_ == "json":
        echo_json({**asdict(report), "described": asdict(datasets), "removed": removed})
        return
    echo(
        f"{counted(report.lines, 'new line')} of {counted(report.runs, 'run')} taken; "
        f"{counted(report.stale, 'run')} found dead."
    )
    echo_described(datasets)
    if removed:
        echo(f"Removed {counted(removed, 'run')}, by the setting `retention`.")
    for count, noun, what in (
        (report.unreadable, "damaged line", "passed over"),
        (report.closed, "spool", "left, as reading is not permitted; check who owns it"),
        (report.newer, "spool", "left, as a newer version wrote it: pip install --upgrade timm-advisor"),
        (report.foreign, "run", "left for another store; see `advisor config`"),
    ):
        if count:
            echo(f"{counted(count, noun)} {what}.", err=True)
    for path, reason in report.refused.items():
        echo(f"{path} cannot be stored: {reason}", err=True)


@records.command()
@click.argument("run_names", metavar="RUN…", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(run_names: tuple[str, ...], yes: bool) -> None:
    """Remove runs and their epochs for good."""
    store = open_store()
    run_ids = list(dict.fromkeys(store.run(name).run_id for name in run_names))
    if not yes and not confirm(f"Remove {counted(len(run_ids), 'run')} for good?"):
        echo("Nothing was removed.", err=True)
        return
    _forget(store, run_ids)
    echo(f"Removed {counted(len(run_ids), 'run')}.")


@records.command()
@status_option
@click.option("--older-than", type=moment, metavar="TIME", help="Only runs that started before: 90d, 2026-01-01.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option
def prune(status: tuple[str, ...], older_than: datetime | None, dry_run: bool, yes: bool, format_: str) -> None:
    """Remove many runs and their epochs for good: those of a status, or older than a time, or both.

    Without either, those that the setting `retention` keeps no longer. A run that is still RUNNING stays.
    """
    from advisor.config import Config
    from advisor.records.store.retention import outdated
    from advisor.records.store.selection import Selection

    policy = Config()["retention"]
    if not status and older_than is None and not policy:
        raise UsageError(
            "every run would be removed",
            cause="neither --status nor --older-than is given, and no setting `retention`",
            hint="advisor records prune --older-than 90d --dry-run",
        )
    store = open_store()
    if status or older_than is not None:
        ended = [one for one in statuses(status) or list(Status) if one is not Status.RUNNING]
        run_ids = store.run_ids(Selection(status=ended, before=older_than))
    else:
        run_ids = outdated(store, policy)
    if run_ids and not dry_run:
        if not yes and not confirm(f"Remove {counted(len(run_ids), 'run')} for good?"):
            echo("Nothing was removed.", err=True)
            return
        _forget(store, run_ids)
    if format_ == "json":
        echo_json({"removed": not dry_run, "runs": run_ids})
    elif dry_run and run_ids:
        shown = [store.run(run_id) for run_id in run_ids[:_REMOVED_SHOWN]]
        print_rows(_LIST_HEADINGS, [_list_row(run) for run in shown], right=_NUMBERS)
        echo(f"{counted(len(run_ids), 'run')} would be removed.", err=True)
    else:
        echo(f"Removed {counted(len(run_ids), 'run')}." if not dry_run else "No run would be removed.")


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
