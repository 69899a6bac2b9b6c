"""Judges learning rates on runs that were not fitted: pairs of runs, and the value of following the advice.

Quick-Tune drew its hyperparameters almost uniformly, so the value of an adviser is estimated doubly robustly, as in a
randomised trial: what a model of the outcome (LightGBM, fitted to other datasets) expects of the advised learning rate,
corrected by the runs that happen to have it. An advised rate between two values of the grid is their mixture, by
logarithms. The same outcome model is used for every adviser.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.evaluate.summary import mean_by_group
from advisor.learn.metamodel import tree_parameters
from advisor.learn.table import Floats
from research.response_model.runs import PublicRuns

ADAPTIVE = ("adamw", "adamp")
SGD = ("sgd", "momentum")
SUBSETS = (
    "AdamW/AdamP, 15M parameters and more",
    "AdamW/AdamP, below 15M",
    "SGD, batch below 16",
    "SGD, batch 16 and more",
)
TRAINED = 0.6
"""Share of the layers that is trained, at least, where values are estimated."""
SEEDS = 5
_FOLDS = 13
_TREES, _RATE = 1000, 0.05
_BOOTSTRAP = 2_000


def subsets(runs: PublicRuns) -> dict[str, NDArray[np.bool_]]:
    """Return which runs are in each subset."""
    opt, batch = runs.opt, runs.of("batch_size")
    trained = runs.of("share_trained") > TRAINED - 0.01
    adaptive, sgd = np.isin(opt, ADAPTIVE) & trained, np.isin(opt, SGD) & trained
    large = runs.of("num_params") >= 15e6
    return dict(
        zip(SUBSETS, (adaptive & large, adaptive & ~large, sgd & (batch < 16), sgd & (batch >= 16)), strict=True)
    )


@dataclass(frozen=True)
class Pairs:
    """Pairs of runs of the same dataset, model and optimizer, the better one first."""

    better: NDArray[np.intp]
    worse: NDArray[np.intp]
    dataset: NDArray[np.str_]
    same_share: NDArray[np.bool_]

    def ordered(self, rating: Floats) -> Floats:
        """Return 1 for each pair that a prediction orders rightly, 1/2 for ties."""
        return np.asarray((1 + np.sign(rating[self.better] - rating[self.worse])) / 2)


def pairs_of(runs: PublicRuns) -> Pairs:
    """Return all pairs whose accuracy and learning rate differ."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for i, key in enumerate(zip(runs.dataset, runs.model, runs.opt, strict=True)):
        alike.setdefault(key, []).append(i)
    found = [
        (i, j) if runs.accuracy[i] > runs.accuracy[j] else (j, i)
        for rows in alike.values()
        for i, j in itertools.combinations(rows, 2)
        if runs.accuracy[i] != runs.accuracy[j] and runs.lr[i] != runs.lr[j]
    ]
    better, worse = np.array(found, dtype=np.intp).reshape(-1, 2).T
    share = runs.of("share_trained")
    return Pairs(better, worse, runs.dataset[better], np.isclose(share[better], share[worse]))


def expected_outcomes(runs: PublicRuns, grid: Floats, seeds: int = SEEDS) -> tuple[Floats, float]:
    """Return the accuracy that LightGBM expects at every learning rate of a grid, and the variance it explains.

    Datasets are left out in turn, a few at a time. Its size and features were chosen by the variance it explains of
    runs left out, before any advice was judged by it.

    Parameters
    ----------
    runs : PublicRuns
        All runs, n of them.
    grid : ndarray of shape (k,)
        Learning rates.
    seeds : int
        Over how many partitions of the datasets it is averaged.

    Returns
    -------
    ndarray of shape (n, k), float
        The explained share of the variance is that at the learning rates that were drawn.
    """
    import lightgbm

    x, tables = _table(runs, np.log10(runs.lr)), [_table(runs, np.full(len(runs), np.log10(lr))) for lr in grid]
    expected, at_own = np.zeros((len(runs), len(grid))), np.zeros(len(runs))
    for seed in range(seeds):
        names = np.random.default_rng(seed).permutation(np.unique(runs.dataset))
        for fold in np.array_split(names, min(_FOLDS, len(names))):
            out = np.isin(runs.dataset, fold)
            parameters = {**tree_parameters(seed), "learning_rate": _RATE}
            booster = lightgbm.train(parameters, lightgbm.Dataset(x[~out], runs.accuracy[~out]), _TREES)
            at_own[out] += booster.predict(x[out], num_threads=1) / seeds
            for k, table in enumerate(tables):
                expected[out, k] += booster.predict(table[out], num_threads=1) / seeds
    left = float(((runs.accuracy - at_own) ** 2).mean() / runs.accuracy.var())
    return expected, 1 - left


def _table(runs: PublicRuns, log_lr: Floats) -> Floats:
    kinds, opts = np.array([case.kind for case in runs.cases]), runs.opt
    columns = [log_lr, np.log10(runs.weight_decay + 1e-7), runs.of("share_trained")]
    columns += [np.log10(runs.of(name)) for name in ("n_train", "num_params", "batch_size")]
    columns += [(kinds == kind).astype(float) for kind in ("convolution", "attention", "hybrid")]
    columns += [(opts == opt).astype(float) for opt in np.unique(opts)]
    columns += [(runs.model == model).astype(float) for model in np.unique(runs.model)]
    # Trees do not find differences of columns by themselves.
    batch = np.log10(runs.of("batch_size"))
    columns += [log_lr - np.log10(runs.of("recipe_lr")), log_lr - batch, log_lr - batch / 2]
    return np.column_stack([*columns, runs.settings])


def values(runs: PublicRuns, advised: Floats | None, grid: Floats, expected: Floats) -> Floats:
    """Return the doubly robust value of an advised learning rate in every run; their mean estimates its value.

    Parameters
    ----------
    runs : PublicRuns
        The runs, n of them.
    advised : ndarray of shape (n,) or None
        What is advised; None for a random learning rate of the grid.
    grid : ndarray of shape (k,)
        The learning rates that were drawn.
    expected : ndarray of shape (n, k)
        What the outcome model expects at each.
    """
    drawn = np.abs(np.log(runs.lr)[:, None] - np.log(grid)).argmin(axis=1)
    policy = np.full(expected.shape, 1 / len(grid)) if advised is None else mixture(advised, grid)
    propensity = np.zeros(len(runs))
    for opt in np.unique(runs.opt):
        rows = runs.opt == opt
        propensity[rows] = (np.bincount(drawn[rows], minlength=len(grid)) / rows.sum())[drawn[rows]]
    each = np.arange(len(runs))
    correction = policy[each, drawn] / propensity * (runs.accuracy - expected[each, drawn])
    return np.asarray((policy * expected).sum(axis=1) + correction)


def mixture(advised: Floats, grid: Floats) -> Floats:
    """Return the probabilities of the grid's values whose mean logarithm is that of each advised rate, shape (n, k)."""
    logs = np.log(grid)
    at = np.interp(np.log(advised), logs, np.arange(len(grid)))
    return np.asarray(np.maximum(0, 1 - np.abs(at[:, None] - np.arange(len(grid)))))


def interval(values: Floats, dataset: NDArray[np.str_], level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a mean over runs, datasets drawn with replacement."""
    names, where = np.unique(dataset, return_inverse=True)
    sums, counts = np.bincount(where, values), np.bincount(where)
    draws = np.random.default_rng(0).integers(0, len(names), (_BOOTSTRAP, len(names)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def by_dataset(values: Floats, dataset: NDArray[np.str_]) -> float:
    """Return the mean over datasets."""
    return float(mean_by_group(values, dataset).mean())


def median_factor(advised: Sequence[float], tuned: Sequence[float]) -> float:
    """Return the median factor between two lists of learning rates, 1 where they agree."""
    return float(np.exp(np.median(np.abs(np.log(np.asarray(advised) / np.asarray(tuned))))))


def best_fixed(runs: PublicRuns, grid: Floats) -> Floats:
    """Return for each run the learning rate that was best on average over the other datasets, by kind of optimizer."""
    groups = {"adaptive": np.isin(runs.opt, (*ADAPTIVE, "adam")), "sgd": np.isin(runs.opt, SGD)}
    found = np.zeros(len(runs))
    for rows in groups.values():
        for name in np.unique(runs.dataset):
            others, here = rows & (runs.dataset != name), rows & (runs.dataset == name)
            means = [float(runs.accuracy[others & np.isclose(runs.lr, lr)].mean()) for lr in grid]
            found[here] = grid[int(np.argmax(means))]
    return found
