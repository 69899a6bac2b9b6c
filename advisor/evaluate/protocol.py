"""Leave-one-group-out: every method advises on datasets of a source it has never seen, and all meet in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from advisor.errors import AdvisorError
from advisor.evaluate.baselines import Baseline, baselines
from advisor.evaluate.pool import Pool, equivalent_trials, expected_best, pools
from advisor.learn.artefact import seed_noise
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import Floats, Table

RANDOM_TRIALS = (1, 3, 5, 10, 25)
ADVICE = "advice"
ADVICE_OF_3 = "advice, best of 3"
_BOOTSTRAPS = 2000


@dataclass(frozen=True)
class Outcome:
    """How one method did in one case.

    Attributes
    ----------
    method : str
        Name of the method.
    pool : Pool
        The case.
    score : float
        Accuracy it reached, in percent.
    """

    method: str
    pool: Pool
    score: float

    @property
    def regret(self) -> float:
        """0 is the best known, 1 a typical random choice."""
        return float(self.pool.regret(self.score))


@dataclass(frozen=True)
class Evaluation:
    """All outcomes, and the noise they are to be read against.

    Attributes
    ----------
    outcomes : sequence of Outcome
        Every method in every case.
    noise : float or None
        Points by which equal runs with other seeds differ.
    """

    outcomes: Sequence[Outcome]
    noise: float | None

    def methods(self) -> list[str]:
        """Return the methods in the order they were run."""
        return list(dict.fromkeys(outcome.method for outcome in self.outcomes))

    def rows(self) -> list[dict[str, Any]]:
        """Return one summary a method: regret with its interval over groups, points lost, and how advice fares.

        The unit is the group: cases are averaged within it before anything is compared.
        """
        advice = {o.pool.case: o for o in self.outcomes if o.method == ADVICE}
        noise_regret = self._noise_regret()
        return [self._row(method, advice, noise_regret) for method in self.methods()]

    def _row(self, method: str, advice: dict[Any, Outcome], noise_regret: float | None) -> dict[str, Any]:
        mine = [o for o in self.outcomes if o.method == method]
        regret = np.array([o.regret for o in mine])
        groups = np.array([o.pool.group for o in mine])
        low, high = _bootstrap(regret, groups)
        points = [o.pool.best - o.score for o in mine]
        margins = np.array([advice[o.pool.case].score - o.score for o in mine])
        return {
            "method": method,
            "cases": len(mine),
            "groups": len(set(groups)),
            "mean_regret": _by_group(regret, groups).mean(),
            "low": low,
            "high": high,
            "median_regret": float(np.median(regret)),
            "points_lost": float(_by_group(np.array(points), groups).mean()),
            "advice_better": float((margins > 0).mean()),
            "advice_not_worse": float((margins >= -(self.noise or 0.0)).mean()),
            "p_value": None if method == ADVICE else _wilcoxon(margins, groups),
            "noise_regret": noise_regret,
        }

    def _noise_regret(self) -> float | None:
        """Return the noise in units of regret: a seed's standard deviation over best minus median, mean of groups."""
        if self.noise is None:
            return None
        mine = [o.pool for o in self.outcomes if o.method == ADVICE]
        ratios = np.array([self.noise / (pool.best - pool.median) for pool in mine])
        return float(_by_group(ratios, np.array([pool.group for pool in mine])).mean())

    def trials(self) -> dict[str, float | int | None]:
        """Return the median number of random trials that the advice equals, and how many cases it is taken over.

        Only cases with at least 64 random points at the largest number of epochs count, so that it is not cut off.
        """
        wide = [o for o in self.outcomes if o.method == ADVICE and o.pool.at_cap().sum() >= 64]
        values = [equivalent_trials(o.pool.score[o.pool.at_cap()], o.score) for o in wide]
        return {"cases": len(values), "median": float(np.median(values)) if values else None}


def evaluate(table: Table, *, model: MetaModel | None = None) -> Evaluation:
    """Judge the advice and its rivals by looking up what they pick among the recorded configurations.

    Parameters
    ----------
    table : Table
        The evidence.
    model : MetaModel, optional
        An unfitted meta-model to judge; by default the one that ships. It is fitted anew without every group.

    Returns
    -------
    Evaluation

    Raises
    ------
    AdvisorError
        If fewer than three groups have cases to judge.
    """
    judged = list(pools(table))
    groups = sorted({pool.group for pool in judged})
    if len(groups) < 3:
        raise AdvisorError(
            "too little evidence to evaluate",
            cause=f"{len(groups)} groups have cases with enough random configurations, at least 3 are needed",
            hint="collect more with `advisor collect PLAN`",
        )
    model = model or MetaModel()
    outcomes: list[Outcome] = []
    for group in groups:
        seen = table.take(table.group_of != group)
        fitted = MetaModel(model.n_members, model.n_estimators, model.random_state).fit(seen)
        rivals = baselines([pool for pool in judged if pool.group != group], table.columns)
        for pool in (pool for pool in judged if pool.group == group):
            order = np.argsort(fitted.predict(pool.x).shortfall, kind="stable")
            outcomes.append(Outcome(ADVICE, pool, float(pool.score[order[0]])))
            outcomes.append(Outcome(ADVICE_OF_3, pool, float(pool.score[order[:3]].max())))
            outcomes += [_outcome(rival, pool) for rival in rivals]
            scores = pool.score[pool.random]
            outcomes += [Outcome(f"random search, {k}", pool, expected_best(scores, k)) for k in RANDOM_TRIALS]
    return Evaluation(outcomes, seed_noise(table))


def _outcome(rival: Baseline, pool: Pool) -> Outcome:
    return Outcome(rival.name, pool, float(pool.score[rival.pick(pool)]))


def _by_group(values: Floats, groups: Any) -> Floats:
    return np.array([values[groups == group].mean() for group in np.unique(groups)])


def _bootstrap(values: Floats, groups: Any) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean over groups, resampling groups."""
    means = _by_group(values, groups)
    rng = np.random.default_rng(0)
    drawn = rng.choice(means, size=(_BOOTSTRAPS, len(means))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _wilcoxon(margins: Floats, groups: Any) -> float | None:
    """Return the p-value of Wilcoxon's signed-rank test over groups that the advice is better; None where all tie."""
    from scipy.stats import wilcoxon

    means = _by_group(margins, groups)
    if not means.any():
        return None
    return float(wilcoxon(means, alternative="greater").pvalue)
