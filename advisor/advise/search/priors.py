"""What is expected before any own run: what was learned, what is published, and mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from advisor.advise.recipes.published import Published
from advisor.advise.search.bounds import Bounds
from advisor.advise.search.candidates import even_cover
from advisor.advise.search.predictor import Hparams, Predict
from advisor.learn.own_runs import LENGTHS, posterior_scale
from advisor.learn.table import Floats
from advisor.space.configuration import columns_of, to_unit_scale
from advisor.space.hyperparameters import HYPERPARAMETERS

_MATTERS = np.array([1.0, 0.3, 0.0, 0.1, 0.05])
"""How much each hyperparameter matters to what is published, in their order: the learning rate, less the batch size,
hardly the others. Of the epochs recipes do not say what fewer cost."""
_FEWER_EPOCHS = 0.4
"""Regret that half the epochs cost, about: in the shipped records of good learning rates .4, .7 and .8 for a half, a
quarter and an eighth of the most that were recorded in the case. More than published do no harm."""
_EPOCHS = HYPERPARAMETERS.index("epochs")
_POINTS = 10.0
"""Points that a value at the end of a published range is taken to lose: a guess, soon outweighed by own scores."""
_PUBLISHED_UNIT, _PUBLISHED_LENGTHS = 17.0, (3.0, 2.8, 2.3, 14.0, 25.0)
"""Scale and smoothness of the errors of what is published: near the likeliest for the recorded cases, which are alike
from scratch and from ImageNet weights. They are larger than those of the meta-model, and reach further."""
_LEAST_LEFT = 1.0
"""Points that a regret of 1 is at least, however good an own run was."""
_LEFT_TO_GAIN = 0.25
"""Of the points that a good own run leaves to 100 %, what it would lose by lying at the end of a published range."""


class Prior(Protocol):
    """What is expected of configurations before any own run."""

    @property
    def unit(self) -> float:
        """Scale of its errors, in points; see ``OwnRunsPosterior``."""

    @property
    def lengths(self) -> Sequence[float]:
        """How smooth its errors are; see ``OwnRunsPosterior``."""

    def short(self, hparams: Hparams) -> Floats:
        """Return the points that configurations are expected to fall short of the best."""


class AsLearned:
    """What the meta-model expects.

    Parameters
    ----------
    predict : Predict
        The meta-model in a context.
    bounds : mapping of str to (low, high)
        The box that is searched: the points of a regret of 1 are taken from an even cover of it.
    best_score : float, optional
        Of own runs: a regret of 1 is no more points than that leaves to 100 %, as far as there is doubt.
    doubt : float
        That the meta-model's level holds for the request, 0 to 1.
    """

    def __init__(self, predict: Predict, bounds: Bounds, best_score: float | None = None, doubt: float = 0.0) -> None:
        unit = posterior_scale(predict(even_cover(bounds)).top1)
        left = unit if best_score is None else min(unit, max(100 - best_score, _LEAST_LEFT))
        self.unit, self.lengths = (1 - doubt) * unit + doubt * left, LENGTHS
        self._predict = predict

    def short(self, hparams: Hparams) -> Floats:
        """Return the points short."""
        return np.asarray(self._predict.regret(hparams) * self.unit)


class AsPublished:
    """What is published: nothing is short in the middle, more is toward the ends of its ranges.

    Parameters
    ----------
    published : Published
        What recipes, public runs and the rule advise.
    best_score : float, optional
        Of own runs: after a good one little is left to gain, whatever it was trained with.
    """

    unit, lengths = _PUBLISHED_UNIT, _PUBLISHED_LENGTHS

    def __init__(self, published: Published, best_score: float | None = None) -> None:
        self._points = _POINTS if best_score is None else min(_POINTS, (100 - best_score) * _LEFT_TO_GAIN)
        self._middle = to_unit_scale(columns_of([published.configurations[0]]))
        low, high = ({n: np.array([ends[i]]) for n, ends in published.ranges.items()} for i in (0, 1))
        self._widths = np.maximum((to_unit_scale(high) - to_unit_scale(low)) / 2, 1.0)

    def short(self, hparams: Hparams) -> Floats:
        """Return the points short: none in the middle, most far away."""
        away = to_unit_scale(hparams) - self._middle
        squares = np.square(away / self._widths) @ _MATTERS + _FEWER_EPOCHS * np.maximum(-away[:, _EPOCHS], 0.0)
        # A regret of 0.8 at the end of one range and of 2 far away, as regrets are clipped.
        return np.asarray(self._points * 2 * (1 - np.exp(-squares / 2)))


class Mixed:
    """What is expected between two priors.

    Parameters
    ----------
    first, second : Prior
        What is mixed.
    share : float
        Of the second, 0 to 1.
    """

    def __init__(self, first: Prior, second: Prior, share: float) -> None:
        self._first, self._second, self._share = first, second, share
        self.unit = (1 - share) * first.unit + share * second.unit
        self.lengths = [(1 - share) * a + share * b for a, b in zip(first.lengths, second.lengths, strict=True)]

    def short(self, hparams: Hparams) -> Floats:
        """Return the points short."""
        first, second = self._first.short(hparams), self._second.short(hparams)
        return np.asarray((1 - self._share) * first + self._share * second)
