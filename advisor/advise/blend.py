"""Values between what was learned and what is published, by the share that each has."""

from __future__ import annotations

import math
from collections.abc import Mapping

from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import TABLE, two_figures
from advisor.space.limits import Limits
from advisor.space.optimizers import batch_factor, recipe_family


def blend(learned: Configuration, published: Configuration, share: float, opt: str, limits: Limits) -> Configuration:
    """Return the configuration between what was learned and what is published.

    Learning rate, batch size, epochs and weight decay are taken between by factors, dropout by differences. Both
    learning rates are first brought to the batch size between, as the optimizer's recipes scale them.

    Parameters
    ----------
    learned, published : Configuration
        The two ends, each within the limits.
    share : float
        Of what is published, 0 to 1.
    opt : str
        timm's name of the optimizer.
    limits : Limits
        What is fixed stays exactly.
    """
    if share == 0:
        return learned
    if share == 1:
        return published

    family = recipe_family(opt)
    batch_size = learned.batch_size
    if learned.batch_size != published.batch_size:
        batch_size = int(_rounded("batch_size", learned.batch_size, published.batch_size, share))
        smaller, larger = sorted((learned.batch_size, published.batch_size))
        batch_size = min(max(batch_size, smaller), larger)

    def lr_there(end: Configuration) -> float:
        return end.lr * batch_factor(family, batch_size) / batch_factor(family, end.batch_size)

    return Configuration(
        lr=limits.fixed.get("lr", _rounded("lr", lr_there(learned), lr_there(published), share)),
        batch_size=batch_size,
        epochs=int(_rounded("epochs", learned.epochs, published.epochs, share)),
        dropout=limits.fixed.get("dropout", _rounded("dropout", learned.dropout, published.dropout, share)),
        weight_decay=limits.fixed.get(
            "weight_decay", _rounded("weight_decay", learned.weight_decay, published.weight_decay, share)
        ),
    )


def blend_ranges(
    learned: Mapping[str, tuple[float, float]],
    published: Mapping[str, tuple[float, float]],
    share: float,
    best: Configuration,
) -> dict[str, tuple[float, float]]:
    """Return the ranges between, each end like the values, wide enough to hold the best configuration."""
    ranges = {}
    for name, value in best.as_dict().items():
        low, high = (_end(name, one, other, share) for one, other in zip(learned[name], published[name], strict=True))
        ranges[name] = (min(low, value), max(high, value))
    return ranges


def _end(name: str, one: float, other: float, share: float) -> float:
    if one == other:
        return one
    if TABLE[name].whole:  # the ends of a range of batch sizes need be no powers of two
        return float(round(two_figures(_between(name, one, other, share))))
    return _rounded(name, one, other, share)


def _rounded(name: str, one: float, other: float, share: float) -> float:
    return TABLE[name].rounded(_between(name, one, other, share))


def _between(name: str, one: float, other: float, share: float) -> float:
    """Return the value between two, by factors where the hyperparameter acts by these."""
    if not TABLE[name].by_factors:
        return (1 - share) * one + share * other
    one, other = max(one, TABLE[name].least), max(other, TABLE[name].least)
    return math.exp((1 - share) * math.log(one) + share * math.log(other))
