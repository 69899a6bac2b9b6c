"""The baselines of the advice: what people use who have no adviser."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from advisor.collect.planning.design import Space, core
from advisor.describe.model import describe_model
from advisor.evaluate.pool import Pool
from advisor.records.schema import Pretraining


@dataclass(frozen=True)
class Baseline:
    """A method that picks from a case's recorded configurations.

    Attributes
    ----------
    name : str
        As the table shows it.
    pick : callable
        From a pool to the index of its choice.
    """

    name: str
    pick: Callable[[Pool], int]


def baselines(seen_pools: Sequence[Pool], columns: Sequence[str]) -> list[Baseline]:
    """Return the baselines, fitted to the groups that are not held out.

    Parameters
    ----------
    seen_pools : sequence of Pool
        Cases of the other groups.
    columns : sequence of str
        Names of the features.
    """
    return [
        Baseline("sane default", lambda pool: _core_point(pool, "sane")),
        Baseline("fixed rule", lambda pool: _core_point(pool, "rule")),
        Baseline("timm's train.py defaults", lambda pool: _core_point(pool, "train.py")),
        best_on_average(seen_pools),
        nearest_dataset(seen_pools, columns),
        Baseline("oracle", lambda pool: int(pool.score.argmax())),
    ]


def core_points(pool: Pool) -> dict[str, int]:
    """Return where each named point of the shared core lies in a pool, by name."""
    case = pool.case
    space = Space(
        opt=case.opt,
        pretrained=case.pretrained,
        attention=describe_model(case.model).is_transformer,
        n_train=pool.n_train,
        max_epochs=pool.max_epochs,
        imagenet=case.pretraining is Pretraining.IMAGENET,
    )
    return {name: pool.nearest(point.as_dict()) for name, point in core(space).items()}


def _core_point(pool: Pool, name: str) -> int:
    return core_points(pool)[name]


def best_on_average(seen_pools: Sequence[Pool]) -> Baseline:
    """The point of the core with the least mean regret over the other groups, for the model and optimizer at hand.

    Where the model was never seen with the optimizer, over all models.
    """
    regrets: dict[tuple[str, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for pool in seen_pools:
        for name, index in core_points(pool).items():
            for key in _keys(pool):
                regrets[key][name].append(float(pool.regret(pool.score[index])))
    best = {key: min(points, key=lambda name: np.mean(points[name])) for key, points in regrets.items()}

    def pick(pool: Pool) -> int:
        points = core_points(pool)
        name = next((best[key] for key in _keys(pool) if key in best), "sane")
        return points.get(name, next(iter(points.values())))

    return Baseline("best on average", pick)


def _recipe(pool: Pool) -> tuple[object, ...]:
    """Return what two cases must have in common for a configuration of one to be tried in the other."""
    return (pool.case.model, pool.case.opt, pool.case.pretraining, pool.case.augmented)


def _keys(pool: Pool) -> list[tuple[str, ...]]:
    case = pool.case
    start = "pretrained" if case.pretrained else "scratch"
    return [(case.opt, start, case.model), (case.opt, start)]


def nearest_dataset(seen_pools: Sequence[Pool], columns: Sequence[str]) -> Baseline:
    """The best configuration of the most similar dataset with the same model and optimizer, or nearest to it.

    Similarity is the mean absolute difference of the dataset's features in standard deviations over the other groups.
    """
    described = [i for i, name in enumerate(columns) if name.startswith("data:")]
    points = np.array([pool.x[0, described] for pool in seen_pools])
    spread = np.nanstd(points, axis=0)
    scale = np.where(spread > 0, spread, np.nan)
    fallback = best_on_average(seen_pools)

    def pick(pool: Pool) -> int:
        same = [i for i, other in enumerate(seen_pools) if _recipe(other) == _recipe(pool)]
        if not same:
            return fallback.pick(pool)
        distances = np.nanmean(np.abs(points[same] - pool.x[0, described]) / scale, axis=1)
        other = seen_pools[same[int(np.argmin(distances))]]
        best = {name: float(column[other.score.argmax()]) for name, column in other.hparams.items()}
        best["epochs"] = min(best["epochs"] * pool.max_epochs / other.max_epochs, pool.max_epochs)
        return pool.nearest(best)

    return Baseline("nearest dataset", pick)
