"""Candidates of the search: an even cover of the box, steps from good ones, and the values that people use."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from advisor.advise.search.bounds import Bounds
from advisor.learn.table import Floats
from advisor.space.hyperparameters import HYPERPARAMETERS, TABLE

Columns = dict[str, Floats]

_N_COVER = 128
"""Points of the even cover: found so, the best is as good as from 1,024, if steps from the best of them follow."""
_MOVES: dict[str, tuple[float, ...]] = {
    "lr": (0.5, 2**-0.5, 2**0.5, 2.0),
    "batch_size": (0.5, 2.0),
    "epochs": (0.5, 0.75, 1.5, 2.0, math.inf),
    "dropout": (-0.1, 0.1),
    "weight_decay": (0.0, 0.3, 3.0),
}
"""Steps along each axis: of dropout by adding, of the others by multiplying."""


def even_cover(bounds: Bounds) -> Columns:
    """Return an even cover of the box by the additive recurrence of Roberts' R sequence (generalised golden ratio)."""
    unit = _even_cover_of_unit_box()
    columns = {name: _place(name, unit[:, i], bounds[name]) for i, name in enumerate(HYPERPARAMETERS)}
    return _snap(columns, bounds)


@functools.cache
def _even_cover_of_unit_box() -> Floats:
    d = len(HYPERPARAMETERS)
    ratio = 2.0
    for _ in range(64):
        ratio = (1 + ratio) ** (1 / (d + 1))
    steps = np.arange(1, _N_COVER + 1)[:, None] * (1 / ratio) ** np.arange(1, d + 1)
    return np.asarray((0.5 + steps) % 1)


def steps_from(columns: Columns, rows: NDArray[np.intp], bounds: Bounds) -> Columns:
    """Return the candidates one step along each axis from those in ``rows``, inside the box, that are not there yet."""
    here = take(columns, rows)
    n_moves = sum(map(len, _MOVES.values()))
    there = {name: np.tile(column, n_moves).reshape(n_moves, -1) for name, column in here.items()}
    at = 0
    for name, moves in _MOVES.items():
        factors = np.array(moves)[:, None]
        moved = there[name][at : at + len(moves)]
        moved[...] = moved * factors if TABLE[name].by_factors else moved + factors
        at += len(moves)
    found = _snap({name: column.ravel() for name, column in there.items()}, bounds)
    # Many steps end at the edge of the box, and neighbours have neighbours in common.
    known = set(_keys(columns))
    new = {key: row for row, key in reversed(list(enumerate(_keys(found)))) if key not in known}
    return take(found, np.array(sorted(new.values()), dtype=np.intp))


def take(columns: Columns, rows: NDArray[np.intp]) -> Columns:
    """Return the given rows."""
    return {name: column[rows] for name, column in columns.items()}


def join(one: Columns, other: Columns) -> Columns:
    """Return the rows of both."""
    return {name: np.concatenate([one[name], other[name]]) for name in HYPERPARAMETERS}


def _keys(columns: Columns) -> list[tuple[float, ...]]:
    return list(zip(*(columns[name].tolist() for name in HYPERPARAMETERS), strict=True))


def _place(name: str, unit: Floats, bound: tuple[float, float]) -> Floats:
    low, high = bound
    if not TABLE[name].by_factors:
        return np.asarray(low + unit * (high - low))
    least = TABLE[name].least
    low, high = max(low, least), max(high, least)
    return np.asarray(low * (high / low) ** unit)


def _snap(columns: Columns, bounds: Bounds) -> Columns:
    """Bring candidates to values people use (batch sizes are powers of two), inside the box."""
    result = {}
    for name, one in TABLE.items():
        low, high = bounds[name]
        values = columns[name].tolist()
        rounded = {value: one.rounded(value) for value in set(values)}  # steps leave most of them as they are
        inside = np.clip([rounded[value] for value in values], low, high)
        # The largest power of two inside, unless the box is a single value the user asked for.
        if name == "batch_size" and low < high:
            inside = np.where(np.log2(inside) % 1 > 0, 2 ** np.floor(np.log2(inside)), inside)
        result[name] = inside
    return result
