"""The recorded configurations of a case, as a pool to pick from, and how good a pick is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.learn.table import Case, Floats, Table
from advisor.space.configuration import to_unit_scale
from advisor.space.hyperparameters import HYPERPARAMETERS

_RANDOM = ("sobol", "reference")
MIN_RANDOM = 8
"""A case with fewer random points has no median to speak of, and is not judged."""


@dataclass(frozen=True)
class Pool:
    """The configurations recorded in one case, each once.

    Attributes
    ----------
    case : Case
        The case.
    group : str
        Base source of its dataset.
    columns : tuple of str, length d
        Names of the features.
    x : ndarray of shape (m, d)
        Features of each configuration.
    score : ndarray of shape (m,)
        Mean accuracy over the seeds it was trained with, in percent.
    seeds : ndarray of int, shape (m,)
        How many those are.
    random : ndarray of bool, shape (m,)
        Whether it was drawn at random, as random search would.
    hparams : mapping of str to ndarray of shape (m,)
        The hyperparameters.
    n_train, n_eval : int
        Size of the dataset.
    """

    case: Case
    group: str
    columns: tuple[str, ...]
    x: Floats
    score: Floats
    seeds: NDArray[np.int64]
    random: NDArray[np.bool_]
    hparams: dict[str, Floats]
    n_train: int
    n_eval: int

    @property
    def max_epochs(self) -> int:
        """The case's largest number of epochs: the cap it is judged at."""
        return int(self.hparams["epochs"].max())

    @property
    def best(self) -> float:
        """Score of the best configuration; where the best few were trained with several seeds, of their means only."""
        repeated = self.seeds > 1
        return float(self.score[repeated].max() if repeated.any() else self.score.max())

    @property
    def median(self) -> float:
        """Median score of the random configurations."""
        return float(np.median(self.score[self.random]))

    def is_clear(self, noise: float | None) -> bool:
        """Return whether best and median are further apart than four standard deviations of one score.

        Parameters
        ----------
        noise : float or None
            Points by which equal runs with other seeds differ; the finite evaluation split adds to them.
        """
        share = min(max(self.best / 100, 0.02), 0.98)
        deviation = math.sqrt((noise or 0.0) ** 2 + 100**2 * share * (1 - share) / self.n_eval)
        return self.best - self.median > 4 * deviation

    def regret(self, score: Floats | float) -> Floats:
        """Return (best - score) / (best - median): 0 is the best known, 1 a typical random choice."""
        return np.asarray((self.best - score) / (self.best - self.median))

    def nearest(self, hparams: dict[str, float]) -> int:
        """Return the index of the configuration nearest to the given values on the unit scale."""
        wanted = to_unit_scale({name: np.array([hparams[name]]) for name in HYPERPARAMETERS})
        return int(np.abs(to_unit_scale(self.hparams) - wanted).sum(axis=1).argmin())

    def at_cap(self) -> NDArray[np.bool_]:
        """Return which random configurations spend the whole budget of epochs."""
        return np.asarray(self.random & (self.hparams["epochs"] == self.max_epochs))


def pools(table: Table) -> Iterator[Pool]:
    """Yield the pool of every case with enough random points and something to choose between."""
    for index in np.unique(table.case_of):
        rows = np.flatnonzero(table.case_of == index)
        keys = np.column_stack([table.hparams[name][rows] for name in HYPERPARAMETERS])
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        inverse = inverse.ravel()
        seeds = np.bincount(inverse)
        pool = Pool(
            case=table.cases[index],
            group=str(table.group_of[rows[0]]),
            columns=table.columns,
            x=table.x[rows[first]],
            score=np.bincount(inverse, weights=table.score[rows]) / seeds,
            seeds=seeds,
            random=np.bincount(inverse, weights=np.isin(table.kind[rows], _RANDOM)) > 0,
            hparams={name: table.hparams[name][rows[first]] for name in HYPERPARAMETERS},
            n_train=int(table.n_train[rows[0]]),
            n_eval=int(table.n_eval[rows[0]]),
        )
        if pool.random.sum() >= MIN_RANDOM and pool.best > pool.median:
            yield pool


def clear_pools(table: Table, noise: float | None) -> list[Pool]:
    """Return the pools with more to choose than noise: one without would outweigh all others in a mean regret."""
    return [pool for pool in pools(table) if pool.is_clear(noise)]


def expected_best(scores: Floats, k: int) -> float:
    """Return the expected best of ``k`` draws without replacement.

    The i-th best of n is the best drawn with probability C(n-1-i, k-1) / C(n, k).
    """
    n = len(scores)
    ordered = np.sort(scores)[::-1]
    k = min(k, n)
    weights = [math.comb(n - 1 - i, k - 1) / math.comb(n, k) for i in range(n)]
    return float(np.dot(weights, ordered))


def expected_best_of_mixture(at_cap: Floats, free: Floats, k: int) -> float:
    """Return the expected best of ``k`` draws, each at the largest epochs or at free ones with equal probability.

    That is how a case's random points are drawn. Of the draws at the largest epochs, of which many were recorded, none
    is drawn twice; of the free ones, of which there are few, any can be.

    Parameters
    ----------
    at_cap, free : ndarray
        Scores of the recorded points of either kind; at least ``k`` of the first and one of the second.
    k : int
        At least 1.
    """
    values = np.unique(np.concatenate([at_cap, free]))
    up_to = np.searchsorted(np.sort(at_cap), values, side="right")
    free_share = np.searchsorted(np.sort(free), values, side="right") / len(free)
    below = np.zeros(len(values))
    for j in range(k + 1):
        none_better = np.array([math.comb(int(m), j) / math.comb(len(at_cap), j) for m in up_to])
        below += math.comb(k, j) / 2**k * none_better * free_share ** (k - j)
    return float(np.dot(values, np.diff(below, prepend=0.0)))


def equivalent_trials(curve: Floats, score: float) -> float:
    """Return the number of random trials whose expected best equals ``score``, interpolated.

    Parameters
    ----------
    curve : ndarray of shape (n,)
        Expected best of 1 to n trials, rising.
    score : float
        0 where it is below the first; n where it is above the last, which is where the count is cut off.
    """
    n = len(curve)
    if score <= curve[0]:
        return float(score >= curve[0])
    if score >= curve[-1]:
        return float(n)
    above = int(np.searchsorted(curve, score, side="left"))
    low, high = curve[above - 1], curve[above]
    return float(above + (score - low) / (high - low))
