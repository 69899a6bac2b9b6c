"""``advisor train``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from advisor.cli.terminal.messages import note
from advisor.cli.terminal.progress import working
from advisor.errors import AdvisorError


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--force", is_flag=True, help="Use the result even if it does worse than what it replaces.")
def train(out: Path | None, force: bool) -> None:
    """Fit the meta-model to the shipped evidence and your own recorded runs.

    The result is used by `advisor suggest` from then on. Before, it is judged on sources of datasets that it was not
    fitted to: one that does worse there than the shipped model, or than what was best on average, is not used.
    """
    from dataclasses import replace

    from advisor.collect.engine import available_cores
    from advisor.config import Config
    from advisor.describe.model import describe_model
    from advisor.describe.recorded import describe_recorded
    from advisor.evaluate.gate import judge
    from advisor.learn.artefact import fit_artefact
    from advisor.learn.table import build_table, teaching
    from advisor.records.evidence import load_evidence
    from advisor.records.store.store import Store
    from advisor.records.store.sync import sync

    def describe(name: str, size: int) -> Mapping[str, float]:
        return describe_model(name).features(size)

    config = Config()
    store = Store(config["store"])
    with working("taking in what runs have written and describing their datasets"):
        sync(store, config["spool_dir"])
        describe_recorded(store)
    shipped, own = load_evidence(), store.runs()
    runs = list({run.run_id: run for run in (*shipped.runs, *own)}.values())
    datasets = {d.dataset_id: d for d in (*store.datasets(), *shipped.datasets)}
    workers = available_cores()
    with working(f"fitting to {len(runs):,} runs"):
        artefact = fit_artefact(runs, list(datasets.values()), describe, workers)
    with working("judging the result on sources left out"):
        verdict = judge(
            build_table(runs, datasets.values(), describe),
            build_table(shipped.runs, shipped.datasets, describe),
            workers=workers,
        )
    if verdict.faults and not force:
        raise AdvisorError(
            "the fitted meta-model does worse on sources it has not seen, and is not used",
            cause="; ".join(verdict.faults),
            hint="see which of your runs are wrong with `advisor records list`, or use it all the same with "
            "`advisor train --force`",
        )
    folder = out or Path(config["metamodel_dir"])
    replace(artefact, evaluation=verdict.evaluation).save(folder)
    for fault in verdict.faults:
        note(f"used all the same: {fault}")
    used = len(teaching(own, datasets))
    click.echo(
        f"Fitted to {artefact.runs:,} runs on {len(artefact.known)} datasets; "
        f"{used} of your {len(own)} runs are among them."
    )
    click.echo(_judged(verdict.evaluation))
    click.echo(f"Written to {folder}; `advisor suggest` uses it from now on.")


def _judged(evaluation: Mapping[str, Any]) -> str:
    regrets = ", ".join(f"{name} {value:.3f}" for name, value in evaluation["regret"].items())
    return f"Mean regret on {evaluation['groups']} sources left out ({evaluation['cases']} cases): {regrets}."
