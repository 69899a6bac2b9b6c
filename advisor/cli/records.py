"""``advisor records``: what was recorded, at the user's hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.output import echo_json, format_option, print_rows
from advisor.cli.records_import import import_
from advisor.records.schema import HYPERPARAMETERS, Status

if TYPE_CHECKING:
    from advisor.records.schema import Epoch, Run
    from advisor.records.store import Store

_NUMBERS = ("lr", "batch", "epochs", "dropout", "decay", "best", "final")
_ID_SHOWN = 13
"""Characters of an id that a table shows: its millisecond and 15 random bits; any unique beginning names a run."""
_PLOT_HEIGHT = 10
_PLOT_WIDTH = 60


@click.group()
def records() -> None:
    """List, show and manage recorded runs."""


records.add_command(import_)


def open_store() -> Store:
    """Open the configured store with everything that the spools hold taken into it."""
    from advisor.config import Config
    from advisor.records.ingest import sync
    from advisor.records.store import Store

    config = Config()
    store = Store(config["store"])
    sync(store, config["spool_dir"])
    return store


@records.command("list")
@click.option("--status", type=click.Choice([s.value for s in Status], case_sensitive=False), help="Only these.")
@click.option("--model", metavar="M", help="Only runs of this model.")
@click.option("--dataset", metavar="D", help="Only runs on the dataset of this name or id.")
@click.option("--sort", default="started_at", show_default=True, metavar="FIELD", help="Field to sort by.")
@click.option("--ascending", is_flag=True, help="Smallest first.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="At most so many.")
@format_option
def list_(
    status: str | None,
    model: str | None,
    dataset: str | None,
    sort: str,
    ascending: bool,
    limit: int,
    format_: str,
) -> None:
    """List recorded runs, newest first."""
    runs = open_store().runs(
        status=Status(status.upper()) if status else None,
        model=model,
        dataset=dataset,
        sort=sort,
        descending=not ascending,
        limit=limit,
    )
    if format_ == "json":
        echo_json(runs)
    elif not runs:
        click.echo("No runs recorded. Next: advisor run SCRIPT [ARGS…]", err=True)
    else:
        headings = ("run", "name", "status", "dataset", "model", "opt", *_NUMBERS)
        print_rows(headings, [_list_row(run) for run in runs], right=_NUMBERS)


def _list_row(run: Run) -> list[str]:
    five = [_number(getattr(run, name)) for name in HYPERPARAMETERS]
    names = [
        run.run_id[:_ID_SHOWN],
        run.name or "",
        run.status.value,
        run.dataset_name or "",
        run.model or "",
        run.opt or "",
    ]
    return [*names, *five, _number(run.best_metric), _number(run.final_metric)]


@records.command()
@click.argument("run_name", metavar="RUN")
@format_option
def show(run_name: str, format_: str) -> None:
    """Show one run: RUN is its id, the beginning of it, or its name."""
    store = open_store()
    run = store.run(run_name)
    epochs = store.epochs(run.run_id)
    if format_ == "json":
        from advisor.cli.output import to_plain

        echo_json({**to_plain(run), "epochs_recorded": to_plain(epochs)})
        return
    print_rows(("field", "value"), [(name, value) for name, value in _fields(run)])
    if epochs:
        click.echo()
        metrics = ("lr", "train_loss", "eval_loss", "eval_top1", "eval_top5", "ema_eval_top1", "seconds")
        shown = [name for name in metrics if any(getattr(epoch, name) is not None for epoch in epochs)]
        rows = [[str(e.epoch), *(_number(getattr(e, name)) for name in shown)] for e in epochs]
        print_rows(("epoch", *shown), rows, right=("epoch", *shown))
        _plot(epochs)


@records.command()
@format_option
def sync(format_: str) -> None:
    """Take what is new in the spools into the store."""
    from advisor.config import Config
    from advisor.records.ingest import sync as take
    from advisor.records.store import Store

    config = Config()
    report = take(Store(config["store"]), config["spool_dir"])
    if format_ == "json":
        echo_json(report)
    else:
        click.echo(f"{report.lines} new lines of {report.runs} runs taken; {report.stale} runs found dead.")


@records.command()
@click.argument("run_names", metavar="RUN…", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(run_names: tuple[str, ...], yes: bool) -> None:
    """Remove runs and their epochs for good."""
    store = open_store()
    found = [store.run(name) for name in run_names]
    if not yes:
        click.confirm(f"Remove {len(found)} runs for good?", abort=True, err=True)
    store.remove([run.run_id for run in found])
    click.echo(f"Removed {len(found)} runs.")


def _fields(run: Run) -> list[tuple[str, str]]:
    values: dict[str, Any] = {name: value for name, value in vars(run).items() if name not in ("extra", "versions")}
    values |= {f"versions.{name}": value for name, value in run.versions.items()}
    return [(name, _text(value)) for name, value in values.items() if value is not None]


def _text(value: Any) -> str:
    from advisor.cli.output import to_plain

    return _number(value) if isinstance(value, float) else str(to_plain(value))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _plot(epochs: Sequence[Epoch]) -> None:
    """Draw the accuracy over the epochs in characters; the marks also tell apart without colour."""
    points = [(epoch.epoch, epoch.eval_top1) for epoch in epochs if epoch.eval_top1 is not None]
    if len(points) < 2:
        return
    values = [value for _, value in points]
    low, high = min(values), max(values)
    scale = (high - low) or 1.0
    width = _PLOT_WIDTH
    grid = [[" "] * width for _ in range(_PLOT_HEIGHT)]
    for i, value in enumerate(values):
        column = i * (width - 1) // max(1, len(values) - 1)
        row = round((high - value) / scale * (_PLOT_HEIGHT - 1))
        grid[row][column] = "●"
    click.echo("\neval_top1 in percent over the epochs")
    for i, cells in enumerate(grid):
        label = f"{high - i * scale / (_PLOT_HEIGHT - 1):6.1f}"
        click.echo(f"{label} │{''.join(cells)}")
    click.echo(f"       └{'─' * width}")
    click.echo(f"        {points[0][0]}{str(points[-1][0]).rjust(width - len(str(points[0][0])))}")
