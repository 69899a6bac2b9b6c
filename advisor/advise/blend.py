"""Values between what was learned and what is published, by the share that each has."""

from __future__ import annotations

import math
from collections.abc import Mapping

from advisor.advise.recipes.recipes import batch_factor, recipe_family
from advisor.space.configuration import NO_DECAY, Configuration, Limits


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
        batch_size = int(2 ** round(math.log2(_between(learned.batch_size, published.batch_size, share))))
        smaller, larger = sorted((learned.batch_size, published.batch_size))
        batch_size = min(max(batch_size, smaller), larger)

    def lr_there(end: Configuration) -> float:
        return end.lr * batch_factor(family, batch_size) / batch_factor(family, end.batch_size)

    decay = _between(max(learned.weight_decay, NO_DECAY), max(published.weight_decay, NO_DECAY), share)
    return Configuration(
        lr=limits.fixed.get("lr", float(f"{_between(lr_there(learned), lr_there(published), share):.2g}")),
        batch_size=batch_size,
        epochs=round(_between(learned.epochs, published.epochs, share)),
        dropout=limits.fixed.get("dropout", round((1 - share) * learned.dropout + share * published.dropout, 1)),
        weight_decay=limits.fixed.get("weight_decay", 0.0 if decay < 10 * NO_DECAY else float(f"{decay:.2g}")),
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
    if name == "dropout":
        return round((1 - share) * one + share * other, 1)
    end = float(f"{_between(max(one, NO_DECAY), max(other, NO_DECAY), share):.2g}")
    if name in ("batch_size", "epochs"):
        return float(round(end))
    return 0.0 if name == "weight_decay" and end < 10 * NO_DECAY else end


def _between(one: float, other: float, share: float) -> float:
    """Return the value between two by factors."""
    return math.exp((1 - share) * math.log(one) + share * math.log(other))
