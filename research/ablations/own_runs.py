"""How own runs are best used: ways that were tried, replayed.  ``python -m research.ablations.own_runs PAGE``.

Every source is held out in turn. In each of its cases the first suggestion is looked up, then each way says which of
the recorded configurations to try next.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advisor.evaluate.adaptive import Acquisition, follow, posterior_of, upper_confidence_bound
from advisor.evaluate.summary import bootstrap_interval, mean_by_group
from advisor.learn.own_runs import EXPLORATION_WEIGHT, LENGTHS
from advisor.learn.table import Floats
from advisor.records.schema import Dataset, Pretraining
from advisor.space.configuration import to_unit_scale
from research.ablations import own_trials, related_runs
from research.ablations.forecasts import Forecast, forecast
from research.pages.rendering import render

if TYPE_CHECKING:
    from advisor.records.evidence import Evidence

TRIALS = (1, 2, 3, 5)
"""Own runs after the first suggestion; more leave little to try in most recorded cases."""
RELATED_TRIALS = (0, 1)
"""Of those of which the page tells what related runs add."""
_LEAST_SOURCES = 5
"""What related runs add is told where so many sources have them."""
SCRATCH, IMAGENET = "From scratch", "From ImageNet weights"
BY_HAND = (2.0, 3.0, 2.0, 3.0, 6.0)
SHIPPED = "shipped"


def _expected_improvement(case: Forecast) -> Acquisition:
    from scipy.stats import norm

    def rating(tried: NDArray[np.int64]) -> Floats:
        posterior = posterior_of(case.pool, case.short, case.noise, case.scale, tried)
        mean, deviation = posterior.predict(case.pool.hparams, case.short)
        gain = mean - mean[tried].max()
        deviation = np.maximum(deviation, 1e-9)
        return np.asarray(gain * norm.cdf(gain / deviation) + deviation * norm.pdf(gain / deviation))

    return rating


def _weighted_members(case: Forecast) -> Acquisition:
    def rating(tried: NDArray[np.int64]) -> Floats:
        error = case.pool.score[tried] + case.members[:, tried]
        error -= error.mean(axis=1, keepdims=True)
        likelihood = -((np.clip(error, -2 * case.scale, 2 * case.scale) / case.scale) ** 2).sum(axis=1) * 2
        weights = np.exp(likelihood - likelihood.max())
        short = weights @ case.members / weights.sum()
        return upper_confidence_bound(case.pool, short, case.noise, case.scale)(tried)

    return rating


def _conditioned(
    lengths: Sequence[float] = LENGTHS, exploration_weight: float = EXPLORATION_WEIGHT
) -> Callable[[Forecast], Acquisition]:
    return lambda case: upper_confidence_bound(
        case.pool, case.short, case.noise, case.scale, lengths=lengths, exploration_weight=exploration_weight
    )


WAYS: Mapping[str, Callable[[Forecast], Acquisition]] = {
    SHIPPED: _conditioned(),
    "own runs not used": lambda case: lambda tried: -case.short,
    "lengths and exploration weight set by hand, as before": _conditioned(BY_HAND, 0.5),
    "no exploration weight": _conditioned(exploration_weight=0.0),
    "half the exploration weight": _conditioned(exploration_weight=EXPLORATION_WEIGHT / 2),
    "twice the exploration weight": _conditioned(exploration_weight=EXPLORATION_WEIGHT * 2),
    "half the lengths": _conditioned([length / 2 for length in LENGTHS]),
    "twice the lengths": _conditioned([length * 2 for length in LENGTHS]),
    "expected improvement": _expected_improvement,
    "members weighted by how they predicted own runs": _weighted_members,
}


def regrets(cases: Sequence[Forecast], way: Callable[[Forecast], Acquisition]) -> Floats:
    """Return the regret of the best so far by case and number of own runs; shape (cases, len(TRIALS))."""
    rows = []
    for case in cases:
        tried = follow(case.pool, int(case.short.argmin()), way(case), max(TRIALS) + 1)
        best = np.maximum.accumulate(case.pool.score[tried])
        rows.append([float(case.pool.regret(best[min(k, len(best) - 1)])) for k in TRIALS])
    return np.array(rows)


def likeliest_lengths(cases: Sequence[Forecast]) -> Floats:
    """Return the lengths under which the meta-model's errors in the recorded cases are likeliest.

    The scale of the errors and that of the noise between runs are fitted along.
    """
    from scipy.optimize import minimize
    from sklearn.gaussian_process.kernels import Matern

    errors = []
    for case in cases:
        error = case.pool.score + case.short
        error = np.maximum(error, error.max() - 2 * case.scale)
        errors.append((to_unit_scale(case.pool.hparams), error - np.median(error), case.scale, case.noise))

    def unlikelihood(logs: Floats) -> float:
        *lengths, share, spread = np.exp(logs)
        total = 0.0
        for x, error, unit, noise in errors:
            covariance = 900 + (unit * share) ** 2 * Matern(lengths, nu=2.5)(x)
            root = np.linalg.cholesky(covariance + np.eye(len(x)) * max(spread * noise, 0.1) ** 2)
            total += float(0.5 * np.sum(np.linalg.solve(root, error) ** 2) + np.log(np.diag(root)).sum())
        return total / len(errors)

    start = np.log([*BY_HAND, 0.5, 1.0])
    # No further than where a run speaks for nearly all others along an axis.
    bounds = [(np.log(0.3), np.log(50.0))] * 5 + [(-3.0, 3.0)] * 2
    return np.asarray(np.exp(minimize(unlikelihood, start, method="L-BFGS-B", bounds=bounds).x[:5]))


def page(
    cases: Sequence[Forecast],
    datasets: Sequence[Dataset],
    tuned: Sequence[Forecast] = (),
    tuned_datasets: Sequence[Dataset] = (),
) -> str:
    """Return docs/own-runs.md, from cases from scratch and from ImageNet weights with what they are on."""
    judged = [case for case in cases if case.pool.is_clear(case.noise)]
    groups = np.array([case.pool.group for case in judged])
    found = {name: regrets(judged, way) for name, way in WAYS.items()}
    ways = []
    for name, regret in found.items():
        difference = (regret - found[SHIPPED]).mean(axis=1)
        low, high = bootstrap_interval(difference, groups)
        ways.append(
            {
                "name": name,
                "means": [float(mean_by_group(column, groups).mean()) for column in regret.T],
                "difference": float(mean_by_group(difference, groups).mean()),
                "low": low,
                "high": high,
            }
        )
    related = []
    for start, here, on in ((SCRATCH, cases, datasets), (IMAGENET, tuned, tuned_datasets)):
        published = [one for one in map(related_runs.as_published, here) if one is not None]
        for prior, these, kinds in (
            ("the meta-model", here, related_runs.UNLEARNED_KINDS),
            ("what is published", published, related_runs.KINDS),
        ):
            if these:
                rows = [
                    row for row in related_runs.Comparison(these, on).rows(kinds) if row["groups"] >= _LEAST_SOURCES
                ]
                related.append({"start": start, "prior": prior, "rows": rows})
    return render(
        "own-runs",
        cases=len(judged),
        groups=len(set(groups)),
        trials=TRIALS,
        ways=ways,
        likeliest=", ".join(f"{length:.1f}" for length in likeliest_lengths(cases)),
        shipped=", ".join(f"{length:g}" for length in LENGTHS),
        own_trials=[
            {"start": start, "rows": own_trials.rows(these)}
            for start, these in ((SCRATCH, cases), (IMAGENET, tuned))
            if these
        ],
        methods=(own_trials.ADVICE, own_trials.RANDOM, own_trials.TPE),
        start_up=own_trials.START_UP,
        seeds=own_trials.SEEDS,
        related=related,
        related_trials=RELATED_TRIALS,
        least_sources=_LEAST_SOURCES,
        known=related_runs.KNOWN,
        most_cases=related_runs.MOST_CASES,
    )


def _forecast_evidence(evidence: Evidence, pretraining: Pretraining) -> list[Forecast]:
    from advisor.describe.model import model_features
    from advisor.learn.table import build_table

    table = build_table(evidence.runs, evidence.datasets, model_features)
    return forecast(table, pretraining)


def main(path: str) -> None:
    """Write the page for the shipped evidence."""
    from advisor.records.evidence import load_evidence, load_fine_tuning

    scratch, tuned = load_evidence(), load_fine_tuning()
    text = page(
        _forecast_evidence(scratch, Pretraining.NONE),
        scratch.datasets,
        _forecast_evidence(tuned, Pretraining.IMAGENET),
        tuned.datasets,
    )
    Path(path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
