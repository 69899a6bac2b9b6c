"""Is advice on public fine-tuning runs worth its trials?  ``python -m research.quicktune.page FOLDER PAGE``.

Model and values are chosen together for a dataset of which nothing was seen; every dataset is left out in turn, and the
whole procedure is repeated with other seeds. The folder is that of the Quick-Tune meta-dataset, in any of its layouts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.errors import AdvisorError
from advisor.evaluate.pool import expected_best
from advisor.evaluate.summary import bootstrap_interval
from advisor.learn.table import Floats
from research.pages.rendering import render
from research.quicktune.joint_methods import (
    Beliefs,
    best_first,
    by_trees,
    chosen_beliefs,
    complementary,
    of_unlike_models,
    process_weights,
    ranks,
    standardised,
)
from research.quicktune.joint_runs import JointRuns, read_joint_runs
from research.quicktune.joint_values import with_model_given

N_SEEDS = 10
N_WEIGHTS = 12
TRIALS = (1, 5, 10, 25)
FIRST, THREE = 0.08, 0.025
"""What is wanted of the first pick and of the best of three."""
CHOSEN = "trees and process added, complementary"
"""The method whose picks are shown."""
_SHOWN = ("lr", "batch_size", "dropout", "weight_decay")

Picks = dict[str, list[int]]
"""By method, rows of the dataset that was left out, in the order in which they would be tried."""


def picks_of(runs: JointRuns, name: str, beliefs: Beliefs, seed: int) -> Picks:
    """Return what every method picks on one dataset from the runs on the others."""
    out = runs.dataset == name
    models = [run.model for run, left in zip(runs.runs, out, strict=True) if left]
    plain = by_trees(runs, np.log(0.1 + runs.regret), out, seed, members=1)
    regret, rank = by_trees(runs, runs.regret, out, seed), by_trees(runs, ranks(runs), out, seed)
    ranked = by_trees(runs, ranks(runs), out, seed, ranking=True)
    process, covariance = beliefs.mean[out], beliefs.covariance[name]
    trees = standardised(regret) + standardised(rank)
    # On the scale of the process, so that its covariance is that of the sum.
    both = (process + standardised(trees) * float(process.std()) + float(process.mean())) / 2
    return {
        "one LightGBM, log regret": best_first(plain),
        "bagged LightGBM, regret": best_first(regret),
        "bagged LightGBM, rank": best_first(rank),
        "bagged LightGBM, lambdarank": best_first(ranked),
        "bagged LightGBM, rank, three models": of_unlike_models(rank, models),
        "Gaussian process": best_first(process),
        "Gaussian process, complementary": complementary(process, covariance, seed),
        "trees and process added": best_first(both),
        "trees and process added, three models": of_unlike_models(both, models),
        CHOSEN: complementary(both, covariance, seed),
    }


def judge(runs: JointRuns, beliefs: Beliefs, seeds: int, workers: int = 1) -> list[dict[str, Picks]]:
    """Return, for every seed, the picks on every dataset by its name."""
    from joblib import Parallel, delayed

    names = [str(name) for name in np.unique(runs.dataset)]
    found = Parallel(n_jobs=workers)(
        delayed(picks_of)(runs, name, beliefs, seed) for seed in range(seeds) for name in names
    )
    return [dict(zip(names, found[s * len(names) : (s + 1) * len(names)], strict=True)) for s in range(seeds)]


def regrets(runs: JointRuns, judged: Sequence[Mapping[str, Picks]]) -> dict[str, Floats]:
    """Return by method the regret of the first pick and of the best of three; shape (2, seeds, datasets)."""
    result = {}
    for method in next(iter(judged[0].values())):
        both = [
            [
                (regret[picks[method][0]], regret[picks[method][:3]].min())
                for name, picks in by_name.items()
                for regret in [runs.regret[runs.dataset == name]]
            ]
            for by_name in judged
        ]
        result[method] = np.moveaxis(np.array(both), -1, 0)
    return result


def random_search(runs: JointRuns) -> dict[int, float]:
    """Return the mean regret of the best of so many random runs of a dataset."""
    cases = [1 - runs.regret[runs.dataset == name] for name in np.unique(runs.dataset)]
    return {k: float(np.mean([1 - expected_best(case, k) for case in cases])) for k in TRIALS}


def page(runs: JointRuns, beliefs: Beliefs, judged: Sequence[Mapping[str, Picks]]) -> str:
    """Return docs/quicktune.md."""
    names = np.unique(runs.dataset)
    methods = {name: _method(name, first, three, names) for name, (first, three) in regrets(runs, judged).items()}
    return render(
        "quicktune",
        runs=len(runs),
        datasets=len(names),
        seeds=len(judged),
        weights=N_WEIGHTS,
        methods=list(methods.values()),
        chance=random_search(runs),
        chosen=methods[CHOSEN],
        wanted_first=FIRST,
        wanted_three=THREE,
        picks=[_row(runs, name, picks[CHOSEN]) for name, picks in judged[0].items()],
        given=with_model_given(runs, beliefs.mean),
    )


def _method(name: str, first: Floats, three: Floats, datasets: NDArray[np.str_]) -> dict[str, Any]:
    low, high = bootstrap_interval(first.mean(axis=0), datasets)
    return {
        "name": name,
        "first": float(first.mean()),
        "between_seeds": float(first.mean(axis=1).std()),
        "three": float(three.mean()),
        "low": low,
        "high": high,
    }


def _row(runs: JointRuns, name: str, picks: Sequence[int]) -> list[str]:
    at = np.flatnonzero(runs.dataset == name)
    run = runs.runs[at[picks[0]]]
    regret = (runs.regret[at[picks[0]]], runs.regret[at[picks[:3]]].min())
    values = [_value(getattr(run, field)) for field in _SHOWN]
    return [name, str(run.model), str(run.opt), *values, *(f"{value:.3f}" for value in regret)]


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else "–"


def main(folder: str, to: str) -> None:
    """Judge the runs in a folder and write the page."""
    from advisor.collect.engine import available_cores

    try:
        runs = read_joint_runs(Path(folder))
    except AdvisorError as error:
        sys.exit(f"{error}\n{error.hint}")
    beliefs, _ = chosen_beliefs(runs, process_weights(N_WEIGHTS))
    judged = judge(runs, beliefs, N_SEEDS, available_cores())
    Path(to).write_text(page(runs, beliefs, judged), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
