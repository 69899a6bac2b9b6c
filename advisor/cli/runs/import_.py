"""``advisor records import``: past runs of other tools."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.terminal.output import echo, echo_json, format_option, print_rows
from advisor.cli.terminal.progress import working

if TYPE_CHECKING:
    from advisor.records.importing.imports import ImportReport


@click.command("import")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--world-size",
    type=click.IntRange(1),
    metavar="N",
    help="Devices that runs were trained on which do not tell: timm's args.yaml has the batch size of one device.",
)
@format_option
def import_(paths: tuple[Path, ...], world_size: int | None, format_: str) -> None:
    """Take past runs into the records, and say what was taken, what was left out, and why.

    PATH is a file or a folder, searched to the bottom: timm output folders (args.yaml with summary.csv), JSON-line
    logs of the DeiT family, Quick-Tune data, MLflow stores (mlruns, mlflow.db), and what plugins add. Importing again
    changes nothing but what has changed.
    """
    from advisor.config import Config
    from advisor.errors import AdvisorError
    from advisor.plugins import get_plugins
    from advisor.records.importing.imports import import_paths
    from advisor.records.store.store import Store

    with working("reading runs"):
        report = import_paths(Store(Config()["store"]), paths, get_plugins(), world_size=world_size)
    if format_ == "json":
        echo_json(report)
    else:
        _print(report)
    if not report.runs:
        raise AdvisorError(
            "no run was taken",
            cause="; ".join(sorted({skipped.reason for skipped in report.skipped})[:3]),
            hint="advisor plugins lists the importers; see docs/recording.md for what each reads",
        )


def _print(report: ImportReport) -> None:
    sources = ", ".join(f"{count} from {source}" for source, count in report.sources.most_common())
    echo(
        f"{report.runs} runs with {report.epochs} epochs: {report.new} new, {report.updated} updated, "
        f"{report.unchanged} unchanged" + (f" ({sources})" if sources else "") + "."
    )
    if report.resumed:
        echo(f"{report.resumed} of them joined to the run they continue.")
    if report.notes:
        echo("\nTaken, with these notes:")
        rows = [(str(count), note) for note, count in report.notes.most_common()]
        print_rows(("runs", "note"), rows, right=("runs",))
    if report.skipped:
        echo(f"\nLeft out {len(report.skipped)}:")
        reasons = Counter(skipped.reason for skipped in report.skipped)
        examples = {skipped.reason: skipped.path for skipped in reversed(report.skipped)}
        rows_ = [(str(count), reason, examples[reason]) for reason, count in reasons.most_common()]
        print_rows(("count", "reason", "first"), rows_, right=("count",))
