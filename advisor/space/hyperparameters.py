"""The hyperparameters that advice is given for: what each is called, which values it may take, how they are rounded."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from advisor.errors import UsageError

NO_DECAY = 1e-7
"""Stands for a weight decay of 0 on the logarithmic scale; anything smaller than ten times this acts like none."""


@functools.lru_cache(maxsize=20_000)  # a search rounds the same values again and again
def two_figures(value: float) -> float:
    """Return a value rounded to two significant figures."""
    return float(f"{value:.2g}")


def format_number(value: float) -> str:
    """Return a number as short as it can be typed without losing a figure."""
    return f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e")


def _decay(value: float) -> float:
    return 0.0 if value < 10 * NO_DECAY else two_figures(value)


@dataclass(frozen=True)
class Hyperparameter:
    """What holds for one hyperparameter.

    Attributes
    ----------
    label : str
        What people call it.
    timm_argument : str
        What timm's train.py calls it.
    values : str
        The values that are possible, in words.
    is_possible : callable
        Whether a finite value is.
    rounded : callable
        From a value to the nearest one that people use.
    units : float
        How much a step of 1 counts, or of a factor of two where it acts by factors.
    by_factors : bool
        Whether equal factors matter equally; otherwise equal steps.
    whole : bool
        Whether only whole numbers are values.
    least : float
        Stands for smaller values on the logarithmic scale.
    """

    label: str
    timm_argument: str
    values: str
    is_possible: Callable[[float], bool]
    rounded: Callable[[float], float]
    units: float = 1.0
    by_factors: bool = True
    whole: bool = False
    least: float = 0.0


TABLE: Mapping[str, Hyperparameter] = {
    "lr": Hyperparameter("learning rate", "lr", "above 0", lambda v: v > 0, two_figures),
    "batch_size": Hyperparameter(
        "batch size",
        "batch_size",
        "a whole number of at least 1",
        lambda v: v >= 1 and v == int(v),
        lambda v: 2.0 ** round(math.log2(v)),
        whole=True,
    ),
    "epochs": Hyperparameter(
        "epochs",
        "epochs",
        "a whole number of at least 1",
        lambda v: v >= 1 and v == int(v),
        lambda v: float(round(min(v, 1e9))),
        whole=True,
    ),
    "dropout": Hyperparameter(
        "dropout",
        "drop",
        "at least 0 and below 1",
        lambda v: 0 <= v < 1,
        lambda v: round(v, 1),
        units=10.0,
        by_factors=False,
    ),
    "weight_decay": Hyperparameter(
        "weight decay", "weight_decay", "at least 0", lambda v: v >= 0, _decay, least=NO_DECAY
    ),
}
"""The hyperparameters by name, in the order they are shown.

Learning rate, batch size, epochs and weight decay act by factors; a dropout of 0.1 counts like a factor of two.
"""

HYPERPARAMETERS = tuple(TABLE)
"""Their names."""
LABELS = {name: one.label for name, one in TABLE.items()}
TIMM_ARGUMENTS = {name: one.timm_argument for name, one in TABLE.items()}


def check_value(name: str, value: float) -> None:
    """Raise UsageError unless ``value`` is possible for the hyperparameter ``name``."""
    if name not in TABLE:
        raise UsageError(f"there is no hyperparameter {name!r}", hint=f"there are {', '.join(HYPERPARAMETERS)}")
    if not math.isfinite(value) or not TABLE[name].is_possible(value):
        raise UsageError(f"{name} must be {TABLE[name].values}, not {value:g}")
