"""The gate before a fitted meta-model is used: it may do no worse than the shipped one, nor than best-on-average.

Both are fitted to the evidence without a share of its sources and judged in the cases of that share: by the regret of
what they put first, and by the error of the accuracy they expect of it. The shares are few, so that a user need not
wait long; the comparison is paired, case by case, where more than noise separates the best from the median. What cannot
be told from luck does not count against a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from advisor.errors import AdvisorError
from advisor.evaluate.baselines import best_on_average
from advisor.evaluate.pool import Pool, clear_pools
from advisor.evaluate.protocol import robust_regret
from advisor.evaluate.summary import bootstrap_interval, mean_by_group
from advisor.learn.artefact import seed_noise
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import Floats, Table

N_SHARES = 5
NEW, SHIPPED, AVERAGE = "this model", "the shipped model", "best on average"


@dataclass(frozen=True)
class Verdict:
    """What the judgement of a fitted model came to.

    Attributes
    ----------
    evaluation : mapping
        The figures, as JSON values: ``cases``, ``groups``, and by method the mean ``regret`` over groups and the mean
        ``error`` of the expected accuracy in points; ``differences`` to the baselines with their 95 % intervals.
    faults : tuple of str
        In what it does worse, by more than luck, in words; empty if in nothing.
    """

    evaluation: Mapping[str, Any]
    faults: tuple[str, ...]


def judge_fit(table: Table, shipped: Table, model: MetaModel | None = None, *, workers: int = 1) -> Verdict:
    """Judge the meta-model that evidence gives.

    Parameters
    ----------
    table : Table
        The evidence to be learned from.
    shipped : Table
        The evidence that the shipped model learned from.
    model : MetaModel, optional
        The unfitted model; by default the one that ships.
    workers : int
        Threads to share the fitting among.

    Raises
    ------
    AdvisorError
        If fewer than three groups have cases to judge.
    """
    judged = clear_pools(table, seed_noise(table))
    groups = np.array([pool.group for pool in judged])
    names = np.unique(groups)
    if len(names) < 3:
        raise AdvisorError(
            "too little evidence to judge the fitted model by",
            cause=f"{len(names)} groups have cases with enough random configurations that differ by more than noise, "
            "at least 3 are needed",
            hint="`advisor train --force` uses it unjudged",
        )
    share_of = dict(zip(names, np.random.default_rng(0).permutation(len(names)) % N_SHARES, strict=True))
    found: dict[str, Floats] = {name: np.full((2, len(judged)), np.nan) for name in (NEW, SHIPPED, AVERAGE)}
    for share in range(min(N_SHARES, len(names))):
        out = [group for group, its in share_of.items() if its == share]
        fitted = {NEW: _fit_without(table, out, model, workers)}
        fitted[SHIPPED] = fitted[NEW] if shipped is table else _fit_without(shipped, out, model, workers)
        average = best_on_average([pool for pool in judged if pool.group not in out])
        for i, pool in enumerate(judged):
            if pool.group in out:
                for name, one in fitted.items():
                    found[name][:, i] = _regret_and_error(one, pool, table.columns)
                found[AVERAGE][0, i] = pool.regret(pool.score[average.pick(pool)])
    return _verdict(found, groups)


def _fit_without(table: Table, out: Sequence[str], model: MetaModel | None, workers: int) -> MetaModel:
    return (model or MetaModel()).clone().fit(table.take(~np.isin(table.group_of, out)), workers)


def _regret_and_error(model: MetaModel, pool: Pool, columns: Sequence[str]) -> tuple[float, float]:
    """Return the regret of the first pick and the error of the accuracy expected of it, in points."""
    x = np.full((len(pool.score), len(model.columns_)), np.nan)
    for i, name in enumerate(model.columns_):
        if name in columns:
            x[:, i] = pool.x[:, columns.index(name)]
    short = robust_regret(model, replace(pool, x=x))
    pick = int(short.points.argmin())
    return float(pool.regret(pool.score[pick])), abs(float(short.prediction.top1[pick] - pool.score[pick]))


def _verdict(found: Mapping[str, Floats], groups: Any) -> Verdict:
    regret = {name: values[0] for name, values in found.items()}
    error = {name: values[1] for name, values in found.items() if name != AVERAGE}
    differences, faults = [], []
    for what, unit, values, baselines in (
        ("regret", "", regret, (SHIPPED, AVERAGE)),
        ("error", " points", error, (SHIPPED,)),
    ):
        for baseline in baselines:
            difference = values[NEW] - values[baseline]
            low, high = bootstrap_interval(difference, groups)
            mean = _mean(difference, groups)
            differences.append({"of": what, "to": baseline, "mean": mean, "low": _round(low), "high": _round(high)})
            if low > 0:
                faults.append(
                    f"{_WORDS[what]} is {_mean(values[NEW], groups):.3g}{unit}, that of {baseline} "
                    f"{_mean(values[baseline], groups):.3g}, which is worse by {low:.3g} to {high:.3g} (95 % interval)"
                )
    evaluation = {
        "judged": True,
        "cases": len(groups),
        "groups": len(np.unique(groups)),
        "regret": {name: _mean(values, groups) for name, values in regret.items()},
        "error": {name: _mean(values, groups) for name, values in error.items()},
        "differences": differences,
    }
    return Verdict(evaluation, tuple(faults))


_WORDS = {"regret": "its mean regret", "error": "the mean error of the accuracy it expects"}


def _mean(values: Floats, groups: Any) -> float:
    return _round(float(mean_by_group(values, groups).mean()))


def _round(value: float) -> float:
    return round(value, 4)
