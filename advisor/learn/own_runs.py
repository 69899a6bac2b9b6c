"""What a user's own runs on a dataset add to the meta-model: a Gaussian process over what it did not foresee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from advisor.learn.table import Floats
from advisor.learn.targets import regret_scale
from advisor.space.configuration import to_unit_scale

if TYPE_CHECKING:
    from sklearn.gaussian_process import GaussianProcessRegressor

LENGTHS = (2.3, 1.8, 1.5, 10.0, 25.0)
"""Length scales on the unit scale, in the order of the hyperparameters: two octaves of learning rate and of batch size,
one and a half of epochs; dropout and weight decay hardly matter to what the meta-model gets wrong. Near the likeliest
for the recorded cases, which ``research.ablations.own_runs`` finds."""
EXPLORATION_WEIGHT = 1.0
"""Standard deviations added to an expectation: what is not known yet may be better (upper confidence bound; Srinivas
et al. 2010, arXiv:0912.3995)."""
_HOPELESS = 2.0
"""Errors count up to so many units: that a run was hopeless matters, not how hopeless."""
_LEVEL_POINTS = 30.0
"""Standard deviation of the accuracy a dataset gives, in points, before any run has shown it."""

_LEAST_SCALE = 1.0
"""Points that a regret of 1 stands for at least, given own runs: a flat expectation would learn nothing from them."""


def posterior_scale(top1: Floats) -> float:
    """Return the points that a regret of 1 stands for, given own runs.

    Parameters
    ----------
    top1 : ndarray of shape (n,)
        Predicted accuracies in percent of all there is to choose from, or of an even cover of it.
    """
    return max(regret_scale(top1), _LEAST_SCALE)


class OwnRunsPosterior:
    """Scores of own runs, spread to configurations like them.

    A run's score is modelled as the level of the dataset, minus the points that the meta-model expects the
    configuration to fall short, plus a smooth error of the meta-model, plus seed noise.

    Parameters
    ----------
    noise : float
        Points by which equal runs with other seeds differ.
    unit : float
        Points between a typical and the best configuration: the scale of the meta-model's errors.
    lengths : sequence of float
        How far a run speaks for others, see ``LENGTHS``.
    """

    def __init__(self, noise: float, unit: float, lengths: Sequence[float] = LENGTHS) -> None:
        self.noise = noise
        self.unit = unit
        self.lengths = lengths

    def fit(self, hparams: Mapping[str, Floats], short: Floats, score: Floats) -> OwnRunsPosterior:
        """Learn from runs.

        Parameters
        ----------
        hparams : mapping of str to ndarray of shape (n,)
            Their hyperparameters.
        short : ndarray of shape (n,)
            Points that the meta-model expects each to fall short of the best.
        score : ndarray of shape (n,)
            Their accuracies in percent; n is at least 1.

        Returns
        -------
        OwnRunsPosterior
            Itself.
        """
        error = score + short
        floor = np.max(error) - _HOPELESS * self.unit
        error = np.maximum(error, floor)
        self.centre_ = float(np.median(error))
        self.process_: GaussianProcessRegressor = self._process().fit(to_unit_scale(hparams), error - self.centre_)
        return self

    def predict(self, hparams: Mapping[str, Floats], short: Floats) -> tuple[Floats, Floats]:
        """Return the expected accuracies in percent and their standard deviations, each of shape (n,)."""
        error, deviation = self.process_.predict(to_unit_scale(hparams), return_std=True)
        return np.asarray(self.centre_ + error - short), np.asarray(deviation)

    def _process(self) -> GaussianProcessRegressor:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern

        kernel = ConstantKernel(_LEVEL_POINTS**2) + ConstantKernel((self.unit / 2) ** 2) * Matern(self.lengths, nu=2.5)
        # The values are fixed: a handful of runs cannot tell them.
        return GaussianProcessRegressor(kernel, alpha=max(self.noise, 0.1) ** 2, optimizer=None)
