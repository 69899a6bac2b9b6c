"""``advisor records import``: past runs of other tools."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.runs.described import echo_described
from advisor.cli.terminal.output import echo, echo_json, format_option, print_rows
from advisor.cli.terminal.progress import working
from advisor.space.words import counted

if TYPE_CHECKING:
    from advisor.records.importing.imports import ImportReport

_NO_IMAGES = "Where their images are on this machine: advisor records import PATH… --dataset DIR"


@click.command("import")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--world-size",
    type=click.IntRange(1),
    metavar="N",
    help="Devices that runs were trained on which do not tell: timm's args.yaml has the batch size of one device.",
)
@click.option(
    "--dataset",
    metavar="DIR",
    help="The images that those runs were trained on whose own folder is not on this machine. Where the runs name "
    "several datasets, those that name this one.",
)
@click.option("--dataset-name", metavar="NAME", help="The same for a dataset that the records know by this name or id.")
@format_option
def import_(
    paths: tuple[Path, ...], world_size: int | None, dataset: str | None, dataset_name: str | None, format_: str
) -> None:
    """Take past runs into the records, and say what was taken, what was left out, and why.

    PATH is a file or a folder, searched to the bottom: timm output folders (args.yaml with summary.csv), JSON-line
    logs of the DeiT family, Weights & Biases (wandb folders, exported run tables), MLflow stores (mlruns, mlflow.db),
    Optuna storages, Quick-Tune data, and what plugins add. Their datasets are described where the images are on this
    machine. Importing again changes nothing but what has changed.
    """
    from advisor.config import Config
    from advisor.describe.recorded import RecordedDatasets, describe_recorded, give_folder, give_known
    from advisor.errors import AdvisorError, UsageError
    from advisor.plugins import get_plugins
    from advisor.records.importing.imports import import_paths
    from advisor.records.store.store import Store

    if dataset is not None and dataset_name is not None:
        raise UsageError("--dataset and --dataset-name name the same thing", hint="give one of them")
    store = Store(Config()["store"])
    with working("reading runs"):
        report = import_paths(store, paths, get_plugins(), world_size=world_size)
    with working("describing the datasets that they were trained on"):
        described = describe_recorded(store, report.run_ids)
        if dataset is not None or dataset_name is not None:
            given = (
                give_folder(store, report.run_ids, dataset)
                if dataset
                else give_known(store, report.run_ids, str(dataset_name))
            )
            described = RecordedDatasets(described.runs + given.runs, given.left_out)
    if format_ == "json":
        echo_json({**vars(report), "described": described})
    else:
        _print(report)
        echo_described(described, _NO_IMAGES)
    if not report.runs:
        raise AdvisorError(
            "no run was taken",
            cause="; ".join(sorted({skipped.reason for skipped in report.skipped})[:3]),
            hint="advisor plugins lists the importers; see docs/past-runs.md for what each reads",
        )


def _print(report: ImportReport) -> None:
    sources = ", ".join(f"{count} from {source}" for source, count in report.sources.most_common())
    echo(
        f"{counted(report.runs, 'run')} with {counted(report.epochs, 'epoch')}: {report.new} new, "
        f"{report.updated} updated, {report.unchanged} unchanged" + (f" ({sources})" if sources else "") + "."
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
