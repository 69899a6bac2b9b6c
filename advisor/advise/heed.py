"""Heeding a user's own runs: the meta-model's predictions, moved by what was measured on the dataset at hand."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

import numpy as np

from advisor.advise.candidates import Bounds, even_cover
from advisor.advise.predictor import Five, Predict
from advisor.advise.request import Request
from advisor.advise.search import regret_unit
from advisor.learn.metamodel import LEVEL, Prediction
from advisor.learn.own_runs import OPTIMISM, OwnRuns
from advisor.learn.space import Configuration, columns_of
from advisor.learn.table import Floats, is_augmented, is_comparable, is_evidence, score_of
from advisor.records.schema import HYPERPARAMETERS, Dataset, Run


def runs_to_heed(runs: Iterable[Run], request: Request, dataset: Dataset, augmented: bool) -> list[Run]:
    """Return the runs of the case that a request is about: its dataset, model, optimizer, start and augmentation."""
    return [
        run
        for run in runs
        if run.dataset_id == dataset.dataset_id
        and is_evidence(run)
        and is_comparable(run, dataset)
        and str(run.model).partition(".")[0] == request.model.name
        and (run.opt, bool(run.pretrained), is_augmented(run)) == (request.opt, request.pretrained, augmented)
    ]


class Heeding:
    """Predictions that heed own runs.

    Where runs were measured, and near them, their scores count; elsewhere the meta-model's order holds, on the level
    that the runs showed. What is not known yet is taken to be a little better than expected.

    Parameters
    ----------
    predict : Predict
        The meta-model's predictions.
    own : list of Run
        At least one; see ``runs_to_heed``.
    bounds : mapping of str to (low, high)
        The box that is searched: the scale of shortfalls in points is taken from an even cover of it.
    n_classes : int
        Classes of the dataset.
    noise : float
        Points by which equal runs with other seeds differ.
    """

    def __init__(self, predict: Predict, own: list[Run], bounds: Bounds, n_classes: int, noise: float) -> None:
        self._predict = predict
        self._noise = noise
        self._unit = max(regret_unit(predict(even_cover(bounds)).top1), 1.0)
        five = columns_of([Configuration(**{name: getattr(run, name) for name in HYPERPARAMETERS}) for run in own])
        score = np.array([score_of(run, n_classes) for run in own])
        self._process = OwnRuns(noise, self._unit).fit(five, predict.shortfall(five) * self._unit, score)

    def __call__(self, five: Five) -> Prediction:
        """Return everything that is expected."""
        shortfall, mean, deviation = self._moved(five)
        half = NormalDist().inv_cdf(0.5 + LEVEL / 2) * np.sqrt(deviation**2 + self._noise**2)
        return Prediction(
            shortfall=shortfall,
            spread=deviation / self._unit,
            top1=np.clip(mean, 0, 100),
            low=np.clip(mean - half, 0, 100),
            high=np.clip(mean + half, 0, 100),
        )

    def shortfall(self, five: Five) -> Floats:
        """Return the expected shortfall only."""
        return self._moved(five)[0]

    def _moved(self, five: Five) -> tuple[Floats, Floats, Floats]:
        """Return the shortfall, the expected accuracy and its standard deviation."""
        mean, deviation = self._process.predict(five, self._predict.shortfall(five) * self._unit)
        return (self._process.centre_ - mean - OPTIMISM * deviation) / self._unit, mean, deviation


def heard(own: list[Run]) -> str:
    """Say how many own runs the advice heeds and the best of them."""
    best = max(own, key=lambda run: run.final_metric if run.final_metric is not None else -math.inf)
    runs = "one run" if len(own) == 1 else f"{len(own)} runs"
    top = "" if best.final_metric is None else f", the best of which reached {best.final_metric:.1f} %"
    return f"heeds {runs} of yours on this dataset{top}"
