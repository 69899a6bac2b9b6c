import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.learn.own_runs import OwnRunsPosterior
from advisor.space.hyperparameters import HYPERPARAMETERS


def columns(lr):
    n = len(lr)
    rest = {"batch_size": 64.0, "epochs": 20.0, "dropout": 0.0, "weight_decay": 0.05}
    return {"lr": np.array(lr), **{name: np.full(n, value) for name, value in rest.items()}}


def test_what_a_run_showed_is_expected_there_and_forgotten_far_away():
    grid = columns([1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    short = np.array([20.0, 5.0, 0.0, 5.0, 20.0])
    # The run at the middle, expected to be the best, was ten points worse than the one beside it.
    own = OwnRunsPosterior(noise=1.0, unit=10.0).fit(columns([1e-4, 1e-3]), short[1:3], np.array([80.0, 70.0]))
    mean, deviation = own.predict(grid, short)
    assert mean[1] == pytest.approx(80, abs=1)
    assert mean[2] == pytest.approx(70, abs=1)
    assert deviation[1] < deviation[0] < deviation[4]
    # Beyond the reach of both, the meta-model's own order holds.
    assert mean[0] > mean[4]


def test_one_run_moves_the_level_and_leaves_the_order():
    grid = columns([1e-5, 1e-3, 1e-1])
    short = np.array([9.0, 0.0, 30.0])
    mean, _ = (
        OwnRunsPosterior(noise=1.0, unit=10.0).fit(columns([1e-3]), short[1:2], np.array([55.0])).predict(grid, short)
    )
    assert mean[1] == pytest.approx(55, abs=0.5)
    assert list(np.argsort(mean)) == list(np.argsort(-short))


def test_how_hopeless_a_run_was_does_not_matter():
    hparams, short = columns([1e-4, 1e-3, 1e-1]), np.zeros(3)
    bad = [OwnRunsPosterior(1.0, 5.0).fit(hparams, short, np.array([80.0, 79.0, worst])) for worst in (50.0, 1.0)]
    first, second = (own.predict(hparams, short)[0] for own in bad)
    assert np.allclose(first, second)


@given(st.lists(st.tuples(st.floats(1e-6, 1), st.floats(0, 100)), min_size=1, max_size=12))
def test_any_runs_give_finite_answers(runs):
    hparams = columns([lr for lr, _ in runs])
    score = np.array([score for _, score in runs])
    mean, deviation = (
        OwnRunsPosterior(0.0, 1.0).fit(hparams, np.zeros(len(runs)), score).predict(hparams, np.zeros(len(runs)))
    )
    assert set(hparams) == set(HYPERPARAMETERS)
    assert np.isfinite(mean).all()
    assert np.isfinite(deviation).all()


TRIED = {
    "lr": np.array([1e-4, 1e-3, 1e-2]),
    "batch_size": np.full(3, 32.0),
    "epochs": np.full(3, 10.0),
    "dropout": np.zeros(3),
    "weight_decay": np.full(3, 0.05),
}
FALLS_SHORT = np.array([4.0, 0.0, 4.0])
REACHED = np.array([60.0, 70.0, 80.0])


def given_forecasts(doubt):
    """The posterior, of scores of which some are only expected yet."""
    return OwnRunsPosterior(1.0, 20.0).fit(TRIED, FALLS_SHORT, REACHED, doubt=np.array(doubt))


def test_a_forecast_without_doubt_is_a_run_that_ended():
    plain = OwnRunsPosterior(1.0, 20.0).fit(TRIED, FALLS_SHORT, REACHED).predict(TRIED, FALLS_SHORT)
    for one, other in zip(given_forecasts([0, 0, 0]).predict(TRIED, FALLS_SHORT), plain, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_an_unsure_forecast_counts_less():
    sure, unsure = (given_forecasts([0, 0, doubt]).predict(TRIED, FALLS_SHORT) for doubt in (1.0, 15.0))
    assert abs(sure[0][2] - 80) < abs(unsure[0][2] - 80)
    assert sure[1][2] < unsure[1][2]
