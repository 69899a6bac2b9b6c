"""What an evaluation says: a row a method, over all cases and in each context, with intervals and tests over groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.evaluate.adaptive import adaptive_table
from advisor.evaluate.goals import goals
from advisor.evaluate.pool import Pool, equivalent_trials, expected_best, expected_best_of_mixture
from advisor.evaluate.protocol import (
    ADVICE,
    BALANCED,
    MOST_SUGGESTIONS,
    NO_FEATURES,
    RANDOM_TRIALS,
    UNSEEN_FAMILY,
    Evaluation,
    Outcome,
    best_of,
)
from advisor.learn.metamodel import LEVEL
from advisor.learn.table import Floats

CLEAR = "cases with more to choose than noise"
SHOWN_SUGGESTIONS = (3,)
"""Of the numbers of suggestions tried, those that have a row of their own."""
ENOUGH_EVALUATED = 1000
"""Evaluation images from which on a case counts where a loss in points is judged."""
_REFERENCE_POINTS = 64
_BOOTSTRAPS = 2000
_OWN = {ADVICE, BALANCED, UNSEEN_FAMILY, *(best_of(k) for k in range(2, MOST_SUGGESTIONS + 1))}
_BANDS = ((0, 300), (300, 1_000), (1_000, 10_000_000))


def summarise(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything an evaluation says, as JSON values.

    ``goals`` sets what was meant to be reached beside what was. ``methods`` has a row a method over all cases,
    ``contexts`` the same rows for parts of them, ``trials`` what the advice is worth in trials of random search
    (``trials_unseen``: where no other model of its family was recorded either), ``balanced`` what fewer epochs cost,
    ``intervals`` how the expected accuracies held, ``curves`` the mean regret after so many trials (``clear_curves``:
    where there is more to choose than noise), ``adaptive`` the regret after so many own runs, ``dearest`` the one case
    that weighs most in the advice's mean regret.
    """
    outcomes = evaluation.outcomes
    parts = contexts(outcomes, evaluation.noise)
    summary = {
        "noise": evaluation.noise,
        "methods": rows(outcomes, evaluation.noise),
        "contexts": {name: rows(part, evaluation.noise) for name, part in parts.items() if _groups(part) >= 3},
        "trials": trials(outcomes),
        "trials_unseen": trials(outcomes, UNSEEN_FAMILY),
        "balanced": balanced(outcomes),
        "intervals": {method: interval_quality(outcomes, method) for method in (ADVICE, NO_FEATURES)},
        "curves": curves(outcomes),
        "clear_curves": curves(parts.get(CLEAR, [])),
        "dearest": dearest(outcomes),
        "adaptive": adaptive_table(evaluation.adaptive),
    }
    return {"goals": goals(summary), **summary}


def rows(outcomes: Sequence[Outcome], noise: float | None) -> list[dict[str, Any]]:
    """Return one summary a method: regret with its interval over groups, points lost, and how the advice fares.

    The unit is the group: cases are averaged within it before anything is compared. p-values are of Wilcoxon's
    signed-rank test over groups that the advice is better, corrected by Holm over the baselines.
    """
    advice = {o.pool.case: o for o in outcomes if o.method == ADVICE}
    methods = [method for method in dict.fromkeys(o.method for o in outcomes) if _has_a_row(method)]
    result = [_row(method, outcomes, advice, noise) for method in methods]
    baselines = [row for row in result if row["p_value"] is not None]
    for row, corrected in zip(baselines, holm([row["p_value"] for row in baselines]), strict=True):
        row["p_value"] = corrected
    return result


def _has_a_row(method: str) -> bool:
    return method not in _OWN or method in (ADVICE, BALANCED, UNSEEN_FAMILY, *map(best_of, SHOWN_SUGGESTIONS))


def _row(
    method: str, outcomes: Sequence[Outcome], advice: Mapping[Any, Outcome], noise: float | None
) -> dict[str, Any]:
    mine = [o for o in outcomes if o.method == method]
    regret = np.array([o.regret for o in mine])
    groups = np.array([o.pool.group for o in mine])
    low, high = bootstrap_interval(regret, groups)
    margins = np.array([advice[o.pool.case].score - o.score for o in mine])
    judged = np.array([o.pool.n_eval >= ENOUGH_EVALUATED for o in mine])
    much_worse = margins[judged] < -(noise or 0.0) - 1
    is_rival = method not in _OWN and method != "oracle"
    return {
        "method": method,
        "cases": len(mine),
        "groups": len(set(groups)),
        "mean_regret": float(mean_by_group(regret, groups).mean()),
        "low": low,
        "high": high,
        "median_regret": float(np.median(regret)),
        "points_lost": float(mean_by_group(np.array([o.pool.best - o.score for o in mine]), groups).mean()),
        "advice_better": float((margins > 0).mean()) if is_rival else None,
        "advice_same": float((margins == 0).mean()) if is_rival else None,
        "advice_much_worse": float(much_worse.mean()) if is_rival and len(much_worse) else None,
        "p_value": _wilcoxon(margins, groups) if is_rival else None,
    }


def contexts(outcomes: Sequence[Outcome], noise: float | None) -> dict[str, list[Outcome]]:
    """Return the outcomes of every part that claims are made about, by its name.

    The first holds the cases in which there is something to choose (``Pool.is_clear``).
    """
    parts: dict[str, Callable[[Pool], bool]] = {CLEAR: lambda p: p.is_clear(noise)}
    for opt in sorted({o.pool.case.opt for o in outcomes}):
        parts[f"{opt} from scratch"] = lambda p, opt=opt: p.case.opt == opt and not p.case.pretrained  # type: ignore[misc]
        parts[f"{opt} fine-tuned"] = lambda p, opt=opt: p.case.opt == opt and p.case.pretrained  # type: ignore[misc]
    for model in sorted({o.pool.case.model for o in outcomes}):
        parts[model] = lambda p, model=model: p.case.model == model  # type: ignore[misc]
    for low, high in _BANDS:
        name = f"{low:,} training images or more" if high == _BANDS[-1][1] else f"{low:,} to {high:,} training images"
        parts[name] = lambda p, low=low, high=high: low <= p.n_train < high  # type: ignore[misc]
    for cap in sorted({o.pool.max_epochs for o in outcomes}):
        parts[f"at most {cap} epochs"] = lambda p, cap=cap: p.max_epochs == cap  # type: ignore[misc]
    return {name: part for name, belongs in parts.items() if (part := [o for o in outcomes if belongs(o.pool)])}


def trials(outcomes: Sequence[Outcome], method: str = ADVICE) -> dict[str, Any]:
    """Return the number of random-search trials that a method equals: the median over reference cases.

    Only cases with at least 64 random points at the largest number of epochs count, so that it is not cut off early.
    ``free`` is against random search that draws its epochs too, ``at_cap`` against one that always spends them all;
    ``by_cap`` holds both by the most epochs of the cases.
    """
    wide = [o for o in outcomes if o.method == method and o.pool.at_cap().sum() >= _REFERENCE_POINTS]
    equal = [_equivalent(outcome) for outcome in wide]
    caps = np.array([outcome.pool.max_epochs for outcome in wide])
    return {
        "cases": len(wide),
        "groups": len({o.pool.group for o in wide}),
        "cut_off_at": _REFERENCE_POINTS,
        **_medians(equal),
        "by_cap": {
            str(cap): _medians([each for each, its in zip(equal, caps, strict=True) if its == cap])
            for cap in np.unique(caps)
        },
    }


def _equivalent(outcome: Outcome) -> tuple[float | None, float]:
    """Return the equivalent trials against free draws, if some were recorded, and against those at the cap."""
    pool, counts = outcome.pool, range(1, _REFERENCE_POINTS + 1)
    at_cap, others = pool.score[pool.at_cap()], pool.score[pool.random & ~pool.at_cap()]
    capped = equivalent_trials(np.array([expected_best(at_cap, k) for k in counts]), outcome.score)
    if not len(others):
        return None, capped
    curve = np.array([expected_best_of_mixture(at_cap, others, k) for k in counts])
    return equivalent_trials(curve, outcome.score), capped


def _medians(equal: Sequence[tuple[float | None, float]]) -> dict[str, float | None]:
    free = [each for each, _ in equal if each is not None]
    return {
        "free": float(np.median(free)) if free else None,
        "at_cap": float(np.median([capped for _, capped in equal])) if equal else None,
    }


def balanced(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return what ``--prefer balanced`` loses in points and saves in epochs against taking the best expected."""
    best = {o.pool.case: o for o in outcomes if o.method == ADVICE}
    cheap = [o for o in outcomes if o.method == BALANCED]
    saved = [1 - float(o.epochs or 0) / float(best[o.pool.case].epochs or 1) for o in cheap]
    return {
        "points_lost": float(np.mean([best[o.pool.case].score - o.score for o in cheap])),
        "epochs_saved": float(np.mean(saved)),
    }


def interval_quality(outcomes: Sequence[Outcome], method: str) -> dict[str, float]:
    """Return how often a method's intervals held the outcome, their mean width and score, and the error in the middle.

    The interval score (Gneiting & Raftery 2007, section 6.2; smaller is better, in points) is the width plus
    2 / (1 - level) times the distance by which an outcome lies outside.
    """
    stated = [(o.score, *o.expected) for o in outcomes if o.method == method and o.expected is not None]
    score, middle, low, high = np.array(stated).T
    outside = np.maximum(low - score, 0) + np.maximum(score - high, 0)
    return {
        "level": LEVEL,
        "coverage": float((outside == 0).mean()),
        "width": float((high - low).mean()),
        "interval_score": float((high - low + 2 / (1 - LEVEL) * outside).mean()),
        "mean_absolute_error": float(np.abs(score - middle).mean()),
    }


def curves(outcomes: Sequence[Outcome]) -> dict[str, dict[str, list[float]]]:
    """Return mean regret over groups by number of trials, for the advice and for random search."""
    numbers = {
        "advice": {k: best_of(k) for k in range(1, MOST_SUGGESTIONS + 1)},
        "random search": {k: f"random search, {k}" for k in RANDOM_TRIALS},
    }
    result: dict[str, dict[str, list[float]]] = {}
    for name, methods in numbers.items():
        result[name] = {"trials": [], "mean_regret": []}
        for k, method in methods.items():
            mine = [o for o in outcomes if o.method == method]
            if mine:
                means = mean_by_group(np.array([o.regret for o in mine]), np.array([o.pool.group for o in mine]))
                result[name]["trials"].append(k)
                result[name]["mean_regret"].append(float(means.mean()))
    return result


def dearest(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the case that weighs most in the advice's mean regret, and the mean without it.

    Regret divides by what there is to choose in a case: where the best is hardly better than the median, nothing can be
    learned and a single case can outweigh all others.
    """
    mine = [o for o in outcomes if o.method == ADVICE]
    groups = np.array([o.pool.group for o in mine])
    regret = np.array([o.regret for o in mine])
    first = int(np.argmax(regret / np.array([(groups == group).sum() for group in groups])))
    outcome, others = mine[first], np.arange(len(mine)) != first
    return {
        "group": outcome.pool.group,
        "model": outcome.pool.case.model,
        "best": outcome.pool.best,
        "median": outcome.pool.median,
        "score": outcome.score,
        "regret": float(outcome.regret),
        "mean_without": float(mean_by_group(regret[others], groups[others]).mean()) if others.any() else None,
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's step-down method (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    n = len(p_values)
    corrected = np.empty(n)
    corrected[order] = np.minimum(1, np.maximum.accumulate([(n - i) * p_values[j] for i, j in enumerate(order)]))
    return [float(p) for p in corrected]


def _groups(outcomes: Sequence[Outcome]) -> int:
    return len({o.pool.group for o in outcomes})


def mean_by_group(values: Floats, groups: NDArray[np.str_]) -> Floats:
    """Return the mean of the values of each group, in the groups' order."""
    return np.array([values[groups == group].mean() for group in np.unique(groups)])


def bootstrap_interval(values: Floats, groups: NDArray[np.str_]) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean over groups, resampling groups."""
    means = mean_by_group(values, groups)
    rng = np.random.default_rng(0)
    drawn = rng.choice(means, size=(_BOOTSTRAPS, len(means))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _wilcoxon(margins: Floats, groups: Any) -> float | None:
    """Return the p-value of Wilcoxon's signed-rank test over groups that the advice is better; None where all tie."""
    from scipy.stats import wilcoxon

    means = mean_by_group(margins, groups)
    if not means.any():
        return None
    return float(wilcoxon(means, alternative="greater").pvalue)
