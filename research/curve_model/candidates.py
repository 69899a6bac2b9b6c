"""What the curve model is compared with: other ways to say where a run will end, calibrated in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from advisor.learn.curve_model import from_scale, to_scale
from advisor.learn.curves import COLUMNS
from advisor.learn.table import Floats
from research.curve_model.fitting import FITTED, POWER, Learner, constant, fit_curve_model, left_out_by, trees
from research.curve_model.rows import Rows

Quantiles = Callable[[Rows, Floats], Floats]
"""From rows and levels to quantiles of their final accuracies in percent, of shape (n, k)."""
_RATES = np.geomspace(0.5, 20, 12)
"""Of an exponential curve, over the whole training."""
_LENGTH = 4.0
"""Standard deviations of each feature that a process sees as near."""
_PROCESS_ROWS, _PROCESS_FEATURES = 6_000, 256
_PROCESS_NOISE = 0.3
"""Variance around the curve, in units of the prior's."""


def _by_curve_model(rows: Rows, gain: Learner | None = None, error: Learner | None = None) -> Quantiles:
    model = fit_curve_model(rows, gain, error)
    return lambda asked, levels: model.quantiles_of(asked.x, asked.last, asked.chance, levels)


def lightgbm_location(rows: Rows) -> Quantiles:
    """Fit what ships."""
    return _by_curve_model(rows)


def last_value(rows: Rows) -> Quantiles:
    """Fit nothing but how far runs still go, and how differently, by the share of epochs done."""
    return _by_curve_model(rows, constant, constant)


def parametric(rows: Rows) -> Quantiles:
    """Fit a saturating exponential to each curve; runs of one epoch stay where they are."""

    def with_extrapolation(asked: Rows) -> Rows:
        # In the place of a feature, so that what is fitted gets it and nothing else.
        gain = to_scale(_extrapolated(asked), asked.chance) - to_scale(asked.last, asked.chance)
        x = np.full_like(asked.x, np.nan)
        x[:, COLUMNS.index("share_done")] = asked.x[:, COLUMNS.index("share_done")]
        x[:, COLUMNS.index("last")] = gain
        return replace(asked, x=x, x_hidden=x)

    def read_gain(x: Floats, y: Floats, weight: Floats) -> Any:
        return _Column(COLUMNS.index("last"))

    fitted = _by_curve_model(with_extrapolation(rows), read_gain, constant)
    return lambda asked, levels: fitted(with_extrapolation(asked), levels)


@dataclass(frozen=True)
class _Column:
    at: int

    def predict(self, x: Floats) -> Floats:
        return np.asarray(x[:, self.at])


def extrapolate(top1: Floats, planned: int) -> Floats:
    """Return where the exponentials that fit curves best are at their ends, in percent.

    Parameters
    ----------
    top1 : ndarray of shape (n, done)
        Accuracies in percent of curves of the same length.
    planned : int
        Epochs that all of them are to have.
    """
    done = top1.shape[1]
    if done < 2:
        return np.asarray(top1[:, -1])
    at = np.arange(1, done + 1)
    ends, errors = [], []
    # Two points fit every rate; the middle one is taken.
    for rate in _RATES if done > 2 else _RATES[len(_RATES) // 2 :][:1]:
        shape = np.exp(-rate * at / planned)
        design = np.column_stack([np.ones(done), shape])
        found = np.linalg.lstsq(design, top1.T, rcond=None)[0]
        errors.append(((design @ found - top1.T) ** 2).sum(axis=0))
        ends.append(found[0] + found[1] * np.exp(-rate))
    best = np.argmin(errors, axis=0)
    return np.asarray(np.clip(np.array(ends)[best, np.arange(len(top1))], 0, 100))


def _extrapolated(rows: Rows) -> Floats:
    alike: dict[tuple[int, int], list[int]] = {}
    for i, curve in enumerate(rows.curves):
        alike.setdefault((curve.done, curve.planned), []).append(i)
    ends = np.empty(len(rows))
    for (_, planned), at in alike.items():
        ends[at] = extrapolate(np.array([rows.curves[i].top1 for i in at]), planned)
    return ends


def process(rows: Rows) -> Quantiles:
    """Fit a Gaussian process over the standardised features, by random Fourier features, to fewer rows."""

    def learn(x: Floats, y: Floats, weight: Floats) -> Any:
        some = np.random.default_rng(0).permutation(len(y))[:_PROCESS_ROWS]
        return _Process(x[some], y[some], weight[some])

    return _by_curve_model(rows, learn, learn)


class _Process:
    """Bayesian linear regression on random Fourier features of a Matérn-5/2 kernel (Rahimi & Recht 2007)."""

    def __init__(self, x: Floats, y: Floats, weight: Floats) -> None:
        self._centre, self._spread = np.nanmean(x, axis=0), np.nanstd(x, axis=0) + 1e-9
        seen = self._standardised(x)
        self._usual, self._low, self._high = (of(seen, axis=0) for of in (np.nanmean, np.nanmin, np.nanmax))
        random = np.random.default_rng(0)
        # The spectral density of that kernel is a Student t of five degrees of freedom.
        scale = np.sqrt(random.chisquare(5, _PROCESS_FEATURES) / 5)
        normal = random.standard_normal((len(COLUMNS), _PROCESS_FEATURES)) / scale
        # Every second one varies slowly: what holds everywhere.
        self._frequencies = normal / np.where(np.arange(_PROCESS_FEATURES) % 2 == 1, 4 * _LENGTH, _LENGTH)
        self._phases = random.uniform(0, 2 * np.pi, _PROCESS_FEATURES)
        self._middle = float(np.average(y, weights=weight))
        basis = self._basis(x)
        weighted = basis * weight[:, None]
        precision = weighted.T @ basis + _PROCESS_NOISE * np.eye(basis.shape[1])
        self._coefficients = np.linalg.solve(precision, weighted.T @ (y - self._middle))

    def _standardised(self, x: Floats) -> Floats:
        return np.asarray(np.clip((x - self._centre) / self._spread, -3, 3))

    def _basis(self, x: Floats) -> Floats:
        known = self._standardised(x)
        known = np.clip(np.where(np.isfinite(known), known, self._usual), self._low, self._high) - self._usual
        waves = np.cos(known @ self._frequencies + self._phases) * np.sqrt(2 / _PROCESS_FEATURES)
        return np.column_stack([waves, np.full(len(x), 3.0)])

    def predict(self, x: Floats) -> Floats:
        return np.asarray(self._basis(x) @ self._coefficients + self._middle)


def lightgbm_quantiles(rows: Rows) -> Quantiles:
    """Fit an ensemble a quantile, moved by what intervals missed on sources left out (Romano et al. 2019)."""
    rows = rows.take(np.random.default_rng(0).random(len(rows)) < FITTED)
    x, y, weight = rows.x_hidden, rows.gain, rows.share(POWER)
    learners = {level: trees("quantile", alpha=level) for level in (0.1, 0.5, 0.9)}
    whole = {level: learn(x, y, weight) for level, learn in learners.items()}
    low, high = (left_out_by(learners[level], rows) for level in (0.1, 0.9))
    missed = np.maximum(low - y, y - high)
    order = np.argsort(missed)
    until = np.cumsum(rows.share()[order])
    more = float(np.interp(0.8 * until[-1], until, missed[order]))

    def quantiles(asked: Rows, levels: Floats) -> Floats:
        at = to_scale(asked.last, asked.chance)
        known = np.column_stack([whole[level].predict(asked.x) for level in whole]) + np.array([-more, 0.0, more])
        found = [np.interp(levels, list(whole), np.sort(row)) for row in known]
        return from_scale(at[:, None] + np.array(found), asked.chance[:, None])

    return quantiles


CANDIDATES: dict[str, Callable[[Rows], Quantiles]] = {
    "the last accuracy": last_value,
    "an exponential fitted to the curve": parametric,
    "a Gaussian process": process,
    "LightGBM, an ensemble a quantile": lightgbm_quantiles,
    "LightGBM, gain and error (ships)": lightgbm_location,
}
