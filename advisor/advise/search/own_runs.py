"""A user's own runs of the case at hand: which they are, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from advisor.advise.request import Request
from advisor.learn.usable_runs import is_comparable, is_evidence
from advisor.records.schema import Dataset, Run
from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import HYPERPARAMETERS


def matching_runs(runs: Iterable[Run], request: Request, dataset: Dataset) -> list[Run]:
    """Return the runs of the case that a request is about.

    They have its dataset, model, optimizer, kind of weights and image size; one that does not say its image size is
    taken to have this one.
    """
    return [
        run
        for run in runs
        if run.dataset_id == dataset.dataset_id
        and is_evidence(run)
        and is_comparable(run, dataset)
        and str(run.model).partition(".")[0] == request.model.name
        and (run.opt, run.pretraining) == (request.opt, request.pretraining)
        and run.img_size in (None, request.img_size)
    ]


def configuration_of(run: Run) -> Configuration:
    """Return the hyperparameters that a run was trained with."""
    return Configuration(**{name: getattr(run, name) for name in HYPERPARAMETERS})


def describe_own_runs(own: Sequence[Run], again: bool, noise: float) -> str:
    """Say how many own runs the advice uses, the best of them, and whether what comes first is one of them again."""
    best = max(own, key=lambda run: run.final_metric if run.final_metric is not None else -math.inf)
    runs = "one run" if len(own) == 1 else f"{len(own)} runs"
    top = "" if best.final_metric is None else f", the best of which reached {best.final_metric:.1f} %"
    kept = f"; what was trained comes first again: nothing is expected to beat it by more than {noise:.1f} points"
    return f"uses {runs} of yours on this dataset{top}{kept if again else ''}"
