"""``advisor train``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from advisor.advise.search.unused_runs import WHAT_TO_DO
from advisor.cli.terminal.messages import note
from advisor.cli.terminal.output import echo
from advisor.cli.terminal.progress import working
from advisor.space.words import counted


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option(
    "--add",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of shared records to learn from too; may be repeated.",
)
@click.option("--force", is_flag=True, help="Use the result even if it does worse than what it replaces.")
def train(out: Path | None, add: tuple[Path, ...], force: bool) -> None:
    """Fit the meta-model to the shipped evidence and your own recorded runs.

    The result is used by `advisor suggest` from then on. Before, it is judged on sources of datasets that it was not
    fitted to: one that does worse there than the shipped model, or than what was best on average, is not used.
    """
    from advisor.api import Advisor
    from advisor.records.schema import Pretraining

    with working("fitting to the shipped evidence and your runs, and judging the result on sources left out"):
        trained = Advisor().train(out, add=add, force=force)
    artefacts = [trained.artefact, trained.artefact.of(Pretraining.IMAGENET)]
    for fault in trained.faults:
        note(f"used all the same: {fault}")
    runs, datasets = sum(one.runs for one in artefacts), sum(len(one.known) for one in artefacts)
    kinds = ", ".join(f"{count:,} {source}" for source, count in sorted(trained.used_by_source.items()))
    used = f"{trained.own_runs_used} of your {counted(trained.own_runs, 'run')} are among them" + (
        f" ({kinds})" if kinds else ""
    )
    if add:
        used = f"{trained.added_used} of {counted(trained.added, 'further run')} from --add and {used}"
    echo(f"Fitted to {counted(runs, 'run')} on {counted(datasets, 'dataset')}; {used}.")
    for reason, count in sorted(trained.left_out.items(), key=lambda item: -item[1]):
        hint = f" ({WHAT_TO_DO[reason]})" if reason in WHAT_TO_DO else ""
        echo(f"Not used: {count:,} of your runs, as {reason}{hint}.")
    for name, one in zip(("from scratch", "fine-tuning"), artefacts, strict=True):
        echo(f"{name}: {_judged(one.evaluation or {})}")
    echo(f"Written to {trained.folder}; `advisor suggest` uses it from now on.")


def _judged(evaluation: Mapping[str, Any]) -> str:
    regrets = ", ".join(f"{name} {value:.3f}" for name, value in evaluation["regret"].items())
    return f"Mean regret on {evaluation['groups']} sources left out ({evaluation['cases']} cases): {regrets}."
