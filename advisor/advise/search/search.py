"""The search for the best of the hyperparameters under the user's limits, and the ranges in which little is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.advise.request import Prefer
from advisor.advise.search.bounds import Bounds
from advisor.advise.search.candidates import Columns, even_cover, join, steps_from, take
from advisor.advise.search.predictor import Predict
from advisor.learn.nearby_lr import LR_NEIGHBOURS, at_nearby_lr, by_neighbour
from advisor.learn.table import Floats
from advisor.learn.targets import regret_scale
from advisor.space.configuration import Configuration, columns_of, from_columns, to_unit_scale
from advisor.space.hyperparameters import HYPERPARAMETERS, two_figures

_PROMISING = 4
"""Points of the even cover that are looked at more closely, at nearby learning rates as well."""
_ROUNDS = 8
"""Steps are taken so many times from the best: further than half as many from the best two, and cheaper."""
_RETRY_LR, _RETRY_BATCH = 3.0, 4.0
"""Factors between the first suggestion and what to try if it disappoints."""
RETRY_BY = ("lr", "batch_size", "epochs")
"""What makes a second chance; dropout and weight decay hardly do in fine-tuning."""
_DISTINCT = 1.5
"""Suggestions differ by at least this much on the unit scale: about a factor of three in one of the hyperparameters."""


@dataclass(frozen=True)
class SearchResult:
    """The outcome of a search: configurations best first, and the ranges around them."""

    configurations: tuple[Configuration, ...]
    ranges: dict[str, tuple[float, float]]


def search(predict: Predict, bounds: Bounds, *, prefer: Prefer, noise: float, top_k: int) -> SearchResult:
    """Find the configurations to suggest.

    The regret of a candidate is averaged with that at half and twice its learning rate: an optimum that
    survives being missed by a factor of two is worth more than a needle. The most promising points of an even cover
    of the box are looked at so, followed by steps along each axis from the best.

    Parameters
    ----------
    predict : Predict
        What is expected of configurations.
    bounds : mapping of str to (low, high)
        The box, see ``allowed_bounds``.
    prefer : {"accuracy", "balanced", "speed"}
        ``accuracy`` ignores cost; ``balanced`` takes the fewest epochs that come within ``noise`` of the best;
        ``speed`` the fewest within one point.
    noise : float
        Points of accuracy by which equal runs with other seeds differ.
    top_k : int
        How many configurations to return, at least 1.

    Returns
    -------
    SearchResult
    """
    cover = even_cover(bounds)
    expected = predict(cover)
    # Of all of the box: among candidates that are all near the best, best minus median is next to nothing.
    unit = regret_scale(expected.top1)
    columns = take(cover, np.argsort(expected.regret, kind="stable")[:_PROMISING])
    near = by_neighbour(predict.regret(at_nearby_lr(columns)))
    for _ in range(_ROUNDS):
        best = near.mean(axis=0).argmin(keepdims=True)
        further = steps_from(columns, best, bounds)
        if not len(further["lr"]):
            break
        columns = join(columns, further)
        near = np.concatenate([near, by_neighbour(predict.regret(at_nearby_lr(further)))], axis=1)
    points = near.mean(axis=0) * unit
    tolerance = {"accuracy": 0.0, "balanced": noise, "speed": max(1.0, noise)}[prefer]
    chosen = distinct(columns, preference_order(columns, points, tolerance), top_k)
    configurations = tuple(from_columns(columns, row) for row in chosen)

    middle = near[LR_NEIGHBOURS.index(1.0)]
    within = np.concatenate([expected.regret, middle]) * unit <= middle[chosen[0]] * unit + max(noise, 1e-9)
    seen = {name: column[within] for name, column in join(cover, columns).items()}
    ranges = {name: (float(column.min()), float(column.max())) for name, column in seen.items()}
    return SearchResult(configurations, ranges)


def preference_order(columns: Columns, points: Floats, tolerance: float) -> list[int]:
    """Return candidates by points short of the best; before all others those within ``tolerance`` of least epochs."""
    good = np.flatnonzero(points <= points.min() + tolerance)
    cheapest = columns["epochs"][good].min()
    first = [i for i in good if columns["epochs"][i] == cheapest]
    ranked = sorted(first, key=lambda i: points[i])
    ahead = set(ranked)
    return [int(i) for i in (*ranked, *(i for i in np.argsort(points, kind="stable") if i not in ahead))]


def retries(predict: Predict, best: Configuration, bounds: Bounds, count: int) -> tuple[Configuration, ...]:
    """Return what is worth trying if the best disappoints: another learning rate first, then another batch size.

    A second suggestion that differs in weight decay only is no second chance. Of the two learning rates, a factor of
    three away, the one that is expected to be better comes first.

    Parameters
    ----------
    predict : Predict
        What is expected of configurations.
    best : Configuration
        The first suggestion.
    bounds : mapping of str to (low, high)
        The box; what lies outside is left out.
    count : int
        How many at most.
    """

    def inside(name: str, value: float) -> bool:
        low, high = bounds[name]
        return low <= value <= high

    found: list[Configuration] = []
    rates = [two_figures(best.lr * factor) for factor in (_RETRY_LR, 1 / _RETRY_LR)]
    sizes = [max(1, int(best.batch_size * factor)) for factor in (_RETRY_BATCH, 1 / _RETRY_BATCH)]
    for others in (
        [replace(best, lr=rate) for rate in rates if inside("lr", rate)],
        [replace(best, batch_size=size) for size in sizes if inside("batch_size", size)],
    ):
        if others:
            expected = predict.regret(columns_of(others))
            found += [others[i] for i in np.argsort(expected, kind="stable")]
    return tuple(found[:count])


def distinct(columns: Columns, order: list[int], top_k: int, by: Sequence[str] = HYPERPARAMETERS) -> list[int]:
    """Return the first ``top_k`` of an order that differ enough from each other in one of the named hyperparameters."""
    unit = to_unit_scale(columns)[:, [HYPERPARAMETERS.index(name) for name in by]]
    chosen = order[:1]
    for row in order[1:]:
        if len(chosen) == top_k:
            break
        if min(np.abs(unit[row] - unit[other]).max() for other in chosen) >= _DISTINCT:
            chosen.append(row)
    return chosen
