"""``advisor train``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
def train(out: Path | None) -> None:
    """Fit the meta-model to the shipped evidence and your own recorded runs.

    The result is used by `advisor suggest` from then on.
    """
    from advisor.config import Config
    from advisor.describe.model import describe_model
    from advisor.learn.artefact import fit_artefact
    from advisor.records.evidence import load_evidence
    from advisor.records.ingest import sync
    from advisor.records.store import Store

    config = Config()
    store = Store(config["store"])
    sync(store, config["spool_dir"])
    shipped = load_evidence()
    runs = [*shipped.runs, *store.runs()]
    datasets = {d.dataset_id: d for d in (*store.datasets(), *shipped.datasets)}
    artefact = fit_artefact(runs, list(datasets.values()), lambda name, size: describe_model(name).features(size))
    folder = out or Path(config["metamodel_dir"])
    artefact.save(folder)
    own = artefact.runs - sum(1 for _ in shipped.runs)
    click.echo(
        f"Fitted to {artefact.runs:,} runs on {len(artefact.known)} datasets ({max(own, 0):,} more than shipped)."
    )
    click.echo(f"Written to {folder}")
