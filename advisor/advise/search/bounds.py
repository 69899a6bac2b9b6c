"""The box that is searched: what the evidence covers, cut to the dataset and to the user's limits."""

from __future__ import annotations

import math
from collections.abc import Mapping

from advisor.errors import UsageError
from advisor.space.hyperparameters import HYPERPARAMETERS
from advisor.space.limits import Limits

Bounds = Mapping[str, tuple[float, float]]
"""Smallest and largest value of each hyperparameter, by name."""


def allowed_bounds(evidence: Bounds | None, limits: Limits, n_train: int) -> Bounds:
    """Return the box to search: what the evidence covers, cut to the limits and to the dataset.

    Parameters
    ----------
    evidence : mapping of str to (low, high), optional
        Smallest and largest value seen of each hyperparameter; None is no such bound.
    limits : Limits
        The user's limits.
    n_train : int
        Training images; a batch is never larger.

    Raises
    ------
    UsageError
        If a fixed value cannot be met within the dataset.
    """
    box = dict(evidence or dict.fromkeys(HYPERPARAMETERS, (0.0, math.inf)))
    ceilings = {
        "batch_size": min(n_train, limits.max_batch_size or n_train),
        "epochs": limits.max_epochs or math.inf,
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
