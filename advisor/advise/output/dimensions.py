"""The hyperparameters as a space for other search tools: bounds that hold what was suggested, and their scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.space.hyperparameters import TABLE


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
    for name, one in TABLE.items():
        held = [*ranges[name], *(values[name] for values in suggested)]
        low, high = min(held), max(held)
        dimensions.append(Dimension(name, low, high, log=one.by_factors and low > 0, whole=one.whole))
    return tuple(dimensions)
