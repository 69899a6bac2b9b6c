"""How the curve model is fitted: expected gains, expected errors, and quantiles of the errors on sources left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from advisor.learn.curve_model import LEAST_ERROR, MEMBERS, CurveModel
from advisor.learn.curves import COLUMNS
from advisor.learn.table import Floats
from advisor.learn.trees import Trees
from research.curve_model.rows import Rows

FOLDS = 8
"""Parts that the sources are shared among where the model is judged on those left out."""
_INNER_FOLDS = 4
"""The same, where errors are measured to calibrate it."""
FITTED = 0.5
"""Share of the rows that are fitted to: those of one run are much alike."""
UNTIL = (0.3, 0.5, 0.7)
LEVELS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.975, 0.99)
TREES: dict[str, Any] = {
    "learning_rate": 0.08,
    "num_leaves": 24,
    "min_child_samples": 60,
    "subsample": 0.7,
    "subsample_freq": 1,
    "colsample_bytree": 0.7,
    "n_estimators": 120,
    "random_state": 0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
POWER = 0.5
"""A source counts by this root of its rows while gains are learned; alike while their errors are measured."""


class Predictor(Protocol):
    """What was learned."""

    def predict(self, x: Floats) -> Any:
        """Return predictions of shape (n,) for features of shape (n, d)."""


Learner = Callable[[Floats, Floats, Floats], Predictor]
"""From features, targets and weights to what was learned."""


def trees(objective: str, **parameters: Any) -> Learner:
    """Return the learner of a LightGBM ensemble."""

    def learn(x: Floats, y: Floats, weight: Floats) -> Predictor:
        import lightgbm

        model = lightgbm.LGBMRegressor(objective=objective, **TREES, **parameters)
        booster = model.fit(x, y, sample_weight=weight, feature_name=list(COLUMNS)).booster_
        return Trees(booster.model_to_string())

    return learn


def constant(x: Floats, y: Floats, weight: Floats) -> Predictor:
    """Learn nothing but a middle: zero, from which the quantiles of the errors move it."""
    return _Constant()


class _Constant:
    def predict(self, x: Floats) -> Floats:
        return np.zeros(len(x))


def folds(source: NDArray[np.str_], n: int) -> Iterator[NDArray[np.bool_]]:
    """Give the rows of each part of the sources, of which the largest are in parts of their own."""
    names, counts = np.unique(source, return_counts=True)
    part = {name: i % n for i, name in enumerate(names[np.argsort(-counts, kind="stable")])}
    of = np.array([part[name] for name in source])
    for i in range(min(n, len(names))):
        yield of == i


def fit_curve_model(rows: Rows, gain: Learner | None = None, error: Learner | None = None) -> CurveModel:
    """Return the curve model of rows; other learners give what it is compared with.

    Parameters
    ----------
    rows : Rows
        Of at least two sources.
    gain, error : Learner, optional
        Of the expected gain, and of the logarithm of how far it may be off; LightGBM by default.
    """
    gain, error = gain or trees("l1"), error or trees("l2")
    evidence = {
        "epochs": [int(rows.planned.min()), int(rows.planned.max())],
        "runs": len(np.unique(rows.run)),
        "sources": len(np.unique(rows.source)),
    }
    rows = rows.take(np.random.default_rng(0).random(len(rows)) < FITTED)
    x, y, weight = rows.x_hidden, rows.gain, rows.share(POWER)
    expected = left_out_by(gain, rows)
    off = np.log(np.abs(y - expected) + LEAST_ERROR)
    unit = np.exp(left_out_by(error, rows, off))
    members = {"gain": gain(x, y, weight), "error": error(x, off, weight)}
    return CurveModel(
        members=cast("dict[str, Trees]", {name: members[name] for name in MEMBERS}),
        until=np.array(UNTIL),
        levels=np.array(LEVELS),
        errors=error_quantiles(rows, (y - expected) / unit),
        evidence=evidence,
        provenance={},
    )


def left_out_by(learner: Learner, rows: Rows, y: Floats | None = None) -> Floats:
    """Return what is predicted of each row by what was learned without its source; of gains, where ``y`` is None."""
    x, weight = rows.x_hidden, rows.share(POWER)
    y = rows.gain if y is None else y
    predicted = np.zeros(len(y))
    for part in folds(rows.source, _INNER_FOLDS):
        predicted[part] = learner(x[~part], y[~part], weight[~part]).predict(x[part])
    return predicted


def error_quantiles(rows: Rows, errors: Floats) -> Floats:
    """Return quantiles of errors, of shape (len(UNTIL) + 1, len(LEVELS)), by the share of epochs done."""
    at, weight = np.digitize(rows.x[:, COLUMNS.index("share_done")], UNTIL), rows.share()
    found = [_quantiles(errors[at == i], weight[at == i]) for i in range(len(UNTIL) + 1)]
    return np.asarray(np.round(found, 6), dtype=np.float64)


def _quantiles(values: Floats, weight: Floats) -> Floats:
    if not len(values):
        return np.zeros(len(LEVELS))
    order = np.argsort(values)
    until = np.cumsum(weight[order])
    return np.asarray(np.interp(np.array(LEVELS) * until[-1], until - weight[order] / 2, values[order]))
