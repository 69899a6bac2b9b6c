"""A smooth learner of regrets for contexts with few sources: a Gaussian process on the features that decide most.

Trees need many sources before they beat a smooth curve in log learning rate; fine-tuning has fewer of them. A regret is
taken for a function that all cases share, plus a function of the hyperparameters that each case has for itself, plus
noise: a hierarchical model, as what a single case does differently must not pass for what holds elsewhere. Of a case
that was never seen the shared function is all that is known.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.learn.table import Floats

LENGTHS: Mapping[str, float] = {
    "log_lr": 5.5,
    "log_batch_size": 7.7,
    "log_steps": 5.1,
    "log_epochs_share": 9.6,
    "dropout": 3.0,
    "log_weight_decay": 630.0,
    "log_lr_per_batch": 46.0,
    "log_img_size": 6.4,
    "adaptive": 2.5,
    "augmented": 5.8,
    "data:log_n_train": 10.0,
    "data:log_n_classes": 7.0,
    "data:patch_skill": 4.5,
    "data:knn_skill": 2.3,
    "data:lda_skill": 8.4,
    "model:log_params": 11.0,
}
"""Features and how far apart in each the shared function still says much: base-2 logarithms, except dropout, the two
flags and the skills. These, what follows and the variances are near the largest marginal likelihood (Rasmussen &
Williams 2006, section 5.4.1): ``make -C research length-scales``."""
OWN_LENGTHS: Mapping[str, float] = {
    "log_lr": 1.9,
    "log_batch_size": 12.0,
    "log_steps": 2.4,
    "log_epochs_share": 8.2,
    "dropout": 1.1,
    "log_weight_decay": 53.0,
}
"""The same of what a case has for itself."""
SHARED, OWN, NOISE = 0.68, 0.047, 0.028
"""Variances of the shared function, of a case's own, and of a run around them, in units of regret."""
LEVEL = 9.0
"""Variance of the mean before any run is seen: nothing is known of it."""
_POINTS = 1000
"""Runs that the fitted function is written in terms of."""
_JITTER = 1e-8


class RegretProcess:
    """Gaussian processes with Matérn-5/2 kernels, a member for each set of runs that it is fitted without.

    A fit is exact; what it says is then projected onto the kernels of a few runs that span it, chosen by a pivoted
    Cholesky factorisation (Foster et al. 2009, JMLR 10:857), so that a prediction does not take longer with more runs.

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
    points_ : ndarray of shape (m, d)
        The runs that span what was learned, in units of the length scales.
    coefficients_ : ndarray of shape (members, m)
        Of the kernels of ``points_``.
    intercepts_ : ndarray of shape (members,)
        What is expected far from every run.
    """

    def fit(
        self,
        x: Floats,
        columns: Sequence[str],
        y: Floats,
        case_of: NDArray[np.int64],
        weight: Floats | None = None,
        left_out: Sequence[NDArray[np.bool_]] | None = None,
    ) -> RegretProcess:
        """Fit to regrets.

        Parameters
        ----------
        x : ndarray of shape (n, k)
            Features; NaN where one is unknown.
        columns : sequence of str, length k
            Their names.
        y : ndarray of shape (n,)
            Regrets; smaller is better.
        case_of : ndarray of int, shape (n,)
            The case of each run.
        weight : ndarray of shape (n,), optional
            How much each counts.
        left_out : sequence of ndarray of bool, shape (n,), optional
            The runs that each member does not see; by default there is one member, which sees all.

        Returns
        -------
        RegretProcess
            Itself.
        """
        self.columns_ = tuple(name for name in LENGTHS if name in columns)
        self.at_ = [columns.index(name) for name in self.columns_]
        seen = x[:, self.at_]
        self.centre_ = np.nan_to_num(np.nanmean(seen, axis=0))
        self.low_, self.high_ = np.nan_to_num(np.nanmin(seen, axis=0)), np.nan_to_num(np.nanmax(seen, axis=0))
        at = self._scaled(x)
        own_names = [name for name in OWN_LENGTHS if name in columns]
        own_at = np.nan_to_num(x[:, [columns.index(name) for name in own_names]])
        own_at = own_at / np.array([OWN_LENGTHS[name] for name in own_names])
        shared = SHARED * _matern(at, at)
        own = OWN * _matern(own_at, own_at) * (case_of[:, None] == case_of)
        noise = np.diag(NOISE / (np.ones(len(y)) if weight is None else weight))
        covariance = shared + own + noise + LEVEL
        chosen = _spanning(shared)
        self.points_ = at[chosen]
        inner = _matern(self.points_, self.points_) + _JITTER * np.eye(len(chosen))
        coefficients, intercepts = [], []
        for out in [np.zeros(len(y), dtype=bool)] if left_out is None else left_out:
            kept = np.flatnonzero(~out)
            weights = _solved(covariance[np.ix_(kept, kept)], y[kept])
            coefficients.append(_solved(inner, shared[np.ix_(chosen, kept)] @ weights))
            intercepts.append(LEVEL * weights.sum())
        self.coefficients_, self.intercepts_ = np.array(coefficients), np.array(intercepts)
        return self

    def given(self, row: Floats, varying: Collection[int]) -> RegretProcess:
        """Return itself: nothing is gained by knowing what will not vary."""
        return self

    def predict(self, x: Floats) -> Floats:
        """Return the regret that each member expects, of shape (members, n), for features as it was fitted to.

        In single precision, which takes a fraction of the time: no regret moves by more than some 1e-4.
        """
        kernel = _matern(self._scaled(x).astype(np.float32), self.points_.astype(np.float32))
        expected = self.coefficients_.astype(np.float32) @ kernel.T
        return np.asarray(expected.astype(np.float64) + self.intercepts_[:, None])

    def predict_by(self, member: int, x: Floats) -> Floats:
        """Return what one member expects, of shape (n,)."""
        return np.asarray(self.predict(x)[member])

    def to_text(self) -> str:
        """Return the fitted process as JSON."""
        document: dict[str, Any] = {
            "columns": self.columns_,
            "centre": _rounded(self.centre_),
            "low": _rounded(self.low_),
            "high": _rounded(self.high_),
            "points": _rounded(self.points_),
            "coefficients": _rounded(self.coefficients_),
            "intercepts": _rounded(self.intercepts_),
        }
        return json.dumps(document) + "\n"

    @classmethod
    def from_text(cls, text: str, columns: Sequence[str]) -> RegretProcess:
        """Return the process that ``to_text`` wrote, for features with the given names."""
        document = json.loads(text)
        process = cls()
        process.columns_ = tuple(document["columns"])
        process.at_ = [columns.index(name) for name in process.columns_]
        for name in ("centre", "low", "high", "points", "coefficients", "intercepts"):
            setattr(process, f"{name}_", np.array(document[name]))
        return process

    def _scaled(self, x: Floats) -> Floats:
        """Return features in units of their length scales: no further than was seen, the mean where unknown."""
        seen = x[:, self.at_]
        known = np.clip(np.where(np.isfinite(seen), seen, self.centre_), self.low_, self.high_)
        # From their means, which keeps single precision precise.
        return np.asarray((known - self.centre_) / np.array([LENGTHS[name] for name in self.columns_]))


def _matern(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return Matérn-5/2 kernels of shape (n, m), in the precision of what is given."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    far = np.sqrt(5 * np.maximum(squares, 0))
    return np.asarray((1 + far * (1 + far / 3)) * np.exp(-far))


def _spanning(kernel: Floats) -> NDArray[np.intp]:
    """Return the rows whose kernels span all others best, at most ``_POINTS``."""
    from scipy.linalg.lapack import dpstrf

    _, pivots, rank, _ = dpstrf(kernel, lower=1, tol=_JITTER)
    return np.asarray(pivots[: min(rank, _POINTS)] - 1, dtype=np.intp)


def _solved(matrix: Floats, values: Floats) -> Floats:
    from scipy.linalg import cho_factor, cho_solve

    return np.asarray(cho_solve(cho_factor(matrix, overwrite_a=True), values))


def _rounded(values: Floats) -> Any:
    # Seven digits change no prediction that anyone could notice, and make the same file on every processor.
    return np.vectorize(lambda value: float(f"{value:.7g}"))(values).tolist()
