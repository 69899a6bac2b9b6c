"""Leave-one-group-out: every method advises on datasets of a source it has never seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.advise.search.search import distinct, preference_order
from advisor.describe.model import describe_model
from advisor.errors import AdvisorError
from advisor.evaluate.adaptive import AdaptiveRegret, adaptive_regret
from advisor.evaluate.baselines import baselines
from advisor.evaluate.pool import Pool, expected_best, pools
from advisor.learn.artefact import seed_noise
from advisor.learn.metamodel import MetaModel, Prediction
from advisor.learn.nearby_lr import LR_NEIGHBOURS, regret_nearby
from advisor.learn.own_runs import posterior_scale
from advisor.learn.table import Floats, Table
from advisor.learn.targets import regret_scale

RANDOM_TRIALS = (1, 3, 5, 10, 25)
ADVICE = "advice"
ADVICE_OF_3 = "advice, best of 3"
BALANCED = "advice, balanced"
NO_FEATURES = "advice without dataset features"
UNSEEN_FAMILY = "advice, model family unseen"
MOST_SUGGESTIONS = 10


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
    epochs : float or None
        Planned epochs of its pick; None where it is a mean over several.
    expected : tuple of float or None
        Expected accuracy and its interval (low, high) in percent, where the method states them.
    """

    method: str
    pool: Pool
    score: float
    epochs: float | None = None
    expected: tuple[float, float, float] | None = None

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
    adaptive : sequence of (group, AdaptiveRegret)
        For every case, regret by number of own runs.
    """

    outcomes: Sequence[Outcome]
    noise: float | None
    adaptive: Sequence[tuple[str, AdaptiveRegret]]


def evaluate(table: Table, *, model: MetaModel | None = None, workers: int = 1) -> Evaluation:
    """Judge the advice and its baselines by looking up what they pick among the recorded configurations.

    Parameters
    ----------
    table : Table
        The evidence.
    model : MetaModel, optional
        An unfitted meta-model to judge; by default the one that ships. It is fitted again without every group.
    workers : int
        Processes to share the groups among.

    Returns
    -------
    Evaluation

    Raises
    ------
    AdvisorError
        If fewer than three groups have cases to judge.
    """
    from joblib import Parallel, delayed

    judged = list(pools(table))
    groups = sorted({pool.group for pool in judged})
    if len(groups) < 3:
        raise AdvisorError(
            "too little evidence to evaluate",
            cause=f"{len(groups)} groups have cases with enough random configurations, at least 3 are needed",
            hint="collect more with `advisor collect PLAN`",
        )
    noise = seed_noise(table)
    found = Parallel(n_jobs=workers)(
        delayed(_held_out)(table, judged, group, model or MetaModel(), noise or 0.0) for group in groups
    )
    return Evaluation(
        [outcome for outcomes, _ in found for outcome in outcomes],
        noise,
        [(group, regret) for group, (_, replayed) in zip(groups, found, strict=True) for regret in replayed],
    )


def _held_out(
    table: Table, judged: Sequence[Pool], group: str, model: MetaModel, noise: float
) -> tuple[list[Outcome], list[AdaptiveRegret]]:
    """Return how every method did in the cases of one group, of which none of them has seen anything."""
    seen = table.take(table.group_of != group)
    fitted = model.clone().fit(seen)
    described = [name for name in table.columns if name.startswith("data:")]
    without = model.clone().fit(seen.without_columns(described))
    plain = np.array([name not in described for name in table.columns])
    compared = baselines([pool for pool in judged if pool.group != group], table.columns)
    unseen = _fitted_without_families(seen, [pool.case.model for pool in judged if pool.group == group], model)
    outcomes: list[Outcome] = []
    replayed: list[AdaptiveRegret] = []
    for pool in (pool for pool in judged if pool.group == group):
        short = robust_regret(fitted, pool)
        order = preference_order(pool.hparams, short.points, 0.0)
        picks = distinct(pool.hparams, order, MOST_SUGGESTIONS)
        outcomes.append(_picked(ADVICE, pool, picks[0], short.prediction))
        outcomes += [
            Outcome(best_of(k), pool, float(pool.score[picks[:k]].max())) for k in range(2, MOST_SUGGESTIONS + 1)
        ]
        outcomes.append(_picked(BALANCED, pool, preference_order(pool.hparams, short.points, noise)[0]))
        blind = robust_regret(without, pool, plain)
        outcomes.append(_picked(NO_FEATURES, pool, int(blind.points.argmin()), blind.prediction))
        stranger = unseen.get(describe_model(pool.case.model).family)
        if stranger is not None:
            outcomes.append(_picked(UNSEEN_FAMILY, pool, int(robust_order(stranger, pool)[0])))
        outcomes += [_picked(baseline.name, pool, baseline.pick(pool)) for baseline in compared]
        scores = pool.score[pool.at_cap()]
        trials = [k for k in RANDOM_TRIALS if k <= len(scores)]
        outcomes += [Outcome(f"random search, {k}", pool, expected_best(scores, k)) for k in trials]
        replayed.append(adaptive_regret(pool, short.points, noise, posterior_scale(short.prediction.top1)))
    return outcomes, replayed


def _fitted_without_families(seen: Table, models: Iterable[str], model: MetaModel) -> dict[str, MetaModel]:
    """Return, by family of the given models, what is learned from the other families alone; none where those are few.

    Only what ranks configurations is fitted.
    """
    family_of = np.array([describe_model(case.model).family for case in seen.cases])[seen.case_of]
    fitted = {}
    for family in sorted({describe_model(name).family for name in models}):
        others = seen.take(family_of != family)
        if len(np.unique(others.group_of)) >= 2:
            fitted[family] = model.clone().fit_regret(others)
    return fitted


def best_of(k: int) -> str:
    """Return the name of the method that tries the first ``k`` suggestions."""
    return ADVICE if k == 1 else f"advice, best of {k}"


@dataclass(frozen=True)
class Robust:
    """Points short of the best, averaged over nearby learning rates, and the prediction at the one itself."""

    points: Floats
    prediction: Prediction


def robust_order(model: MetaModel, pool: Pool, factors: Sequence[float] = LR_NEIGHBOURS) -> NDArray[np.intp]:
    """Return a pool's configurations, the one expected to fall short least first, whatever its epochs cost.

    The regret is averaged over learning rates that lie the given factors away.
    """
    return np.argsort(regret_nearby(model, pool.x, factors).mean(axis=0), kind="stable")


def robust_regret(model: MetaModel, pool: Pool, keep: NDArray[np.bool_] | None = None) -> Robust:
    """Return what the advice ranks a pool's configurations by; ``keep`` masks the features the model was given."""
    x = pool.x if keep is None else pool.x[:, keep]
    middle = model.predict(x)
    return Robust(regret_nearby(model, x).mean(axis=0) * regret_scale(middle.top1), middle)


def _picked(method: str, pool: Pool, row: int, prediction: Prediction | None = None) -> Outcome:
    expected = None
    if prediction is not None:
        expected = (float(prediction.top1[row]), float(prediction.low[row]), float(prediction.high[row]))
    return Outcome(method, pool, float(pool.score[row]), float(pool.hparams["epochs"][row]), expected)
