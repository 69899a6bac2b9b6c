"""Judges choices of a model on datasets left out: what is lost by training the one that is ranked first.

A choice is among the recorded models of a dataset that have at most so many parameters. Regret is normalised by the
range of these: 0 the best of them, 1 the worst. All fitting happens on the other datasets.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.evaluate.summary import bootstrap_interval
from advisor.learn.model_choice import LEVEL, ModelChoice
from advisor.learn.table import Floats
from research.model_choice.fitting import fit, variances_of
from research.model_choice.runs import Reached

CAPS = (math.inf, 100e6, 30e6, 10e6, 4e6)
"""Most parameters."""
MIN_MODELS = 3
DRAWS = 20
IMAGENET, OURS, ON_AVERAGE = "highest ImageNet accuracy", "advisor", "best on average on the others"
RANDOM = "random"


@dataclass(frozen=True)
class Fold:
    """The rows of one dataset and those of the others, which all fitting is done on.

    Attributes
    ----------
    others, here : Reached
        The rows.
    variances : ndarray
        Those of the model's terms, fitted to the others.
    """

    others: Reached
    here: Reached
    variances: Floats

    def expected(self, model: ModelChoice) -> Floats:
        """Return what a model expects of the rows here, in percent."""
        n_train, n_classes = int(self.here.n_train[0]), int(self.here.n_classes[0])
        return np.array([one.top1 for one in model.expect(self.here.model, n_train, n_classes)])


Score = Callable[[Fold], Floats]
"""What a method thinks of the models of a dataset left out; higher is better."""


def by_imagenet(fold: Fold) -> Floats:
    """Rank by published accuracy."""
    return np.array([candidate.imagenet_top1 for candidate in fold.here.model])


def by_size(fold: Fold) -> Floats:
    """Rank by the number of parameters."""
    return fold.here.num_params


def on_average(fold: Fold) -> Floats:
    """Rank by the mean share of models that a model beats on the other datasets."""
    from scipy.stats import rankdata

    shares: dict[str, list[float]] = {}
    for name in np.unique(fold.others.dataset):
        rows = fold.others.dataset == name
        ranks = rankdata(fold.others.top1[rows]) / rows.sum()
        for model, rank in zip(fold.others.names[rows], ranks, strict=True):
            shares.setdefault(str(model), []).append(float(rank))
    return np.array([float(np.mean(shares.get(str(model), [0.0]))) for model in fold.here.names])


def by_advisor(fold: Fold) -> Floats:
    """Rank as ``advisor suggest --models`` does."""
    return fold.expected(fit(fold.others, fold.variances))


METHODS: Mapping[str, Score] = {
    IMAGENET: by_imagenet,
    "most parameters": by_size,
    ON_AVERAGE: on_average,
    OURS: by_advisor,
}


@dataclass(frozen=True)
class Choices:
    """What a method's choices cost, a value for every dataset in which there was a choice.

    Attributes
    ----------
    regret, points : ndarray of shape (n,)
        Lost by its first, as a share of the range and in points of accuracy.
    rho : ndarray of shape (n,)
        Spearman's correlation of its order with the true one; NaN for an order that is none.
    dataset : ndarray of str, shape (n,)
        Names.
    """

    regret: Floats
    points: Floats
    rho: Floats
    dataset: NDArray[np.str_]

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean regret over datasets."""
        return bootstrap_interval(self.regret, self.dataset)


def folds(reached: Reached) -> list[Fold]:
    """Return a fold for every dataset."""
    left_out = [reached.dataset == name for name in np.unique(reached.dataset)]
    return [
        Fold(others, reached.only(here), variances_of(others)) for here in left_out for others in [reached.only(~here)]
    ]


def judge(folded: Sequence[Fold], methods: Mapping[str, Score] = METHODS) -> dict[float, dict[str, Choices]]:
    """Return by cap and method what choices cost; ``RANDOM`` is there too."""
    scored = [(fold.here, {name: score(fold) for name, score in methods.items()}) for fold in folded]
    return {cap: {name: _choices(scored, name, cap) for name in (*methods, RANDOM)} for cap in CAPS}


def judge_half_recorded(folded: Sequence[Fold], draws: int = DRAWS) -> dict[float, dict[str, Choices]]:
    """Return the same where only half of the families, drawn at random, were recorded on the other datasets.

    A choice then is among models of which some were never recorded, as it is for users. A dataset's values are means
    over the draws.
    """
    rng = np.random.default_rng(0)
    families = np.unique(np.concatenate([fold.others.families for fold in folded]))
    found = []
    for _ in range(draws):
        known = rng.permutation(families)[: len(families) // 2]
        methods = {IMAGENET: by_imagenet, OURS: functools.partial(_knowing, families=known)}
        found.append(judge(folded, methods))
    return {cap: {name: _mean([one[cap][name] for one in found]) for name in found[0][cap]} for cap in CAPS}


def _knowing(fold: Fold, families: NDArray[np.str_]) -> Floats:
    recorded = fold.others.only(np.isin(fold.others.families, families))
    return fold.expected(fit(recorded, fold.variances))


def held(folded: Sequence[Fold], own: int) -> tuple[float, float, float]:
    """Return how often the interval holds, how wide it is and how far the expectation is off, in points.

    Parameters
    ----------
    folded : sequence of Fold
        What is judged.
    own : int
        On how many other models of the dataset there are own runs, drawn at random.
    """
    rng = np.random.default_rng(0)
    inside, width, off = [], [], []
    for fold in folded:
        model, here = fit(fold.others, fold.variances), fold.here
        for at in range(len(here)):
            known = rng.choice([i for i in range(len(here)) if i != at], own, replace=False)
            seen = [(here.model[i], float(here.top1[i])) for i in known]
            (found,) = model.expect([here.model[at]], int(here.n_train[0]), int(here.n_classes[0]), seen)
            inside.append(found.low <= here.top1[at] <= found.high)
            width.append(found.high - found.low)
            off.append(abs(found.top1 - here.top1[at]))
    return float(np.mean(inside)), float(np.mean(width)), float(np.median(off))


NOMINAL = LEVEL
"""How often the interval is meant to hold."""


def _choices(scored: Sequence[tuple[Reached, Mapping[str, Floats]]], method: str, cap: float) -> Choices:
    from scipy.stats import spearmanr

    rows = []
    for here, scores in scored:
        fits = here.num_params <= cap
        top1 = here.top1[fits]
        if len(top1) < MIN_MODELS:
            continue
        span, rho = max(float(np.ptp(top1)), 1e-9), math.nan
        if method == RANDOM:
            chosen = float(top1.mean())
        else:
            expected = scores[method][fits]
            chosen = float(top1[expected == expected.max()].mean())
            rho = float(spearmanr(expected, top1).statistic)
        lost = float(top1.max()) - chosen
        rows.append((lost / span, lost, rho, str(here.dataset[0])))
    regret, points, correlation, dataset = zip(*rows, strict=True)
    return Choices(np.array(regret), np.array(points), np.array(correlation), np.array(dataset))


def _mean(of_draws: Sequence[Choices]) -> Choices:
    return Choices(
        regret=np.mean([one.regret for one in of_draws], axis=0),
        points=np.mean([one.points for one in of_draws], axis=0),
        rho=np.mean([one.rho for one in of_draws], axis=0),
        dataset=of_draws[0].dataset,
    )
