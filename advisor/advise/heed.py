"""Heeding a user's own runs: the meta-model's predictions, moved by what was measured on the dataset at hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from advisor.advise.request import Request
from advisor.advise.search import Bounds, Predict, even_cover, regret_unit
from advisor.learn.metamodel import LEVEL, Prediction
from advisor.learn.own_runs import OPTIMISM, OwnRuns
from advisor.learn.space import Configuration, columns_of
from advisor.learn.table import Floats, is_augmented, is_evidence, score_of
from advisor.records.schema import HYPERPARAMETERS, Dataset, Run


def runs_to_heed(runs: Iterable[Run], request: Request, dataset: Dataset, augmented: bool) -> list[Run]:
    """Return the runs of the case that a request is about: its dataset, model, optimizer, start and augmentation."""
    return [
        run
        for run in runs
        if is_evidence(run)
        and run.dataset_id == dataset.dataset_id
        and str(run.model).partition(".")[0] == request.model.name
        and (run.opt, bool(run.pretrained), is_augmented(run)) == (request.opt, request.pretrained, augmented)
    ]


def heeding(predict: Predict, own: list[Run], bounds: Bounds, n_classes: int, noise: float) -> Predict:
    """Return predictions that heed own runs.

    Where runs were measured, and near them, their scores count; elsewhere the meta-model's order holds, on the level
    that the runs showed. What is not known yet is taken to be a little better than expected.

    Parameters
    ----------
    predict : callable
        The meta-model's predictions, from columns of the five.
    own : list of Run
        At least one; see ``runs_to_heed``.
    bounds : mapping of str to (low, high)
        The box that is searched: the scale of shortfalls in points is taken from an even cover of it.
    n_classes : int
        Classes of the dataset.
    noise : float
        Points by which equal runs with other seeds differ.
    """
    unit = max(regret_unit(predict(even_cover(bounds)).top1), 1.0)
    five = columns_of([Configuration(**{name: getattr(run, name) for name in HYPERPARAMETERS}) for run in own])
    score = np.array([score_of(run, n_classes) for run in own])
    process = OwnRuns(noise, unit).fit(five, predict(five).shortfall * unit, score)
    width = NormalDist().inv_cdf(0.5 + LEVEL / 2)

    def moved(columns: Mapping[str, Floats]) -> Prediction:
        prediction = predict(columns)
        mean, deviation = process.predict(columns, prediction.shortfall * unit)
        half = width * np.sqrt(deviation**2 + noise**2)
        return replace(
            prediction,
            shortfall=(process.centre_ - mean - OPTIMISM * deviation) / unit,
            spread=deviation / unit,
            top1=np.clip(mean, 0, 100),
            low=np.clip(mean - half, 0, 100),
            high=np.clip(mean + half, 0, 100),
        )

    return moved


def heard(own: list[Run]) -> str:
    """Say how many own runs the advice heeds and the best of them."""
    best = max(own, key=lambda run: run.final_metric if run.final_metric is not None else -math.inf)
    runs = "one run" if len(own) == 1 else f"{len(own)} runs"
    top = "" if best.final_metric is None else f", the best of which reached {best.final_metric:.1f} %"
    return f"heeds {runs} of yours on this dataset{top}"
