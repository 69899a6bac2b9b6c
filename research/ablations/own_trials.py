"""What own runs are worth beside a search without advice: regret by their number, from the same start."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from advisor.evaluate.adaptive import replay
from advisor.evaluate.pool import Pool, expected_best
from advisor.evaluate.summary import bootstrap_interval, mean_by_group
from advisor.learn.table import Floats
from advisor.space.configuration import to_unit_scale
from advisor.space.hyperparameters import HYPERPARAMETERS, TABLE
from research.ablations.forecasts import Forecast

if TYPE_CHECKING:
    from optuna.distributions import FloatDistribution

TRIALS = (0, 1, 3, 5, 10)
"""Own runs after the start."""
ADVICE, RANDOM, TPE = "advice", "random search", "TPE"
START_UP = 3
"""Random trials of TPE before it models anything, the start among them: with Optuna's default of 10 it would hardly
begin."""
SEEDS = 3
"""TPE is repeated with so many seeds."""


def rows(cases: Sequence[Forecast]) -> list[dict[str, Any]]:
    """Return a row a number of own runs, over the cases with more to choose than noise that have as many to try.

    The advice, random search and TPE all start from the first suggestion and choose among the same configurations.
    """
    judged = [case for case in cases if case.pool.is_clear(case.noise)]
    found = []
    for case in judged:
        start = int(case.short.argmin())
        found.append(
            {
                ADVICE: _regrets(case.pool, replay(case.pool, case.short, case.noise, case.scale, max(TRIALS) + 1)),
                RANDOM: _random(case.pool, start),
                TPE: np.mean(
                    [_regrets(case.pool, follow_tpe(case.pool, start, seed)) for seed in range(SEEDS)], axis=0
                ),
            }
        )
    table = []
    for i, k in enumerate(TRIALS):
        having = [j for j, case in enumerate(judged) if len(case.pool.score) > k]
        groups = np.array([judged[j].pool.group for j in having])
        row: dict[str, Any] = {"own_runs": k, "cases": len(having), "groups": len(set(groups)), "methods": []}
        for method in (ADVICE, RANDOM, TPE):
            regret = np.array([found[j][method][i] for j in having])
            low, high = bootstrap_interval(regret, groups)
            row["methods"].append({"mean": float(mean_by_group(regret, groups).mean()), "low": low, "high": high})
        table.append(row)
    return table


def _regrets(pool: Pool, tried: Sequence[int]) -> Floats:
    best = np.maximum.accumulate(pool.score[list(tried)])
    return np.array([float(pool.regret(best[min(k, len(best) - 1)])) for k in TRIALS])


def _random(pool: Pool, start: int) -> Floats:
    draws, first = np.delete(pool.score, start), pool.score[start]
    best = [expected_best(np.maximum(draws, first), k) if k else first for k in TRIALS]
    return np.asarray(pool.regret(np.array(best)))


def follow_tpe(pool: Pool, start: int, seed: int, trials: int = max(TRIALS) + 1) -> list[int]:
    """Return what Optuna's TPE tries: each time the untried configuration nearest to what it asks for."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {name: _distribution(name, pool.hparams[name]) for name in HYPERPARAMETERS}
    sampler = optuna.samplers.TPESampler(n_startup_trials=START_UP, seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    unit = to_unit_scale(pool.hparams)
    tried = [start]
    while True:
        params = {name: _clipped(distributions[name], pool.hparams[name][tried[-1]]) for name in HYPERPARAMETERS}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study.add_trial(
                optuna.trial.create_trial(
                    params=params, distributions=distributions, value=float(pool.score[tried[-1]])
                )
            )
            if len(tried) == min(trials, len(pool.score)):
                return tried
            asked = study.ask(distributions)
            study.tell(asked, state=optuna.trial.TrialState.FAIL)
        wanted = to_unit_scale({name: np.array([asked.params[name]]) for name in HYPERPARAMETERS})
        away = np.abs(unit - wanted).sum(axis=1)
        away[tried] = np.inf
        tried.append(int(away.argmin()))


def _distribution(name: str, column: Floats) -> FloatDistribution:
    from optuna.distributions import FloatDistribution

    column = np.maximum(column, TABLE[name].least)
    return FloatDistribution(float(column.min()), float(column.max()), log=TABLE[name].by_factors)


def _clipped(distribution: FloatDistribution, value: float) -> float:
    return float(np.clip(value, distribution.low, distribution.high))
