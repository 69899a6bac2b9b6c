"""Conditions expectations on a user's own runs: what was measured on the dataset at hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from advisor.advise.recipes.published import Published
from advisor.advise.request import Prefer, Request
from advisor.advise.search.bounds import Bounds, allowed_bounds
from advisor.advise.search.candidates import even_cover
from advisor.advise.search.predictor import Hparams, Predict
from advisor.advise.search.search import SearchResult, search
from advisor.learn.metamodel import LEVEL, Prediction
from advisor.learn.own_runs import EXPLORATION_WEIGHT, OwnRunsPosterior, posterior_scale
from advisor.learn.table import Floats, is_comparable, is_evidence, score_of
from advisor.records.schema import Dataset, Run
from advisor.space.configuration import Configuration, columns_of, to_unit_scale
from advisor.space.hyperparameters import HYPERPARAMETERS

_POINTS = 5.0
"""Points that a value at the end of a published range is taken to lose: a guess, soon outweighed by own scores."""


def matching_runs(runs: Iterable[Run], request: Request, dataset: Dataset) -> list[Run]:
    """Return the runs of the case that a request is about: its dataset, model, optimizer and kind of weights."""
    return [
        run
        for run in runs
        if run.dataset_id == dataset.dataset_id
        and is_evidence(run)
        and is_comparable(run, dataset)
        and str(run.model).partition(".")[0] == request.model.name
        and (run.opt, run.pretraining) == (request.opt, request.pretraining)
    ]


def configuration_of(run: Run) -> Configuration:
    """Return the hyperparameters that a run was trained with."""
    return Configuration(**{name: getattr(run, name) for name in HYPERPARAMETERS})


@dataclass(frozen=True)
class Observation:
    """What a run was trained with, and its score in percent."""

    configuration: Configuration
    score: float


class ConditionedPrediction:
    """Predictions conditioned on own runs.

    Where runs were measured, and near them, their scores count; elsewhere the meta-model's order holds, on the level
    that the runs showed. What is not known yet is taken to be a little better than expected.

    Parameters
    ----------
    predict : Predict
        The meta-model's predictions.
    own : list of Run
        At least one; see ``matching_runs``.
    bounds : mapping of str to (low, high)
        The box that is searched: the scale of regrets in points is taken from an even cover of it.
    n_classes : int
        Classes of the dataset.
    noise : float
        Points by which equal runs with other seeds differ.

    Attributes
    ----------
    noise : float
        As given.
    """

    def __init__(self, predict: Predict, own: Sequence[Run], bounds: Bounds, n_classes: int, noise: float) -> None:
        self.noise = noise
        self._predict = predict
        self._trained = [Observation(configuration_of(run), score_of(run, n_classes)) for run in own]
        self._unit = posterior_scale(predict(even_cover(bounds)).top1)
        hparams = columns_of([one.configuration for one in self._trained])
        score = np.array([one.score for one in self._trained])
        self._process = OwnRunsPosterior(noise, self._unit).fit(hparams, predict.regret(hparams) * self._unit, score)

    def __call__(self, hparams: Hparams) -> Prediction:
        """Return everything that is expected."""
        regret, mean, deviation = self._moved(hparams)
        half = NormalDist().inv_cdf(0.5 + LEVEL / 2) * np.sqrt(deviation**2 + self.noise**2)
        return Prediction(
            regret=regret,
            spread=deviation / self._unit,
            top1=np.clip(mean, 0, 100),
            low=np.clip(mean - half, 0, 100),
            high=np.clip(mean + half, 0, 100),
        )

    def regret(self, hparams: Hparams) -> Floats:
        """Return the expected regret only."""
        return self._moved(hparams)[0]

    def best_within(self, allowed: Bounds) -> Observation | None:
        """Return the own run with the best score whose hyperparameters are all allowed."""

        def fits(one: Observation) -> bool:
            values = one.configuration.as_dict()
            return all(low <= values[name] <= high for name, (low, high) in allowed.items())

        return max(filter(fits, self._trained), key=lambda one: one.score, default=None)

    def _moved(self, hparams: Hparams) -> tuple[Floats, Floats, Floats]:
        """Return the regret, the expected accuracy and its standard deviation."""
        mean, deviation = self._process.predict(hparams, self._predict.regret(hparams) * self._unit)
        return (self._process.centre_ - mean - EXPLORATION_WEIGHT * deviation) / self._unit, mean, deviation


def search_conditioned(
    conditioned: ConditionedPrediction, allowed: Bounds, bounds: Bounds, *, prefer: Prefer, top_k: int
) -> SearchResult:
    """Find the configurations to suggest to someone with own runs.

    The first is that of the best own run again, unless another one is expected to beat what it reached by more than
    equal runs differ, or fewer epochs are preferred: who has a good run is not to lose it. What is promising because it
    is not known yet comes after it.

    Parameters
    ----------
    conditioned : ConditionedPrediction
        What is expected.
    allowed : mapping of str to (low, high)
        What the user's limits allow, beyond the box too: own runs may lie there.
    bounds, prefer, top_k
        See ``search``.

    Returns
    -------
    SearchResult
    """
    found = search(conditioned, bounds, prefer=prefer, noise=conditioned.noise, top_k=top_k)
    best = conditioned.best_within(allowed)
    if prefer == "speed" or best is None:
        return found
    expected = conditioned(columns_of(list(found.configurations[:1])))
    if expected.top1[0] > best.score + conditioned.noise:
        return found
    configurations = tuple(dict.fromkeys([best.configuration, *found.configurations]))[:top_k]
    values = best.configuration.as_dict()
    ranges = {name: (min(low, values[name]), max(high, values[name])) for name, (low, high) in found.ranges.items()}
    return SearchResult(configurations, ranges)


class _AsPublished:
    """What is published, as predictions: the best in the middle, less toward the ends of its ranges, epochs aside."""

    def __init__(self, published: Published) -> None:
        self._middle = to_unit_scale(columns_of([published.configurations[0]]))
        low, high = ({n: np.array([ends[i]]) for n, ends in published.ranges.items()} for i in (0, 1))
        self._widths = np.maximum((to_unit_scale(high) - to_unit_scale(low)) / 2, 1.0)

    def __call__(self, hparams: Hparams) -> Prediction:
        """Return the regret, and levels that differ by as much."""
        regret = self.regret(hparams)
        level = 100 - _POINTS * regret
        return Prediction(regret, np.zeros_like(regret), level, level, level)

    def regret(self, hparams: Hparams) -> Floats:
        """Return the squared distance from the middle; at the end of one range it is 1."""
        distance = (to_unit_scale(hparams) - self._middle) / self._widths
        distance[:, HYPERPARAMETERS.index("epochs")] = 0.0
        return np.asarray(np.square(distance).sum(axis=1))


def condition_published(
    published: Published, own: Sequence[Run], request: Request, dataset: Dataset, noise: float
) -> Published:
    """Return what is published, moved by own runs; the epochs stay.

    What is published is taken to lose accuracy toward the ends of its ranges; own scores count on top of that, in
    a box that holds the ranges and the runs.

    Parameters
    ----------
    published : Published
        What recipes and the rule advise.
    own : list of Run
        At least one; see ``matching_runs``.
    request : Request
        What is asked; its limits hold.
    dataset : Dataset
        The described dataset.
    noise : float
        Points by which equal runs with other seeds differ.
    """
    best = published.configurations[0]
    tried = {name: [float(getattr(run, name)) for run in own] for name in HYPERPARAMETERS}
    box = {n: (min(*tried[n], ends[0]), max(*tried[n], ends[1])) for n, ends in published.ranges.items()}
    bounds = allowed_bounds({**box, "epochs": (best.epochs, best.epochs)}, request.limits, dataset.n_train)
    conditioned = ConditionedPrediction(_AsPublished(published), own, bounds, dataset.n_classes, noise)
    found = search_conditioned(conditioned, bounds, bounds, prefer="accuracy", top_k=request.top_k)
    return replace(
        published,
        configurations=found.configurations,
        ranges={**found.ranges, "epochs": published.ranges["epochs"]},
    )


def describe_own_runs(own: Sequence[Run], again: bool, noise: float) -> str:
    """Say how many own runs the advice uses, the best of them, and whether what comes first is one of them again."""
    best = max(own, key=lambda run: run.final_metric if run.final_metric is not None else -math.inf)
    runs = "one run" if len(own) == 1 else f"{len(own)} runs"
    top = "" if best.final_metric is None else f", the best of which reached {best.final_metric:.1f} %"
    kept = f"; what was trained comes first again: nothing is expected to beat it by more than {noise:.1f} points"
    return f"uses {runs} of yours on this dataset{top}{kept if again else ''}"
