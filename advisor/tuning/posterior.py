"""The posterior over final accuracies that a tuning decides by: runs that ended, and forecasts of those that wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from advisor.learn.own_runs import OwnRunsPosterior, RelatedScores
from advisor.learn.table import Floats


class ForecastPosterior(OwnRunsPosterior):
    """The posterior over own runs that ``advisor suggest`` has, given runs that have not ended too.

    Of such a run the curve model tells where it will end, and how far that may be off.
    """

    def fit_forecasts(
        self,
        hparams: Mapping[str, Floats],
        short: Floats,
        score: Floats,
        doubt: Floats,
        related: Sequence[RelatedScores] = (),
    ) -> ForecastPosterior:
        """Learn from runs that ended or not.

        Parameters
        ----------
        hparams, short, related
            See ``OwnRunsPosterior.fit``.
        score : ndarray of shape (n,)
            Accuracies in percent that they ended with, or are expected to.
        doubt : ndarray of shape (n,)
            Standard deviations of what is expected, in points; 0 for runs that ended.

        Returns
        -------
        ForecastPosterior
            Itself.
        """
        from scipy.linalg import cho_factor, cho_solve

        self.fit(hparams, short, score, related)
        lower = np.tril(self.factor_[0])
        covariance = lower @ lower.T
        errors = covariance @ self.weights_
        own = np.arange(len(score))  # the first block
        covariance[own, own] += doubt**2
        self.factor_ = cho_factor(covariance, lower=True)
        self.weights_ = cho_solve(self.factor_, errors)
        return self
