"""Judges advice on fine-tuning from ImageNet weights: on held-out sources, and on a model that was never recorded.

The baselines are what people type. Everything is looked up among the recorded configurations of a case; nothing of a
source, or of the held-out model, is seen by what advises there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.advise.recipes.public_runs import follow_public_runs
from advisor.advise.recipes.published import advise_published
from advisor.advise.recipes.recipes import shipped_recipes
from advisor.advise.request import make_request
from advisor.advise.search.context import FEW_GROUPS
from advisor.advise.search.search import RETRY_BY, distinct, preference_order
from advisor.collect.engine import available_cores
from advisor.describe.model import model_features
from advisor.evaluate.baselines import best_on_average, core_points
from advisor.evaluate.goals import CLEAR, fine_tuning_goals
from advisor.evaluate.pool import Pool, equivalent_trials, expected_best, pools
from advisor.evaluate.protocol import ADVICE, Outcome, best_of, robust_order, robust_regret
from advisor.evaluate.range_tests import RANGE_TEST, RangeTests, follow_range_test, read_range_tests
from advisor.evaluate.summary import interval_quality, rows
from advisor.learn.artefact import digest, seed_noise
from advisor.learn.metamodel import meta_model_for
from advisor.learn.table import Floats, Table, build_table
from advisor.records.evidence import Evidence
from advisor.records.schema import Pretraining
from advisor.space.optimizers import optimizer_family

HELD_OUT_MODEL = "tf_efficientnet_lite2"
"""Left out altogether where advice for it is judged."""
MODEL_UNSEEN = "advice, model unseen"
RECIPES = "published recipes alone"
USUAL = "lr 0.001"
"""What most people type for AdamW, at batch 32 and weight decay 0.05."""
RANDOM_TRIALS = (1, 3, 5, 10)
FAR_BEHIND = 3.0
"""Points by which advice must not fall behind what most people type."""
_BATCH_RANGES = ((8, 16), (17, 64), (65, 256))
_BATCH_SIZES = (8, 32, 128)
_SIZES = ((0, 100), (100, 250), (250, 10_000_000))


def evaluate_fine_tuning(evidence: Evidence, *, workers: int | None = None) -> dict[str, Any]:
    """Judge the advice by looking up what it picks among the recorded configurations.

    Parameters
    ----------
    evidence : Evidence
        Runs that start from ImageNet weights.
    workers : int, optional
        Processes to share the sources among; by default one per core.

    Returns
    -------
    dict
        JSON values: ``methods`` has a row a method over all cases, ``contexts`` the same rows by optimizer, model,
        image side and training images, and those of the cases with more to choose than noise, ``trials`` the
        random-search trials that the first suggestion equals, ``behind`` the cases in which it falls far behind
        ``USUAL``, ``batches`` the points lost where the batch size is given, ``sgd_batches`` the points lost to the
        best fixed rate of SGD by batch size, ``intervals`` how the expected accuracies held, ``goals`` what the advice
        was meant to reach.
    """
    from joblib import Parallel, delayed

    table = build_table(evidence.runs, evidence.datasets, model_features)
    judged = list(pools(table))
    groups = sorted({pool.group for pool in judged})
    tests = read_range_tests(evidence)
    found = Parallel(n_jobs=workers or available_cores())(
        delayed(_held_out)(table, judged, group, tests) for group in groups
    )
    outcomes = [outcome for of_group, _, _ in found for outcome in of_group]
    noise = seed_noise(table)
    clear = [outcome for outcome in outcomes if outcome.pool.is_clear(noise)]
    parts = {**contexts(outcomes), **({CLEAR: clear} if clear else {})}
    summary = {
        "data_sha256": digest(table),
        "runs": len(table),
        "noise": noise,
        "methods": rows(outcomes, noise),
        "contexts": {name: rows(part, noise) for name, part in parts.items()},
        "trials": trials(outcomes),
        "behind": behind(outcomes),
        "batches": lost_by_batch([each for _, of_group, _ in found for each in of_group]),
        "sgd_batches": sgd_at_batches([each for _, _, of_group in found for each in of_group]),
        "intervals": interval_quality(outcomes, ADVICE),
    }
    return {**summary, "goals": fine_tuning_goals(summary)}


def _held_out(
    table: Table, judged: Sequence[Pool], group: str, tests: RangeTests
) -> tuple[list[Outcome], list[WithinBatches], list[AtBatch]]:
    """Return how every method did in the cases of one source, of which none of them has seen anything."""
    seen = table.take(table.group_of != group)
    fitted = meta_model_for(Pretraining.IMAGENET).fit(seen)
    others = [pool for pool in judged if pool.group != group]
    average = best_on_average(others)
    model_of = np.array([case.model for case in seen.cases])[seen.case_of]
    opt_of = np.array([case.opt for case in seen.cases])[seen.case_of]
    supported = _supported(seen.group_of, opt_of)
    without = None
    outcomes: list[Outcome] = []
    within: list[WithinBatches] = []
    at_batches: list[AtBatch] = []
    for pool in (pool for pool in judged if pool.group == group):
        ranked = robust_regret(fitted, pool)
        expected = None
        if pool.case.opt in supported:
            order = preference_order(pool.hparams, ranked.points, 0.0)
            picks = distinct(pool.hparams, order, 3, RETRY_BY)
            prediction = ranked.prediction
            expected = tuple(float(part[picks[0]]) for part in (prediction.top1, prediction.low, prediction.high))
        else:
            # As the advice does where the meta-model is not supported.
            picks = _published_picks(pool, with_public_runs=True, count=3)
        outcomes.append(_looked_up(ADVICE, pool, picks[0], expected))  # type: ignore[arg-type]  # three of them
        outcomes.append(Outcome(best_of(3), pool, float(pool.score[picks].max())))
        if pool.case.model == HELD_OUT_MODEL:
            if without is None:
                model = meta_model_for(Pretraining.IMAGENET)
                without = model.fit_regret(seen.take(model_of != HELD_OUT_MODEL))
            outcomes.append(_looked_up(MODEL_UNSEEN, pool, int(robust_order(without, pool)[0])))
        outcomes.append(_looked_up(RECIPES, pool, _published_picks(pool, with_public_runs=False, count=1)[0]))
        outcomes += [_looked_up(name, pool, row) for name, row in core_points(pool).items() if _is_fixed(name)]
        outcomes.append(_looked_up(average.name, pool, average.pick(pool)))
        if (tested := follow_range_test(tests, pool)) is not None:
            outcomes.append(_looked_up(RANGE_TEST, pool, tested))
        scores = pool.score[pool.random]
        enough = [k for k in RANDOM_TRIALS if k <= len(scores)]
        outcomes += [Outcome(f"random search, {k}", pool, expected_best(scores, k)) for k in enough]
        outcomes.append(_looked_up("oracle", pool, int(pool.score.argmax())))
        if pool.case.opt in supported:
            within += _within_batches(pool, ranked.points)
            if pool.case.opt == "sgd":
                at_batches += _at_batches(pool, ranked.points)
    return outcomes, within, at_batches


def _supported(group_of: NDArray[np.str_], opt_of: NDArray[np.str_]) -> set[str]:
    """Return the optimizers of which, or of whose family, runs of enough sources were seen; see ``covering``."""
    sources = {str(opt): len(np.unique(group_of[opt_of == opt])) for opt in np.unique(opt_of)}
    families = {optimizer_family(opt) for opt, count in sources.items() if count >= FEW_GROUPS}
    return {opt for opt in sources if optimizer_family(opt) in families}


@dataclass(frozen=True)
class WithinBatches:
    """What a case lost where the batch size had to lie in a range: to the best configuration recorded there."""

    opt: str
    low: int
    high: int
    points_lost: float


def _within_batches(pool: Pool, points: Floats) -> list[WithinBatches]:
    """Return the points lost by range of batch sizes that has a choice."""
    found = []
    for low, high in _BATCH_RANGES:
        rows = np.flatnonzero((pool.hparams["batch_size"] >= low) & (pool.hparams["batch_size"] <= high))
        if len(rows) > 1:
            picked = rows[np.argmin(points[rows])]
            lost = float(pool.score[rows].max() - pool.score[picked])
            found.append(WithinBatches(pool.case.opt, low, high, lost))
    return found


def lost_by_batch(found: Sequence[WithinBatches]) -> list[dict[str, Any]]:
    """Return a row an optimizer and range of batch sizes: mean and median of the points lost there."""
    result = []
    for opt, low, high in sorted({(each.opt, each.low, each.high) for each in found}):
        lost = [each.points_lost for each in found if (each.opt, each.low, each.high) == (opt, low, high)]
        mean, median = float(np.mean(lost)), float(np.median(lost))
        result.append({"opt": opt, "batch_size": [low, high], "cases": len(lost), "mean": mean, "median": median})
    return result


@dataclass(frozen=True)
class AtBatch:
    """What SGD reached in a case at one batch size: with the advised rate among the core's, and with each of these."""

    batch_size: int
    advised: float
    fixed: Mapping[float, float]


def _at_batches(pool: Pool, points: Floats) -> list[AtBatch]:
    """Return what the core's rates reached by batch size, and the one that the advice expects most of."""
    found = []
    core = [row for name, row in core_points(pool).items() if name.startswith("lr ")]
    for batch_size in _BATCH_SIZES:
        at = [row for row in core if pool.hparams["batch_size"][row] == batch_size]
        if len(at) > 1:
            scores = {float(pool.hparams["lr"][row]): float(pool.score[row]) for row in at}
            found.append(AtBatch(batch_size, float(pool.score[min(at, key=lambda row: points[row])]), scores))
    return found


def _is_fixed(name: str) -> bool:
    """Return whether a point of the core is a fixed value at the usual batch size."""
    return name.startswith("lr ") and "batch" not in name


def _looked_up(method: str, pool: Pool, row: int, expected: tuple[float, float, float] | None = None) -> Outcome:
    return Outcome(method, pool, float(pool.score[row]), float(pool.hparams["epochs"][row]), expected)


def _published_picks(pool: Pool, *, with_public_runs: bool, count: int) -> list[int]:
    """Return the recorded configurations nearest to what is advised without any of the evidence.

    That is what recipes and the rule say, or what public runs on GPUs make of it.
    """
    case = pool.case
    request = make_request(
        model=case.model,
        opt=case.opt,
        pretrained=True,
        img_size=case.img_size,
        max_epochs=pool.max_epochs,
        prefer="accuracy",
        top_k=count,
    )
    published = advise_published(shipped_recipes(), request, pool.n_train, layer_decay=False)
    if with_public_runs:
        published = follow_public_runs(published, request, pool.n_train)
    return list(dict.fromkeys(pool.nearest(advised.as_dict()) for advised in published.configurations))


def contexts(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Return the outcomes by optimizer, model, side of the images and number of training images."""
    parts: dict[str, Callable[[Pool], bool]] = {}
    for opt in sorted({o.pool.case.opt for o in outcomes}):
        parts[opt] = lambda p, opt=opt: p.case.opt == opt  # type: ignore[misc]
    for model in sorted({o.pool.case.model for o in outcomes}):
        parts[model] = lambda p, model=model: p.case.model == model  # type: ignore[misc]
    for side in sorted({o.pool.case.img_size for o in outcomes}):
        parts[f"{side} pixels"] = lambda p, side=side: p.case.img_size == side  # type: ignore[misc]
    for low, high in _SIZES:
        name = f"{low:,} training images or more" if high == _SIZES[-1][1] else f"{low:,} to {high:,} training images"
        parts[name] = lambda p, low=low, high=high: low <= p.n_train < high  # type: ignore[misc]
    found = {name: [o for o in outcomes if belongs(o.pool)] for name, belongs in parts.items()}
    return {name: part for name, part in found.items() if part}


def trials(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return the random-search trials that the first suggestion equals, in the median of the cases.

    Random search draws learning rate, batch size, dropout, weight decay and epochs from the plan's ranges. A case has
    sixteen such draws or so, which is where the count is cut off.
    """
    equal, most = [], []
    for outcome in (o for o in outcomes if o.method == ADVICE):
        scores = outcome.pool.score[outcome.pool.random]
        curve = np.array([expected_best(scores, k) for k in range(1, len(scores) + 1)])
        equal.append(equivalent_trials(curve, outcome.score))
        most.append(len(scores))
    return {
        "cases": len(equal),
        "median": float(np.median(equal)),
        "cut_off": float(np.mean(np.array(equal) >= most)),
        "cut_off_at": float(np.median(most)),
    }


def behind(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the cases in which the first suggestion reached ``FAR_BEHIND`` points less than ``USUAL`` with AdamW."""
    usual = {o.pool.case: o.score for o in outcomes if o.method == USUAL and o.pool.case.opt == "adamw"}
    return [
        {
            "group": o.pool.group,
            "model": o.pool.case.model,
            "img_size": o.pool.case.img_size,
            "n_eval": o.pool.n_eval,
            "advice": o.score,
            "usual": usual[o.pool.case],
        }
        for o in outcomes
        if o.method == ADVICE and o.pool.case in usual and usual[o.pool.case] - o.score > FAR_BEHIND
    ]


def sgd_at_batches(found: Sequence[AtBatch]) -> dict[str, dict[str, float]]:
    """Return, by batch size, the points by which the advised rate of SGD falls behind the best fixed one.

    The fixed rate is the one that is best on average over all the cases, which is more than anyone knows beforehand.
    """
    result = {}
    for batch_size in sorted({each.batch_size for each in found}):
        mine = [each for each in found if each.batch_size == batch_size]
        fixed = {rate: np.mean([each.fixed[rate] for each in mine]) for rate in mine[0].fixed}
        best = max(fixed, key=lambda rate: fixed[rate])
        lost = float(fixed[best] - np.mean([each.advised for each in mine]))
        result[str(batch_size)] = {"cases": len(mine), "best_rate": best, "points_lost": lost}
    return result
