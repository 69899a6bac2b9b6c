"""The meta-model's predictions of configurations in one context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from advisor.learn.metamodel import MetaModel, Prediction
from advisor.learn.table import Context, Floats, features, to_matrix, varying_features
from advisor.space.hyperparameters import HYPERPARAMETERS

Hparams = Mapping[str, Floats]


class Predict(Protocol):
    """What is expected of configurations, from columns of the hyperparameters."""

    def __call__(self, hparams: Hparams) -> Prediction:
        """Return everything that is expected."""

    def regret(self, hparams: Hparams) -> Floats:
        """Return the expected regret only, which takes half the time."""


class InContext:
    """The meta-model in one context; what does not vary with the hyperparameters is worked out once.

    Parameters
    ----------
    model : MetaModel
        The fitted model.
    context : Context
        The context.
    """

    def __init__(self, model: MetaModel, context: Context) -> None:
        self._context = context
        some = {name: np.ones(1) for name in HYPERPARAMETERS}
        self._row = to_matrix(model.columns_, features(context, some))
        at = {name: i for i, name in enumerate(model.columns_)}
        self._varying = [(at[name], name) for name in varying_features(context, some) if name in at]
        self._model = model.given(self._row[0], {column for column, _ in self._varying})

    def __call__(self, hparams: Hparams) -> Prediction:
        """Return everything that is expected."""
        return self._model.predict(self.matrix(hparams))

    def regret(self, hparams: Hparams) -> Floats:
        """Return the expected regret only, which takes half the time."""
        return np.asarray(self._model.predict_regret(self.matrix(hparams)).mean(axis=0))

    def matrix(self, hparams: Hparams) -> Floats:
        """Return the features that the model takes, shape (n, d)."""
        named = varying_features(self._context, hparams)
        x = np.repeat(self._row, len(hparams["lr"]), axis=0)
        for column, name in self._varying:
            x[:, column] = named[name]
        return x
