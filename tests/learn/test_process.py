"""The Gaussian process of regrets: it finds a smooth optimum, takes unknown values, and survives its file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.learn.process import LENGTHS, RegretProcess

COLUMNS = ("elsewhere", *LENGTHS)


def some_runs(n: int = 300, optimum: float = -9.0, seed: int = 0):
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, (n, len(COLUMNS)))
    lr = random.uniform(-17, -5, n)
    x[:, COLUMNS.index("log_lr")] = lr
    regret = np.minimum(2, 0.1 * (lr - optimum) ** 2) + random.normal(0, 0.05, n)
    return x, regret


@settings(deadline=None, max_examples=10)
@given(st.floats(-13, -8))
def test_it_finds_where_regret_is_least(optimum):
    process = RegretProcess().fit(*_with_columns(some_runs(optimum=optimum)))
    asked = np.zeros((60, len(COLUMNS)))
    asked[:, COLUMNS.index("log_lr")] = np.linspace(-15, -6, 60)
    found = asked[process.predict(asked).argmin(), COLUMNS.index("log_lr")]
    assert abs(found - optimum) < 1


def _with_columns(runs):
    x, y = runs
    return x, COLUMNS, y


def test_single_precision_moves_no_target_that_anyone_could_notice():
    x, y = some_runs()
    process = RegretProcess().fit(x, COLUMNS, y)
    known = np.clip(x[:, process.at_], process.low_, process.high_) - process.centre_
    waves = np.cos(known @ process.frequencies_ + process.phases_) * np.sqrt(2 / process.n_features)
    exact = waves @ process.coefficients_[:-1] + 3.0 * process.coefficients_[-1]
    assert process.predict(x) == pytest.approx(exact, abs=1e-5)


def test_what_is_unknown_is_as_usual():
    x, y = some_runs()
    process = RegretProcess().fit(x, COLUMNS, y)
    unknown, usual = np.zeros((2, 1, len(COLUMNS)))
    unknown[:, COLUMNS.index("data:log_n_train")] = np.nan
    usual[:, COLUMNS.index("data:log_n_train")] = np.nanmean(x[:, COLUMNS.index("data:log_n_train")])
    assert process.predict(unknown) == pytest.approx(process.predict(usual))


def test_columns_that_are_not_there_are_not_asked_for():
    x, y = some_runs()
    few = ("log_lr", "log_steps")
    process = RegretProcess().fit(x[:, [COLUMNS.index(name) for name in few]], few, y)
    assert process.columns_ == few
    assert np.isfinite(process.predict(np.zeros((3, 2)))).all()


def test_weights_count_as_repetitions():
    x, y = some_runs(60)
    twice = RegretProcess().fit(np.vstack([x, x[:20]]), COLUMNS, np.concatenate([y, y[:20]]))
    weighted = RegretProcess().fit(x, COLUMNS, y, np.where(np.arange(60) < 20, 2.0, 1.0))
    twice.centre_ = weighted.centre_
    # The means differ, which moves every feature a little; what is learned is the same.
    assert weighted.predict(x) == pytest.approx(twice.predict(x), abs=0.2)


def test_its_file_predicts_the_same():
    x, y = some_runs()
    process = RegretProcess().fit(x, COLUMNS, y)
    text = process.to_text()
    order = tuple(reversed(COLUMNS))
    again = RegretProcess.from_text(text, order)
    assert again.predict(x[:, ::-1]) == pytest.approx(process.predict(x), abs=1e-5)
    assert again.to_text() == text
