"""``advisor train``."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.cli.progress import working


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
def train(out: Path | None) -> None:
    """Fit the meta-model to the shipped evidence and your own recorded runs.

    The result is used by `advisor suggest` from then on.
    """
    from advisor.config import Config
    from advisor.describe.model import describe_model
    from advisor.describe.recorded import describe_recorded
    from advisor.learn.artefact import fit_artefact
    from advisor.learn.table import is_evidence
    from advisor.records.evidence import load_evidence
    from advisor.records.ingest import sync
    from advisor.records.store import Store

    config = Config()
    store = Store(config["store"])
    sync(store, config["spool_dir"])
    describe_recorded(store)
    shipped, own = load_evidence(), store.runs()
    runs = {run.run_id: run for run in (*shipped.runs, *own)}
    datasets = {d.dataset_id: d for d in (*store.datasets(), *shipped.datasets)}
    with working(f"fitting to {len(runs):,} runs"):
        artefact = fit_artefact(
            list(runs.values()), list(datasets.values()), lambda name, size: describe_model(name).features(size)
        )
    folder = out or Path(config["metamodel_dir"])
    artefact.save(folder)
    used = sum(is_evidence(run) and run.dataset_id in datasets for run in own)
    click.echo(
        f"Fitted to {artefact.runs:,} runs on {len(artefact.known)} datasets; "
        f"{used} of your {len(own)} runs are among them."
    )
    click.echo(f"Written to {folder}; `advisor suggest` uses it from now on.")
