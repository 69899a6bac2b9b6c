"""A smooth learner of regrets for contexts with few sources: a Gaussian process on the features that decide most.

Trees need many sources before they beat a smooth curve in log learning rate; fine-tuning has fewer of them. The process
is approximated by random Fourier features (Rahimi & Recht 2007), so that a prediction is two matrix products.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.learn.table import Floats

LENGTHS: Mapping[str, float] = {
    "log_lr": 1.0,
    "log_batch_size": 3.0,
    "log_steps": 3.0,
    "log_epochs_share": 0.7,
    "dropout": 0.6,
    "log_weight_decay": 10.0,
    "log_img_size": 1.5,
    "adaptive": 0.7,
    "augmented": 2.0,
    "data:log_n_train": 3.0,
    "data:log_n_classes": 4.0,
    "model:log_params": 1.0,
}
"""Features and how far apart in each two runs still say much about each other: base-2 logarithms, except dropout and
the two flags. Chosen by leaving sources out (``advisor evaluate --finetuning``)."""
_WIDE = 4.0
"""Half of the random features vary so many times as slowly in all but the learning rate: what holds everywhere."""
_DEGREES = 5
"""Degrees of freedom of a Matérn-5/2 kernel's spectral density, a Student t."""
_CONSTANT = 3.0
"""Standard deviation of the mean before any run is seen."""


class RegretProcess:
    """Bayesian linear regression on random Fourier features of a Matérn-5/2 kernel.

    Parameters
    ----------
    lengths : mapping of str to float, optional
        Length scale of each feature that is looked at, by its name in the table; by default ``LENGTHS``.
    noise : float
        Variance of a run's target around its expectation; the prior's variance is 1.
    n_features : int
        Random features; more come nearer to the process.
    random_state : int
        Seed of the features.

    Attributes
    ----------
    columns_ : tuple of str, length d
        The features looked at.
    at_ : list of int, length d
        Where they are among the table's.
    centre_ : ndarray of shape (d,)
        Their means, which also stand for values that are unknown.
    low_, high_ : ndarray of shape (d,)
        Their extent; what lies outside counts as its nearest end, as a process knows nothing there.
    frequencies_ : ndarray of shape (d, n_features)
        Of the random features.
    phases_ : ndarray of shape (n_features,)
        Of the random features.
    coefficients_ : ndarray of shape (n_features + 1,)
        The fit; the last is the constant's.
    """

    def __init__(
        self,
        lengths: Mapping[str, float] | None = None,
        noise: float = 0.3,
        n_features: int = 384,
        random_state: int = 0,
    ) -> None:
        self.lengths = lengths
        self.noise = noise
        self.n_features = n_features
        self.random_state = random_state

    def fit(self, x: Floats, columns: Sequence[str], y: Floats, weight: Floats | None = None) -> RegretProcess:
        """Fit to targets.

        Parameters
        ----------
        x : ndarray of shape (n, k)
            Features; NaN where one is unknown.
        columns : sequence of str, length k
            Their names.
        y : ndarray of shape (n,)
            Targets; smaller is better.
        weight : ndarray of shape (n,), optional
            How much each counts.

        Returns
        -------
        RegretProcess
            Itself.
        """
        lengths = LENGTHS if self.lengths is None else self.lengths
        self.columns_ = tuple(name for name in lengths if name in columns)
        self.at_ = [columns.index(name) for name in self.columns_]
        random = np.random.default_rng(self.random_state)
        scale = np.sqrt(random.chisquare(_DEGREES, self.n_features) / _DEGREES)
        normal = random.standard_normal((len(self.at_), self.n_features)) / scale
        wide = np.arange(self.n_features) % 2 == 1
        scales = [np.where(wide & (name != "log_lr"), _WIDE, 1.0) * lengths[name] for name in self.columns_]
        self.frequencies_ = normal / np.array(scales)
        self.phases_ = random.uniform(0, 2 * np.pi, self.n_features)
        seen = x[:, self.at_]
        self.centre_ = np.nan_to_num(np.nanmean(seen, axis=0))
        self.low_, self.high_ = np.nan_to_num(np.nanmin(seen, axis=0)), np.nan_to_num(np.nanmax(seen, axis=0))
        basis = self._basis(x[:, self.at_])
        weighted = basis if weight is None else basis * weight[:, None]
        precision = weighted.T @ basis + self.noise * np.eye(basis.shape[1])
        self.coefficients_ = np.asarray(np.linalg.solve(precision, weighted.T @ y), dtype=np.float64)
        return self

    def predict(self, x: Floats) -> Floats:
        """Return expected targets, of shape (n,), for features of shape (n, k) as it was fitted to.

        In single precision, whose cosines take a tenth of the time: no target moves by more than some 1e-5.
        """
        angles = self._known(x[:, self.at_]).astype(np.float32) @ self.frequencies_.astype(np.float32)
        angles += self.phases_.astype(np.float32)
        waves = np.cos(angles, out=angles) @ (self.coefficients_[:-1] * np.sqrt(2 / self.n_features)).astype(np.float32)
        return np.asarray(waves.astype(np.float64) + _CONSTANT * self.coefficients_[-1])

    def to_text(self) -> str:
        """Return the fitted process as JSON."""
        document: dict[str, Any] = {
            "columns": self.columns_,
            "centre": _rounded(self.centre_),
            "low": _rounded(self.low_),
            "high": _rounded(self.high_),
            "frequencies": _rounded(self.frequencies_),
            "phases": _rounded(self.phases_),
            "coefficients": _rounded(self.coefficients_),
        }
        return json.dumps(document) + "\n"

    @classmethod
    def from_text(cls, text: str, columns: Sequence[str]) -> RegretProcess:
        """Return the process that ``to_text`` wrote, for features with the given names."""
        document = json.loads(text)
        process = cls(n_features=len(document["phases"]))
        process.columns_ = tuple(document["columns"])
        process.at_ = [columns.index(name) for name in process.columns_]
        process.centre_ = np.array(document["centre"])
        process.low_, process.high_ = np.array(document["low"]), np.array(document["high"])
        process.frequencies_ = np.array(document["frequencies"])
        process.phases_ = np.array(document["phases"])
        process.coefficients_ = np.array(document["coefficients"])
        return process

    def _known(self, x: Floats) -> Floats:
        """Return how far features are from their means: no further than was seen, and not at all where unknown."""
        return np.asarray(np.clip(np.where(np.isfinite(x), x, self.centre_), self.low_, self.high_) - self.centre_)

    def _basis(self, x: Floats) -> NDArray[np.float64]:
        waves = np.cos(self._known(x) @ self.frequencies_ + self.phases_) * np.sqrt(2 / self.n_features)
        return np.column_stack([waves, np.full(len(x), _CONSTANT)])


class RegretProcesses:
    """Processes that are asked the same, one after the other.

    Parameters
    ----------
    processes : sequence of RegretProcess
        Fitted ones.
    """

    def __init__(self, processes: Sequence[RegretProcess]) -> None:
        self._processes = processes

    def given(self, row: Floats, varying: Collection[int]) -> RegretProcesses:
        """Return itself: nothing is gained by knowing what will not vary."""
        return self

    def predict(self, x: Floats) -> Floats:
        """Return expected targets of shape (processes, n)."""
        return np.array([process.predict(x) for process in self._processes])


def _rounded(values: Floats) -> Any:
    # Seven digits change no prediction that anyone could notice, and make the same file on every processor.
    return np.vectorize(lambda value: float(f"{value:.7g}"))(values).tolist()
