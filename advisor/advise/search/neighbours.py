"""Recorded datasets like the one that is asked about, and what worked there."""

from __future__ import annotations

import numpy as np

from advisor.advise.request import Request
from advisor.advise.suggestion import SimilarDataset
from advisor.learn.artefact import Artefact
from advisor.records.schema import Dataset


def most_similar(
    artefact: Artefact, request: Request, dataset: Dataset, *, count: int = 3, any_optimizer: bool = False
) -> tuple[SimilarDataset, ...]:
    """Return the most similar recorded datasets that have runs of this model, or of any, and the best run of each.

    Parameters
    ----------
    artefact : Artefact
        What knows the recorded datasets.
    request : Request
        What is asked for; runs with its optimizer and start count.
    dataset : Dataset
        The described dataset.
    count : int
        How many to return at most.
    any_optimizer : bool
        Whether runs with another optimizer count as well, where there are none with this one. Runs from another start
        never do: what trains a network from scratch is no example for fine-tuning.
    """
    similarities = artefact.dataset_distances.similarities(dataset.features)
    result: list[SimilarDataset] = []
    for i in np.argsort(-similarities, kind="stable"):
        known = artefact.known[i]
        context = (request.opt, request.pretraining)
        same = [b for b in known.best if (b["opt"], b["pretraining"]) == context]
        if not same and any_optimizer:
            same = [b for b in known.best if b["pretraining"] == request.pretraining]
        if not same:
            continue
        best = min(same, key=lambda b: b["model"] != request.model.name)
        result.append(
            SimilarDataset(
                dataset=known.dataset.name, similarity=round(float(similarities[i]), 3), runs=known.runs, best=best
            )
        )
        if len(result) == count:
            break
    return tuple(result)
