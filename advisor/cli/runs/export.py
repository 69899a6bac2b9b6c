"""``advisor records export``: records for other programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from advisor.cli.runs.selection import selection_options
from advisor.cli.runs.share import share_runs
from advisor.cli.runs.store import open_store
from advisor.cli.terminal.output import echo
from advisor.errors import AdvisorError, UsageError
from advisor.records.export import FORMATS, write_parquet, write_text
from advisor.records.schema import Epoch, Run
from advisor.space.words import counted


@click.command()
@selection_options
@click.option("--epochs", is_flag=True, help="The epochs of these runs instead of the runs.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="File to write.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="How to write; parquet needs the extra of that name.  [default: the ending of FILE, else csv]",
)
@click.option(
    "--share",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write what of the runs that can teach anyone may know, for `advisor train --add`, into this folder.",
)
@click.option(
    "--preview", is_flag=True, help="With --share: print everything that would be written, and write nothing."
)
def export(
    selection: dict[str, Any],
    epochs: bool,
    output: Path | None,
    format_: str | None,
    share: Path | None,
    preview: bool,
) -> None:
    """Write runs, oldest first, or their epochs, as CSV, JSON lines, JSON or Parquet.

    --share writes anonymous runs and the features of their datasets: no name, path, host, time, argument, image or
    class name is among them. Nothing is sent anywhere.
    """
    if share is not None:
        if epochs or output is not None or format_ is not None:
            raise UsageError("--share has a form of its own", hint="leave out --epochs, --output and --format")
        share_runs(selection, share, preview=preview)
        return
    if preview:
        raise UsageError("--preview is of what --share writes", hint="advisor records export --share DIR --preview")
    from advisor.records.store.selection import Selection

    format_ = format_ or _format_of(output)
    if output is None and format_ == "parquet":
        raise UsageError("Parquet cannot be printed", hint="advisor records export --output FILE.parquet")
    store = open_store()
    chosen = Selection(**selection)
    kind: type = Epoch if epochs else Run
    # One by one: a team's runs would not fit into memory.
    found: Iterator[Run | Epoch]
    found = store.epochs_of(store.run_ids(chosen)) if epochs else store.each_run(chosen, descending=False)
    if output is None:
        write_text(sys.stdout, format_, kind, found)
        return
    # Whole or not at all: a file of before stays until this one is complete.
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        if format_ == "parquet":
            write_parquet(unfinished, kind, found)
        else:
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                write_text(file, format_, kind, found)
        os.replace(unfinished, output)
    except OSError as error:
        raise AdvisorError(
            f"{output} cannot be written", cause=error.strerror or str(error), hint="name another file with --output"
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    echo(f"Wrote {'the epochs of ' if epochs else ''}{counted(store.count(chosen), 'run')} to {output}.", err=True)


def _format_of(output: Path | None) -> str:
    if output is None:
        return "csv"
    ending = output.suffix.lstrip(".").lower()
    if ending not in FORMATS:
        raise UsageError(
            f"the ending of {output.name} tells no format", hint=f"add --format with one of {', '.join(FORMATS)}"
        )
    return ending
