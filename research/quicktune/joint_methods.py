"""Ways to choose model and values together for a dataset never seen, from runs on others.

The trees use the meta-model's LightGBM parameters. The Gaussian process says how alike two trainings are (Matern 3/2
over what they are, every kind of difference with a weight of its own) and lets a dataset have likes of its own; all
runs of the other datasets speak at once, so leaving each dataset out in turn takes one inverse (Rasmussen & Williams
2006, 5.4.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.learn.metamodel import tree_parameters
from advisor.learn.table import Floats
from research.quicktune.joint_runs import JointRuns

N_TREES, TREE_RATE = 300, 0.05
N_MEMBERS = 6
_SHARE = 0.8
_DRAWS = 400


@dataclass(frozen=True)
class Weights:
    """Weights of the Gaussian process: of squared differences by block, of a dataset's own likes, and of the noise."""

    blocks: tuple[tuple[str, float], ...]
    own: float
    noise: float


BY_HAND = Weights(
    (
        ("model", 0.15), ("descriptors", 0.02), ("optimizer", 0.15), ("lr", 0.3), ("batch", 0.05), ("frozen", 0.3),
        ("rest", 0.01),
    ),
    own=0.3,
    noise=0.3,
)  # fmt: skip
"""A first guess; the others are drawn around it, and which is used is chosen on the datasets not left out."""


def process_weights(n: int) -> list[Weights]:
    """Return the first guess and ``n`` - 1 others, whose weights differ from it by random factors of about two."""
    rng = np.random.default_rng(0)
    found = [BY_HAND]
    for _ in range(n - 1):
        factors = np.exp(rng.normal(0, 0.7, len(BY_HAND.blocks) + 2))
        blocks = tuple((name, w * f) for (name, w), f in zip(BY_HAND.blocks, factors, strict=False))
        found.append(Weights(blocks, BY_HAND.own * factors[-2], BY_HAND.noise * factors[-1]))
    return found


@dataclass(frozen=True)
class Beliefs:
    """What a Gaussian process expects of the runs of each dataset from all others; covariances are by dataset."""

    mean: Floats
    covariance: dict[str, Floats]


def standard_scores(runs: JointRuns) -> Floats:
    """Return scores of mean 0 and deviation 1 within each dataset."""
    result = np.zeros(len(runs))
    for name in np.unique(runs.dataset):
        rows = runs.dataset == name
        result[rows] = (runs.score[rows] - runs.score[rows].mean()) / max(runs.score[rows].std(), 1e-9)
    return result


def ranks(runs: JointRuns) -> Floats:
    """Return ranks within each dataset, 0 the best and 1 the worst."""
    from scipy.stats import rankdata

    result = np.zeros(len(runs))
    for name in np.unique(runs.dataset):
        rows = runs.dataset == name
        result[rows] = (rankdata(-runs.score[rows]) - 0.5) / rows.sum()
    return result


def believe(runs: JointRuns, weights: Weights) -> Beliefs:
    """Return what is expected of the runs of every dataset from the runs of all others."""
    alike, y = _kernel(runs, weights), standard_scores(runs)
    same = runs.dataset[:, None] == runs.dataset
    inverse = np.linalg.inv(alike * (1 + weights.own * same) + weights.noise * np.eye(len(runs)))
    solved = inverse @ y
    mean, covariance = np.zeros(len(runs)), {}
    for name in np.unique(runs.dataset):
        rows = np.flatnonzero(runs.dataset == name)
        block = np.linalg.inv(inverse[np.ix_(rows, rows)])
        mean[rows] = y[rows] - block @ solved[rows]
        covariance[str(name)] = (block + block.T) / 2
    return Beliefs(mean, covariance)


def chosen_beliefs(runs: JointRuns, candidates: Sequence[Weights]) -> tuple[Beliefs, list[int]]:
    """Return beliefs by the weights that, for each dataset, erred least on the other datasets; and which those are."""
    tried = [believe(runs, weights) for weights in candidates]
    y, names = standard_scores(runs), np.unique(runs.dataset)
    errors = np.array(
        [[np.mean((y[rows] - b.mean[rows]) ** 2) for rows in (runs.dataset == n for n in names)] for b in tried]
    )
    mean, covariance, chosen = np.zeros(len(runs)), {}, []
    for i, name in enumerate(names):
        best = int(np.delete(errors, i, axis=1).mean(axis=1).argmin())
        rows = runs.dataset == name
        mean[rows] = tried[best].mean[rows]
        covariance[str(name)] = tried[best].covariance[str(name)]
        chosen.append(best)
    return Beliefs(mean, covariance), chosen


def _kernel(runs: JointRuns, weights: Weights) -> Floats:
    weighted = np.hstack([runs.blocks[name] * np.sqrt(weight) for name, weight in weights.blocks])
    squares = (weighted**2).sum(axis=1)
    distance = np.sqrt(3 * np.maximum(squares[:, None] + squares - 2 * weighted @ weighted.T, 0))
    return np.asarray((1 + distance) * np.exp(-distance))


def by_trees(
    runs: JointRuns,
    target: Floats,
    out: NDArray[np.bool_],
    seed: int,
    *,
    members: int = N_MEMBERS,
    ranking: bool = False,
) -> Floats:
    """Return what bagged LightGBM expects of the runs left out, larger is better; each member sees 4 in 5 datasets.

    Parameters
    ----------
    runs : JointRuns
        All runs.
    target : ndarray of shape (n,)
        What is learned; smaller is better.
    out : ndarray of bool, shape (n,)
        The runs left out.
    seed : int
        Of everything random.
    members : int
        1 for a single model of all other datasets.
    ranking : bool
        Whether members rank the runs of a dataset (LambdaMART); the target is then taken for a rank.
    """
    import lightgbm

    rng = np.random.default_rng(seed)
    others, x = np.unique(runs.dataset[~out]), runs.x
    expected = np.zeros((members, int(out.sum())))
    for member in range(members):
        seen = others if members == 1 else rng.choice(others, round(_SHARE * len(others)), replace=False)
        rows = np.flatnonzero(np.isin(runs.dataset, seen))
        parameters = {**tree_parameters(100 * seed + member), "learning_rate": TREE_RATE}
        if ranking:
            rows = rows[np.argsort(runs.dataset[rows], kind="stable")]
            parameters |= {"objective": "lambdarank", "label_gain": list(range(31)), "lambdarank_truncation_level": 20}
            relevance = np.round(30 * (1 - np.clip(target[rows], 0, 1)) ** 2).astype(int)
            sizes = np.unique(runs.dataset[rows], return_counts=True)[1]
            data = lightgbm.Dataset(x[rows], relevance, group=sizes)
        else:
            data = lightgbm.Dataset(x[rows], target[rows])
        booster = lightgbm.train(parameters, data, num_boost_round=N_TREES)
        expected[member] = (1 if ranking else -1) * np.asarray(booster.predict(x[out], num_threads=1))
    return np.asarray(expected.mean(axis=0))


def best_first(expected: Floats) -> list[int]:
    """Return the three that are expected to be best."""
    return [int(i) for i in np.argsort(-expected, kind="stable")[:3]]


def of_unlike_models(expected: Floats, models: Sequence[str | None]) -> list[int]:
    """Return the best, the best with another model, and the best with a third."""
    picks: list[int] = []
    order = np.argsort(-expected, kind="stable")
    for i in order:
        if models[i] not in {models[j] for j in picks}:
            picks.append(int(i))
    return (picks + [int(i) for i in order if i not in picks])[:3]


def complementary(expected: Floats, covariance: Floats, seed: int) -> list[int]:
    """Return the best, then twice the one that raises the expected best of all picked the most.

    Parameters
    ----------
    expected : ndarray of shape (m,)
        Expected scores, in units of ``covariance``.
    covariance : ndarray of shape (m, m)
        Of the scores.
    seed : int
        Of the draws by which the expected best is estimated.
    """
    draws = np.random.default_rng(seed).standard_normal((len(expected), _DRAWS))
    root = np.linalg.cholesky(covariance + 1e-6 * np.eye(len(expected)))
    scores = expected[:, None] + root @ draws
    picks = [int(expected.argmax())]
    for _ in range(2):
        gain = np.maximum(scores, scores[picks].max(axis=0)).mean(axis=1)
        gain[picks] = -np.inf
        picks.append(int(gain.argmax()))
    return picks


def standardised(expected: Floats) -> Floats:
    """Return expectations of mean 0 and deviation 1, so that those of several methods can be added."""
    return np.asarray((expected - expected.mean()) / max(float(expected.std()), 1e-9))
