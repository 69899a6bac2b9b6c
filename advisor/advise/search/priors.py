"""What is expected before any own run, where recipes have a share: published values as regrets, and mixtures."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from advisor.advise.recipes.published import Published
from advisor.advise.search.predictor import Hparams
from advisor.learn.own_runs import LEAST_SCALE
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


Value = TypeVar("Value", float, Floats)


class ExpectedRegret(Protocol):
    """What is expected of configurations before any own run."""

    def regret(self, hparams: Hparams) -> Floats:
        """Return the expected regret."""


class AsPublished:
    """What is published, as regrets: none in the middle, more toward the ends of its ranges.

    Parameters
    ----------
    published : Published
        What recipes, public runs and the rule advise.
    best_score : float, optional
        Of own runs: after a good one little is left to gain, whatever it was trained with.

    Attributes
    ----------
    unit : float
        Points that a regret of 1 stands for.
    """

    def __init__(self, published: Published, best_score: float | None = None) -> None:
        self.unit = max(_POINTS if best_score is None else min(_POINTS, (100 - best_score) / 2), LEAST_SCALE)
        self._middle = to_unit_scale(columns_of([published.configurations[0]]))
        low, high = ({n: np.array([ends[i]]) for n, ends in published.ranges.items()} for i in (0, 1))
        self._widths = np.maximum((to_unit_scale(high) - to_unit_scale(low)) / 2, 1.0)

    def regret(self, hparams: Hparams) -> Floats:
        """Return 0 in the middle, 0.8 at the end of one range and 2 far away, as regrets are clipped."""
        away = to_unit_scale(hparams) - self._middle
        squares = np.square(away / self._widths) @ _MATTERS + _FEWER_EPOCHS * np.maximum(-away[:, _EPOCHS], 0.0)
        return np.asarray(2 * (1 - np.exp(-squares / 2)))


class Mixed:
    """Regrets between two.

    Parameters
    ----------
    first, second : ExpectedRegret
        What is mixed.
    share : float
        Of the second, 0 to 1.
    """

    def __init__(self, first: ExpectedRegret, second: ExpectedRegret, share: float) -> None:
        self._first, self._second, self._share = first, second, share

    def regret(self, hparams: Hparams) -> Floats:
        """Return the expected regret."""
        return np.asarray(mix(self._first.regret(hparams), self._second.regret(hparams), self._share))


def mix(first: Value, second: Value, share: float) -> Value:
    """Return what lies between two, by the share of the second."""
    return (1 - share) * first + share * second
