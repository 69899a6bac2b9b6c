"""Averages over nearby learning rates: an optimum that survives being missed by a factor of two is worth more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from advisor.learn.metamodel import MetaModel
from advisor.learn.table import Floats, at_other_lr

LR_NEIGHBOURS = (0.5, 1.0, 2.0)
"""The learning rates that count, as multiples of the one itself."""


def at_nearby_lr(hparams: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return configurations at each of the nearby learning rates, all at the first before those at the next.

    Parameters
    ----------
    hparams : mapping of str to ndarray of shape (n,)
        The hyperparameters by name.

    Returns
    -------
    dict of str to ndarray of shape (len(LR_NEIGHBOURS) * n,)
    """
    near = {name: np.tile(column, len(LR_NEIGHBOURS)) for name, column in hparams.items()}
    near["lr"] = near["lr"] * np.repeat(LR_NEIGHBOURS, len(hparams["lr"]))
    return near


def by_neighbour(values: Floats) -> Floats:
    """Return values of what ``at_nearby_lr`` gave, shape (..., len(LR_NEIGHBOURS) * n), an axis for each of both."""
    return values.reshape(*values.shape[:-1], len(LR_NEIGHBOURS), -1)


def average_nearby(values: Floats) -> Floats:
    """Return values of what ``at_nearby_lr`` gave, averaged over the nearby learning rates; shape (..., n)."""
    return np.asarray(by_neighbour(values).mean(axis=-2))


def regret_nearby(model: MetaModel, x: Floats, factors: Sequence[float] = LR_NEIGHBOURS) -> Floats:
    """Return the regret that each member of a model predicts, averaged over nearby learning rates.

    Parameters
    ----------
    model : MetaModel
        A fitted one.
    x : ndarray of shape (n, d)
        Features of the configurations, as the model was given them.
    factors : sequence of float
        The learning rates that count, as multiples of the one itself.

    Returns
    -------
    ndarray of shape (members, n)
    """
    near = [model.predict_regret(at_other_lr(model.columns_, x, factor)) for factor in factors]
    return np.asarray(np.mean(near, axis=0))
