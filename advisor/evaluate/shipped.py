"""Judges the advice on the shipped evidence, every source of datasets held out in turn."""

from __future__ import annotations

from typing import Any

from advisor.collect.engine import available_cores
from advisor.describe.model import model_features
from advisor.evaluate.finetuning import evaluate_fine_tuning
from advisor.evaluate.protocol import evaluate
from advisor.evaluate.summary import summarise
from advisor.learn.artefact import digest
from advisor.learn.table import build_table
from advisor.records.evidence import load_evidence, load_fine_tuning


def evaluate_shipped(*, finetuning: bool = False, workers: int | None = None) -> dict[str, Any]:
    """Return what the advice is worth on sources that it has not seen, as JSON values.

    Parameters
    ----------
    finetuning : bool
        Whether fine-tuning from ImageNet weights is judged, or training from scratch.
    workers : int, optional
        Processes; by default one per core.
    """
    if finetuning:
        return evaluate_fine_tuning(load_fine_tuning(), workers=workers)
    evidence = load_evidence()
    table = build_table(evidence.runs, evidence.datasets, model_features)
    summary = summarise(evaluate(table, workers=workers or available_cores()))
    return {"data_sha256": digest(table), "runs": len(table), **summary}
