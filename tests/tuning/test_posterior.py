"""Forecasts of runs that have not ended count by how sure they are."""

import numpy as np
import pytest

from advisor.learn.own_runs import OwnRunsPosterior
from advisor.tuning.posterior import ForecastPosterior

HPARAMS = {
    "lr": np.array([1e-4, 1e-3, 1e-2]),
    "batch_size": np.full(3, 32.0),
    "epochs": np.full(3, 10.0),
    "dropout": np.zeros(3),
    "weight_decay": np.full(3, 0.05),
}
SHORT = np.array([4.0, 0.0, 4.0])
SCORE = np.array([60.0, 70.0, 80.0])


def posterior(doubt):
    return ForecastPosterior(1.0, 20.0).fit_forecasts(HPARAMS, SHORT, SCORE, np.array(doubt))


def test_of_runs_that_ended_it_is_the_posterior_of_advice():
    plain = OwnRunsPosterior(1.0, 20.0).fit(HPARAMS, SHORT, SCORE).predict(HPARAMS, SHORT)
    for one, other in zip(posterior([0, 0, 0]).predict(HPARAMS, SHORT), plain, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_an_unsure_forecast_counts_less():
    sure, unsure = (posterior([0, 0, doubt]).predict(HPARAMS, SHORT) for doubt in (1.0, 15.0))
    assert abs(sure[0][2] - 80) < abs(unsure[0][2] - 80)
    assert sure[1][2] < unsure[1][2]
