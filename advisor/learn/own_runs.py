"""What a user's own runs on a dataset add to the meta-model: a Gaussian process over what it did not foresee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from advisor.learn.table import Floats
from advisor.learn.targets import regret_scale
from advisor.space.configuration import to_unit_scale

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


@dataclass(frozen=True)
class RelatedScores:
    """Scores of runs of another case whose errors are like those of the case at hand.

    Attributes
    ----------
    hparams : mapping of str to ndarray of shape (n,)
        Their hyperparameters, brought to the case at hand.
    short : ndarray of shape (n,)
        Points that each was expected to fall short of the best of its own case.
    score : ndarray of shape (n,)
        Their accuracies in percent; n is at least 1.
    unit : float
        The scale of errors in their case, see ``OwnRunsPosterior``.
    correlation : float
        Between errors there and here at the same hyperparameters, 0 to 1.
    """

    hparams: Mapping[str, Floats]
    short: Floats
    score: Floats
    unit: float
    correlation: float


class OwnRunsPosterior:
    """Scores of own runs, spread to configurations like them.

    A run's score is modelled as the level of the dataset, minus the points that the meta-model expects the
    configuration to fall short, plus a smooth error of the meta-model, plus seed noise. A related case has a level of
    its own; its errors, in its own unit, are correlated with those of the case at hand.

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

    def fit(
        self,
        hparams: Mapping[str, Floats],
        short: Floats,
        score: Floats,
        related: Sequence[RelatedScores] = (),
        doubt: Floats | None = None,
    ) -> OwnRunsPosterior:
        """Learn from runs.

        Parameters
        ----------
        hparams : mapping of str to ndarray of shape (n,)
            Their hyperparameters.
        short : ndarray of shape (n,)
            Points that the meta-model expects each to fall short of the best.
        score : ndarray of shape (n,)
            Their accuracies in percent. n may be 0 where there are related runs.
        related : sequence of RelatedScores
            What runs of other cases showed.
        doubt : ndarray of shape (n,), optional
            Standard deviations, in points, of scores that are only expected yet; by default the runs have ended.

        Returns
        -------
        OwnRunsPosterior
            Itself.
        """
        from scipy.linalg import cho_factor, cho_solve

        blocks = [RelatedScores(hparams, short, score, self.unit, 1.0)] if len(score) else []
        self.knows_level_ = bool(blocks)
        blocks += related
        errors = [_without_hopeless(block) for block in blocks]
        self.centre_ = float(np.median(errors[0])) if self.knows_level_ else 0.0
        self.block_ = np.repeat(np.arange(len(blocks)), [len(block.score) for block in blocks])
        self.x_ = np.concatenate([to_unit_scale(block.hparams) for block in blocks])
        self.spread_ = np.repeat([block.unit / 2 for block in blocks], np.bincount(self.block_))
        self.correlation_ = np.repeat([block.correlation for block in blocks], np.bincount(self.block_))
        same = self.block_[:, None] == self.block_
        alike = np.where(same, 1.0, self.correlation_[:, None] * self.correlation_)
        smooth = self._similarity(self.x_) * alike * self.spread_[:, None] * self.spread_
        # The values are fixed: a handful of runs cannot tell them.
        unsure = np.full(len(self.x_), max(self.noise, 0.1) ** 2)
        if doubt is not None:
            unsure[: len(score)] += doubt**2  # the first block
        covariance = same * _LEVEL_POINTS**2 + smooth + np.diag(unsure)
        self.factor_ = cho_factor(covariance, lower=True)
        self.weights_ = cho_solve(self.factor_, np.concatenate([error - np.median(error) for error in errors]))
        return self

    def predict(self, hparams: Mapping[str, Floats], short: Floats) -> tuple[Floats, Floats]:
        """Return the expected accuracies in percent and their standard deviations, each of shape (n,).

        Without any run of the case itself its level is unknown: only differences between the accuracies mean something,
        and the deviations are of these.
        """
        from scipy.linalg import solve_triangular

        covariance = self._similarity(to_unit_scale(hparams)) * self.correlation_ * self.spread_ * (self.unit / 2)
        variance = (self.unit / 2) ** 2
        if self.knows_level_:
            covariance = covariance + (self.block_ == 0) * _LEVEL_POINTS**2
            variance += _LEVEL_POINTS**2
        root = solve_triangular(self.factor_[0], covariance.T, lower=True)
        deviation = np.sqrt(np.maximum(variance - np.square(root).sum(axis=0), 0.0))
        return np.asarray(self.centre_ + covariance @ self.weights_ - short), np.asarray(deviation)

    def _similarity(self, x: Floats) -> Floats:
        """Return how much each configuration, shape (n, 5), is like each of those learned from, 0 to 1."""
        from sklearn.gaussian_process.kernels import Matern

        return np.asarray(Matern(self.lengths, nu=2.5)(x, self.x_))


def _without_hopeless(block: RelatedScores) -> Floats:
    error = block.score + block.short
    return np.asarray(np.maximum(error, np.max(error) - _HOPELESS * block.unit))
