"""What own runs add: replayed on recorded configurations of held-out sources, against random search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.evaluate.pool import Pool, expected_best
from advisor.learn.own_runs import EXPLORATION_WEIGHT, LENGTHS, OwnRunsPosterior
from advisor.learn.table import Floats

AdaptiveRegret = dict[str, dict[int, float]]
"""Regret of the best so far by method and number of own runs."""

Acquisition = Callable[[NDArray[np.int64]], Floats]
"""From the configurations tried so far to how promising every one of the pool is; the largest is tried next."""

TRIALS = (0, 1, 3, 5, 10, 25)
"""Own runs after the first suggestion."""


def replay(pool: Pool, short: Floats, noise: float, scale: float, trials: int) -> list[int]:
    """Return the configurations tried in turn, each chosen after the scores of those before it are known.

    Parameters
    ----------
    pool : Pool
        The recorded configurations of a case.
    short : ndarray of shape (m,)
        Points that the meta-model expects each to fall short.
    noise : float
        Points between seeds.
    scale : float
        Points that a regret of 1 stands for, see ``posterior_scale``.
    trials : int
        How many to try; at most all.
    """
    return follow(pool, int(short.argmin()), upper_confidence_bound(pool, short, noise, scale), trials)


def follow(pool: Pool, first: int, acquisition: Acquisition, trials: int) -> list[int]:
    """Return the configurations tried in turn: a first one, then each time the most promising of those not tried."""
    tried = [first]
    while len(tried) < min(trials, len(pool.score)):
        rows = np.array(tried)
        value = np.array(acquisition(rows), dtype=np.float64)
        value[rows] = -np.inf
        tried.append(int(value.argmax()))
    return tried


def upper_confidence_bound(
    pool: Pool,
    short: Floats,
    noise: float,
    scale: float,
    *,
    lengths: Sequence[float] = LENGTHS,
    exploration_weight: float = EXPLORATION_WEIGHT,
) -> Acquisition:
    """Return how promising a pool's configurations are to advice that is conditioned on own runs."""

    def bound(tried: NDArray[np.int64]) -> Floats:
        posterior = posterior_of(pool, short, noise, scale, tried, lengths)
        mean, deviation = posterior.predict(pool.hparams, short)
        return mean + exploration_weight * deviation

    return bound


def posterior_of(
    pool: Pool,
    short: Floats,
    noise: float,
    scale: float,
    tried: NDArray[np.int64],
    lengths: Sequence[float] = LENGTHS,
) -> OwnRunsPosterior:
    """Return what the tried configurations of a pool teach."""
    hparams = {name: column[tried] for name, column in pool.hparams.items()}
    return OwnRunsPosterior(noise, scale, lengths).fit(hparams, short[tried], pool.score[tried])


def adaptive_regret(pool: Pool, short: Floats, noise: float, scale: float) -> AdaptiveRegret:
    """Return the regret of the best so far by number of own runs, for advice that follows them and for two baselines.

    ``random from the same start`` tries the first suggestion and goes on at random, ``random search`` never hears
    of it; both draw at the case's most epochs. A number of runs that the case does not have is left out. The
    arguments are those of ``replay``.
    """
    tried = replay(pool, short, noise, scale, max(TRIALS) + 1)
    first = pool.score[tried[0]]
    draws = pool.score[pool.at_cap()]
    result: AdaptiveRegret = {"advice": {}, "random from the same start": {}, "random search": {}}
    for k in TRIALS:
        if k < len(tried):
            result["advice"][k] = float(pool.regret(pool.score[tried[: k + 1]].max()))
        if k <= len(draws):
            lucky = first if k == 0 else expected_best(np.maximum(draws, first), k)
            result["random from the same start"][k] = float(pool.regret(lucky))
        if k + 1 <= len(draws):
            result["random search"][k] = float(pool.regret(expected_best(draws, k + 1)))
    return result


def adaptive_table(found: Sequence[tuple[str, AdaptiveRegret]]) -> list[dict[str, Any]]:
    """Return mean regret over groups by method and number of own runs, over cases that have them for every method.

    Parameters
    ----------
    found : sequence of (group, result of ``adaptive_regret``)
    """
    rows = []
    for k in TRIALS:
        complete = [(group, case) for group, case in found if all(k in values for values in case.values())]
        if not complete:
            continue
        groups = np.array([group for group, _ in complete])
        row: dict[str, Any] = {"own_runs": k, "cases": len(complete), "groups": len(set(groups))}
        for method in complete[0][1]:
            values = np.array([case[method][k] for _, case in complete])
            row[method] = float(np.mean([values[groups == group].mean() for group in set(groups)]))
        rows.append(row)
    return rows
