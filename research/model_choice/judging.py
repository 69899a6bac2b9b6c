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
from advisor.learn.model_choice import Expectation, ModelChoice, best_first
from advisor.learn.table import Floats
from research.model_choice.fitting import fit, variances_of
from research.model_choice.runs import Reached

CAPS = (math.inf, 100e6, 30e6, 10e6, 4e6)
"""Most parameters."""
MIN_MODELS = 3
DRAWS = 20
IMAGENET, OURS, ON_AVERAGE = "highest ImageNet accuracy", "advisor", "best on average on the others"
EXPECTED, RANDOM = "expectation alone", "random"


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


Score = Callable[[Reached], Floats]
"""What is thought of models of a dataset left out, as rows of it; higher is better."""
Method = Callable[[Fold], Score]
"""Learns from the other datasets of a fold."""


def by_imagenet(fold: Fold) -> Score:
    """Rank by published accuracy."""
    return lambda rows: np.array([candidate.imagenet_top1 for candidate in rows.model])


def by_size(fold: Fold) -> Score:
    """Rank by the number of parameters."""
    return lambda rows: rows.num_params


def on_average(fold: Fold) -> Score:
    """Rank by the mean share of models that a model beats on the other datasets."""
    from scipy.stats import rankdata

    shares: dict[str, list[float]] = {}
    for name in np.unique(fold.others.dataset):
        rows = fold.others.dataset == name
        ranks = rankdata(fold.others.top1[rows]) / rows.sum()
        for model, rank in zip(fold.others.names[rows], ranks, strict=True):
            shares.setdefault(str(model), []).append(float(rank))
    return lambda rows: np.array([float(np.mean(shares.get(str(model), [0.0]))) for model in rows.names])


def by_expectation(fold: Fold) -> Score:
    """Rank by what the model expects, however little lies between."""
    model = fit(fold.others, fold.variances)
    return lambda rows: np.array([one.top1 for one in _expected(model, rows)])


def _expected(model: ModelChoice, rows: Reached) -> list[Expectation]:
    return model.expect(rows.model, int(rows.n_train[0]), int(rows.n_classes[0]))


def by_advisor(fold: Fold, families: NDArray[np.str_] | None = None) -> Score:
    """Rank as ``advisor suggest --models`` does, where only some families were recorded."""
    recorded = fold.others if families is None else fold.others.only(np.isin(fold.others.families, families))
    model = fit(recorded, fold.variances)

    def score(rows: Reached) -> Floats:
        expected = _expected(model, rows)
        places = np.empty(len(rows))
        places[best_first(rows.model, expected)] = np.arange(len(rows), 0, -1)
        return places

    return score


METHODS: Mapping[str, Method] = {
    IMAGENET: by_imagenet,
    "most parameters": by_size,
    ON_AVERAGE: on_average,
    EXPECTED: by_expectation,
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


def judge(folded: Sequence[Fold], methods: Mapping[str, Method] = METHODS) -> dict[float, dict[str, Choices]]:
    """Return by cap and method what choices cost; ``RANDOM`` is there too."""
    scores = {name: [method(fold) for fold in folded] for name, method in methods.items()}
    left_out = [fold.here for fold in folded]
    return {
        cap: {
            **{name: _choices(left_out, of_folds, cap) for name, of_folds in scores.items()},
            RANDOM: _choices(left_out, [lambda rows: np.zeros(len(rows))] * len(folded), cap),
        }
        for cap in CAPS
    }


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
        found.append(judge(folded, {IMAGENET: by_imagenet, OURS: functools.partial(by_advisor, families=known)}))
    return {cap: {name: _mean([one[cap][name] for one in found]) for name in found[0][cap]} for cap in CAPS}


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


def _choices(left_out: Sequence[Reached], scores: Sequence[Score], cap: float) -> Choices:
    from scipy.stats import spearmanr

    rows = []
    for here, score in zip(left_out, scores, strict=True):
        fits = here.only(here.num_params <= cap)
        if len(fits) < MIN_MODELS:
            continue
        scored, top1 = score(fits), fits.top1
        span = max(float(np.ptp(top1)), 1e-9)
        # Of those that share the first place, any may be chosen.
        lost = float(top1.max() - top1[scored == scored.max()].mean())
        rho = math.nan if np.ptp(scored) == 0 else float(spearmanr(scored, top1).statistic)
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
