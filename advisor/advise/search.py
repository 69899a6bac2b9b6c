"""The search for the best of the five under the user's limits, and the ranges in which little is lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advisor.errors import UsageError
from advisor.learn.metamodel import Prediction
from advisor.learn.space import NO_DECAY, Configuration, Limits, from_columns, to_unit_scale
from advisor.learn.table import Floats
from advisor.records.schema import HYPERPARAMETERS

Prefer = Literal["accuracy", "balanced", "speed"]
Predict = Callable[[Mapping[str, Floats]], Prediction]
Bounds = Mapping[str, tuple[float, float]]
Columns = dict[str, Floats]

N_CANDIDATES = 1024
LR_NEIGHBOURS = (0.5, 1.0, 2.0)
_DISTINCT = 1.5
"""Suggestions differ by at least this much on the unit scale: about a factor of three in one of the five."""


@dataclass(frozen=True)
class Found:
    """The outcome of a search: configurations best first, what is expected of each, and the ranges around them."""

    configurations: tuple[Configuration, ...]
    prediction: Prediction
    ranges: dict[str, tuple[float, float]]


def allowed_bounds(evidence: Bounds, limits: Limits, n_train: int, max_epochs: int | None = None) -> Bounds:
    """Return the box to search: what the evidence covers, cut to the limits and to the dataset.

    Parameters
    ----------
    evidence : mapping of str to (low, high)
        Smallest and largest value seen of each of the five.
    limits : Limits
        The user's limits.
    n_train : int
        Training images; a batch is never larger.
    max_epochs : int, optional
        A further limit on the epochs, such as a time budget turned into epochs.

    Raises
    ------
    UsageError
        If a fixed value cannot be met within the dataset.
    """
    box = dict(evidence)
    ceilings = {
        "batch_size": min(n_train, limits.max_batch_size or n_train),
        "epochs": min(x for x in (limits.max_epochs, max_epochs, math.inf) if x is not None),
    }
    for name, ceiling in ceilings.items():
        low, high = box[name]
        box[name] = (min(low, ceiling), min(high, ceiling))
    for name, value in limits.fixed.items():
        if value > ceilings.get(name, math.inf):
            raise UsageError(
                f"{name} cannot be {value:g} here",
                cause=f"it would be above {ceilings[name]:g}, the most that the dataset and the limits allow",
                hint=f"--fix {name}={ceilings[name]:g} or less",
            )
        box[name] = (value, value)
    return box


def search(predict: Predict, bounds: Bounds, *, prefer: Prefer, noise: float, top_k: int) -> Found:
    """Find the configurations to suggest.

    The shortfall of a candidate is averaged with that at half and twice its learning rate: an optimum that
    survives being missed by a factor of two is worth more than a needle. A coarse even cover of the box is followed
    by steps along each axis from the best points.

    Parameters
    ----------
    predict : callable
        From columns of the five to a prediction.
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
    Found
    """
    columns = even_cover(bounds)
    shortfall, top1 = _robust(predict, columns)
    # Of the even cover: among candidates that are all near the best, best minus median is next to nothing.
    unit = regret_unit(top1)
    for _ in range(2):
        best = np.argsort(shortfall, kind="stable")[:16]
        further = _neighbours(columns, best, bounds)
        columns = {name: np.concatenate([columns[name], further[name]]) for name in HYPERPARAMETERS}
        shortfall = np.concatenate([shortfall, _robust(predict, further)[0]])
    points = shortfall * unit
    tolerance = {"accuracy": 0.0, "balanced": noise, "speed": max(1.0, noise)}[prefer]
    order = preference_order(columns, points, tolerance)
    chosen = distinct(columns, order, top_k)
    configurations = tuple(from_columns(columns, row) for row in chosen)
    within = points <= points[chosen[0]] + max(noise, 1e-9)
    ranges = {name: (float(columns[name][within].min()), float(columns[name][within].max())) for name in columns}
    rows = {name: np.array([getattr(c, name) for c in configurations], dtype=np.float64) for name in HYPERPARAMETERS}
    return Found(configurations, predict(rows), ranges)


def _robust(predict: Predict, columns: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Return the shortfall averaged over nearby learning rates, and the accuracy; each of shape (n,)."""
    n = len(columns["lr"])
    near = {name: np.tile(column, len(LR_NEIGHBOURS)) for name, column in columns.items()}
    near["lr"] = near["lr"] * np.repeat(LR_NEIGHBOURS, n)
    prediction = predict(near)
    shortfall = prediction.shortfall.reshape(len(LR_NEIGHBOURS), n).mean(axis=0)
    return np.asarray(shortfall), prediction.top1[n : 2 * n]


def points_short(shortfall: Floats, top1: Floats) -> Floats:
    """Return the points of accuracy that candidates are short of the best.

    Parameters
    ----------
    shortfall : ndarray of shape (len(LR_NEIGHBOURS), n)
        Predicted regret of the candidates at each of the nearby learning rates; the mean counts.
    top1 : ndarray of shape (n,)
        Their predicted accuracy in percent; they are to cover all there is to choose from.
    """
    return np.asarray(shortfall.mean(axis=0) * regret_unit(top1))


def regret_unit(top1: Floats) -> float:
    """Return the points of accuracy that a regret of 1 stands for: best minus median over all there is to choose from.

    Parameters
    ----------
    top1 : ndarray of shape (n,)
        Predicted accuracies in percent.
    """
    return max(float(np.quantile(top1, 0.99) - np.median(top1)), 1e-6)


def preference_order(columns: Columns, points: Floats, tolerance: float) -> list[int]:
    """Return candidates by points short of the best; before all others those within ``tolerance`` of least epochs."""
    good = np.flatnonzero(points <= points.min() + tolerance)
    cheapest = columns["epochs"][good].min()
    first = [i for i in good if columns["epochs"][i] == cheapest]
    ranked = sorted(first, key=lambda i: points[i])
    return [int(i) for i in (*ranked, *(i for i in np.argsort(points, kind="stable") if i not in set(ranked)))]


def distinct(columns: Columns, order: list[int], top_k: int) -> list[int]:
    """Return the first ``top_k`` of an order that differ enough from each other."""
    unit = to_unit_scale(columns)
    chosen = order[:1]
    for row in order[1:]:
        if len(chosen) == top_k:
            break
        if min(np.abs(unit[row] - unit[other]).max() for other in chosen) >= _DISTINCT:
            chosen.append(row)
    return chosen


def even_cover(bounds: Bounds) -> Columns:
    """Return an even cover of the box by the additive recurrence of Roberts' R sequence (generalised golden ratio)."""
    d = len(HYPERPARAMETERS)
    ratio = 2.0
    for _ in range(64):
        ratio = (1 + ratio) ** (1 / (d + 1))
    steps = np.arange(1, N_CANDIDATES + 1)[:, None] * (1 / ratio) ** np.arange(1, d + 1)
    unit = (0.5 + steps) % 1
    columns = {name: _place(name, unit[:, i], bounds[name]) for i, name in enumerate(HYPERPARAMETERS)}
    return _snap(columns, bounds)


def _place(name: str, unit: Floats, bound: tuple[float, float]) -> Floats:
    low, high = bound
    if name == "dropout":
        return np.asarray(low + unit * (high - low))
    floor = NO_DECAY if name == "weight_decay" else low
    low, high = max(low, floor), max(high, floor)
    return np.asarray(low * (high / low) ** unit)


def _neighbours(columns: Columns, rows: NDArray[np.intp], bounds: Bounds) -> Columns:
    moves: dict[str, tuple[float, ...]] = {
        "lr": (0.5, 2**-0.5, 2**0.5, 2.0),
        "batch_size": (0.5, 2.0),
        "epochs": (0.5, 0.75, 1.5, 2.0, math.inf),
        "weight_decay": (0.0, 0.3, 3.0),
    }
    result: dict[str, list[Floats]] = {name: [] for name in HYPERPARAMETERS}
    for moved in HYPERPARAMETERS:
        for move in moves.get(moved, (-0.1, 0.1)):
            for name in HYPERPARAMETERS:
                here = columns[name][rows]
                if name == moved:
                    here = here + move if name == "dropout" else here * move
                result[name].append(here)
    return _snap({name: np.concatenate(parts) for name, parts in result.items()}, bounds)


def _snap(columns: Columns, bounds: Bounds) -> Columns:
    """Bring candidates to values people use (batch sizes are powers of two), inside the box."""
    snapped: Columns = {
        "lr": columns["lr"],
        "batch_size": np.exp2(np.round(np.log2(columns["batch_size"]))),
        "epochs": np.asarray(np.round(np.minimum(columns["epochs"], 1e9)), dtype=np.float64),
        "dropout": np.round(columns["dropout"], 1),
        "weight_decay": np.where(columns["weight_decay"] < 10 * NO_DECAY, 0.0, columns["weight_decay"]),
    }
    for name in ("lr", "weight_decay"):
        snapped[name] = np.array([float(f"{value:.2g}") for value in snapped[name]])
    result = {}
    for name in HYPERPARAMETERS:
        low, high = bounds[name]
        inside = np.clip(snapped[name], low, high)
        # The largest power of two inside, unless the box is a single value the user asked for.
        if name == "batch_size" and low < high:
            inside = np.where(np.log2(inside) % 1 > 0, 2 ** np.floor(np.log2(inside)), inside)
        result[name] = inside
    return result
