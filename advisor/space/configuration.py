"""A configuration: one value for each of the hyperparameters, and columns of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.space.hyperparameters import HYPERPARAMETERS, TABLE, Hyperparameter


@dataclass(frozen=True)
class Configuration:
    """One value for each of the hyperparameters.

    Parameters
    ----------
    lr : float
        Peak learning rate, absolute, above 0.
    batch_size : int
        Global batch size, at least 1.
    epochs : int
        Planned epochs, at least 1.
    dropout : float
        timm's drop_rate, in [0, 1).
    weight_decay : float
        At least 0.
    """

    lr: float
    batch_size: int
    epochs: int
    dropout: float
    weight_decay: float

    def as_dict(self) -> dict[str, float]:
        """Return the hyperparameters by name, in their usual order."""
        return {name: getattr(self, name) for name in HYPERPARAMETERS}


def to_unit_scale(columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the hyperparameters on the scales on which equal steps matter equally.

    What acts by factors is taken as base-2 logarithms, dropout so that its step of 0.1 counts like a factor of two.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n,)
        The hyperparameters by name.

    Returns
    -------
    ndarray of shape (n, 5)
        In the order of ``HYPERPARAMETERS``.
    """
    scaled = [_on_unit_scale(one, np.asarray(columns[name], dtype=np.float64)) for name, one in TABLE.items()]
    return np.column_stack(scaled)


def _on_unit_scale(one: Hyperparameter, column: NDArray[np.float64]) -> NDArray[np.float64]:
    return one.units * (np.log2(np.maximum(column, one.least)) if one.by_factors else column)


def columns_of(configurations: list[Configuration]) -> dict[str, NDArray[np.float64]]:
    """Return the hyperparameters as columns of shape (n,), by name."""
    return {name: np.array([getattr(c, name) for c in configurations], dtype=np.float64) for name in HYPERPARAMETERS}


def from_columns(columns: Mapping[str, Any], row: int) -> Configuration:
    """Return one row of columns as a configuration."""
    return Configuration(
        lr=float(columns["lr"][row]),
        batch_size=int(columns["batch_size"][row]),
        epochs=int(columns["epochs"][row]),
        dropout=float(columns["dropout"][row]),
        weight_decay=float(columns["weight_decay"][row]),
    )
