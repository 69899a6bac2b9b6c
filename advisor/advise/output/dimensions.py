"""The hyperparameters as a space for other search tools: bounds that hold what was suggested, and their scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.records.schema import HYPERPARAMETERS

_WHOLE = ("batch_size", "epochs")
_BY_FACTORS = ("lr", "batch_size", "epochs", "weight_decay")


@dataclass(frozen=True)
class Dimension:
    """The values that one of the hyperparameters may take.

    Attributes
    ----------
    name : str
    low, high : float
        Both included; equal where there is nothing to search.
    log : bool
        Whether equal factors count equally; never where ``low`` is 0.
    whole : bool
        Whether only whole numbers are values.
    """

    name: str
    low: float
    high: float
    log: bool
    whole: bool


def search_space(
    ranges: Mapping[str, tuple[float, float]], suggested: Sequence[Mapping[str, float]]
) -> tuple[Dimension, ...]:
    """Return the hyperparameters as dimensions, in their usual order.

    The second and third suggestion may lie outside the ranges around the first: a dimension holds both, so that every
    suggestion can be handed to a search tool as a point of the space.

    Parameters
    ----------
    ranges : mapping of str to (low, high)
        Where little is lost around the best.
    suggested : sequence of mapping
        The suggestions, the hyperparameters by name.
    """
    dimensions = []
    for name in HYPERPARAMETERS:
        values = [*ranges[name], *(one[name] for one in suggested)]
        low, high = min(values), max(values)
        dimensions.append(Dimension(name, low, high, log=name in _BY_FACTORS and low > 0, whole=name in _WHOLE))
    return tuple(dimensions)
