"""What the meta-model is taught about a run: how far it fell short within its case, on scales that can be learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.learn.table import Floats

_NEARLY_BEST = 0.1
"""Differences well below this much regret are within the noise and do not matter on the logarithmic scale."""


def logit(top1: Floats) -> Floats:
    """Return the log-odds of accuracies in percent, kept finite by half a percent at either end."""
    share = np.clip(np.asarray(top1, dtype=np.float64) / 100, 0.005, 0.995)
    return np.log(share / (1 - share))


def from_logit(value: Floats) -> Floats:
    """Return accuracies in percent from log-odds."""
    return 100 / (1 + np.exp(-value))


def rows_by_case(case_of: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Return the rows of each case, in one pass however many cases there are."""
    order = np.argsort(case_of, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(case_of[order])) + 1)


def regret_within_cases(score: Floats, case_of: NDArray[np.int64]) -> Floats:
    """Return each run's regret in its case: (best - score) / (best - median), 0 the best, 1 a median run.

    Clipped at 2, so that how exactly a hopeless run fails does not matter. A case in which nothing differs is 0.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Accuracies in percent.
    case_of : ndarray of int, shape (n,)
        The case of each run.

    Returns
    -------
    ndarray of shape (n,), in [0, 2]
    """
    regret = np.zeros(len(score))
    for rows in rows_by_case(case_of):
        best, median = score[rows].max(), np.median(score[rows])
        if best > median:
            regret[rows] = np.minimum(2.0, (best - score[rows]) / (best - median))
    return regret


def regret_scale(top1: Floats) -> float:
    """Return the points of accuracy that a regret of 1 stands for: best minus median over all there is to choose from.

    Parameters
    ----------
    top1 : ndarray of shape (n,)
        Predicted accuracies in percent.
    """
    return max(float(np.quantile(top1, 0.99) - np.median(top1)), 1e-6)


@dataclass(frozen=True)
class Target:
    """A scale on which regrets are learned.

    Attributes
    ----------
    name : str
        What it is called in manifests and tables.
    of : callable
        From scores in percent, shape (n,), and the case of each to the values to learn; smaller is better.
    to_regret : callable
        From values to regret, rising.
    """

    name: str
    of: Callable[[Floats, NDArray[np.int64]], Floats]
    to_regret: Callable[[Floats], Floats]


def _log_regret(score: Floats, case_of: NDArray[np.int64]) -> Floats:
    return np.log(_NEARLY_BEST + regret_within_cases(score, case_of))


def _rank(score: Floats, case_of: NDArray[np.int64]) -> Floats:
    from scipy.stats import rankdata

    rank = np.zeros(len(score))
    for rows in rows_by_case(case_of):
        rank[rows] = (rankdata(-score[rows]) - 0.5) / len(rows)
    return rank


def _log_odds_short(score: Floats, case_of: NDArray[np.int64]) -> Floats:
    odds = logit(score)
    short = np.zeros(len(score))
    for rows in rows_by_case(case_of):
        short[rows] = np.minimum(3.0, odds[rows].max() - odds[rows])
    return short


TARGETS = {
    target.name: target
    for target in (
        Target("regret", regret_within_cases, lambda value: value),
        Target("log-regret", _log_regret, lambda value: np.maximum(np.exp(value) - _NEARLY_BEST, 0.0)),
        Target("rank", _rank, lambda value: 2 * value),
        Target("log-odds", _log_odds_short, lambda value: value),
    )
}
"""The scales that were tried; a median run has regret 1 and rank 0.5, in units of log-odds it differs by case."""
