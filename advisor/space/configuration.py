"""The space of the five hyperparameters: scales, bounds, and what a user may fix or limit in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.errors import UsageError
from advisor.records.schema import HYPERPARAMETERS

NO_DECAY = 1e-7
"""Stands for a weight decay of 0 on the logarithmic scale; anything smaller than ten times this acts like none."""


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


@dataclass(frozen=True)
class Limits:
    """What advice must stay within; every limit is hard.

    Parameters
    ----------
    max_epochs, max_batch_size : int, optional
        Largest values allowed; None means no limit of the user's.
    max_seconds : float, optional
        Time the whole training may take.
    fixed : mapping of str to float
        Values the user has decided, by name of the hyperparameter.

    Raises
    ------
    UsageError
        If a limit or a fixed value is out of range, or they contradict each other.
    """

    max_epochs: int | None = None
    max_batch_size: int | None = None
    max_seconds: float | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, low, high in (("max_epochs", 1, math.inf), ("max_batch_size", 1, math.inf)):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(f"{name} must be at least {low}, not {value}")
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise UsageError(f"the time budget must be above 0 seconds, not {self.max_seconds}")
        for name, value in self.fixed.items():
            check_value(name, value)
        for name, limit in (("epochs", self.max_epochs), ("batch_size", self.max_batch_size)):
            if limit is not None and self.fixed.get(name, 0) > limit:
                raise UsageError(
                    f"{name} is fixed at {self.fixed[name]:g}, above its limit of {limit}",
                    hint=f"raise --max-{name.replace('_', '-')} or lower --fix {name}=VALUE",
                )


_VALID = {
    "lr": lambda v: 0 < v < math.inf,
    "batch_size": lambda v: v >= 1 and v == int(v),
    "epochs": lambda v: v >= 1 and v == int(v),
    "dropout": lambda v: 0 <= v < 1,
    "weight_decay": lambda v: 0 <= v < math.inf,
}
_RANGE = {
    "lr": "above 0",
    "batch_size": "a whole number of at least 1",
    "epochs": "a whole number of at least 1",
    "dropout": "at least 0 and below 1",
    "weight_decay": "at least 0",
}


def check_value(name: str, value: float) -> None:
    """Raise UsageError unless ``value`` is possible for the hyperparameter ``name``."""
    if name not in _VALID:
        raise UsageError(
            f"{name!r} is none of the hyperparameters", hint=f"the hyperparameters are {', '.join(HYPERPARAMETERS)}"
        )
    if not math.isfinite(value) or not _VALID[name](value):
        raise UsageError(f"{name} must be {_RANGE[name]}, not {value:g}")


def to_unit_scale(columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the hyperparameters on the scales on which equal steps matter equally.

    Learning rate, batch size, epochs and weight decay act by factors, so they are taken as base-2 logarithms;
    dropout is multiplied by ten so that its step of 0.1 counts like a factor of two.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n,)
        The hyperparameters by name.

    Returns
    -------
    ndarray of shape (n, 5)
        In the order of ``HYPERPARAMETERS``.
    """
    scaled = [
        np.log2(columns["lr"]),
        np.log2(columns["batch_size"]),
        np.log2(columns["epochs"]),
        10 * np.asarray(columns["dropout"]),
        np.log2(np.maximum(columns["weight_decay"], NO_DECAY)),
    ]
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in scaled])


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
