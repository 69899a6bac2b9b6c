"""The Gaussian process of regrets: it finds a smooth optimum, keeps apart what is one case's, and survives its file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.learn import process as learned
from advisor.learn.process import LENGTHS, RegretProcess

COLUMNS = ("elsewhere", *LENGTHS)
LR = COLUMNS.index("log_lr")


def some_runs(n: int = 300, optimum: float = -9.0, seed: int = 0):
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, (n, len(COLUMNS)))
    x[:, LR] = random.uniform(-17, -5, n)
    regret = np.minimum(2, 0.1 * (x[:, LR] - optimum) ** 2) + random.normal(0, 0.05, n)
    return x, COLUMNS, regret, np.arange(n) % 10


def at_rates(rates):
    asked = np.zeros((len(rates), len(COLUMNS)))
    asked[:, LR] = rates
    return asked


@settings(deadline=None, max_examples=10)
@given(st.floats(-13, -8))
def test_it_finds_where_regret_is_least(optimum):
    rates = np.linspace(-15, -6, 60)
    expected = RegretProcess().fit(*some_runs(optimum=optimum)).predict(at_rates(rates))
    assert expected.shape == (1, 60)
    assert abs(rates[expected[0].argmin()] - optimum) < 1


def test_what_one_case_does_differently_does_not_pass_for_what_holds_elsewhere():
    x, columns, y, case_of = some_runs()
    odd = case_of == 0
    y[odd] = 2 - np.minimum(2, 0.1 * (x[odd, LR] + 9) ** 2)
    where = np.linspace(-11, -7, 20)
    together = RegretProcess().fit(x, columns, y, np.zeros_like(case_of)).predict(at_rates(where))
    apart = RegretProcess().fit(x, columns, y, case_of).predict(at_rates(where))
    truth = 0.1 * (where + 9) ** 2
    assert abs(apart - truth).mean() < abs(together - truth).mean()


def test_each_member_is_what_was_learned_without_the_runs_it_does_not_see():
    x, columns, y, case_of = some_runs(120)
    left_out = [case_of < 5, case_of >= 5]
    members = RegretProcess().fit(x, columns, y, case_of, left_out=left_out)
    for member, out in enumerate(left_out):
        alone = RegretProcess().fit(x[~out], columns, y[~out], case_of[~out])
        # Means and extents are those of all runs for every member.
        alone.centre_, alone.low_, alone.high_ = members.centre_, members.low_, members.high_
        assert np.corrcoef(members.predict_by(member, x), alone.predict(x)[0])[0, 1] > 0.99
        assert members.predict_by(member, x) == pytest.approx(members.predict(x)[member])


def test_a_few_runs_span_what_was_learned_from_all(monkeypatch):
    x, columns, y, case_of = some_runs(500)
    whole = RegretProcess().fit(x, columns, y, case_of)
    monkeypatch.setattr(learned, "_POINTS", 250)
    spanned = RegretProcess().fit(x, columns, y, case_of)
    assert len(spanned.points_) == 250 < len(whole.points_)
    asked = some_runs(200, seed=1)[0]
    assert np.abs(spanned.predict(asked) - whole.predict(asked)).mean() < 0.05


def test_single_precision_moves_no_regret_that_anyone_could_notice():
    x, columns, y, case_of = some_runs()
    process = RegretProcess().fit(x, columns, y, case_of)
    kernel = learned._matern(process._scaled(x), process.points_)
    exact = process.coefficients_ @ kernel.T + process.intercepts_[:, None]
    assert process.predict(x) == pytest.approx(exact, abs=1e-3)


def test_what_is_unknown_is_as_usual():
    x, columns, y, case_of = some_runs()
    process = RegretProcess().fit(x, columns, y, case_of)
    unknown, usual = np.zeros((2, 1, len(COLUMNS)))
    unknown[:, COLUMNS.index("data:log_n_train")] = np.nan
    usual[:, COLUMNS.index("data:log_n_train")] = np.nanmean(x[:, COLUMNS.index("data:log_n_train")])
    assert process.predict(unknown) == pytest.approx(process.predict(usual))


def test_columns_that_are_not_there_are_not_asked_for():
    x, _, y, case_of = some_runs()
    few = ("log_lr", "log_steps")
    process = RegretProcess().fit(x[:, [COLUMNS.index(name) for name in few]], few, y, case_of)
    assert process.columns_ == few
    assert np.isfinite(process.predict(np.zeros((3, 2)))).all()


def test_weights_count_as_repetitions():
    x, columns, y, case_of = some_runs(60)
    again = np.arange(60) < 20
    twice = RegretProcess().fit(
        np.vstack([x, x[again]]), columns, np.concatenate([y, y[again]]), np.concatenate([case_of, case_of[again]])
    )
    weighted = RegretProcess().fit(x, columns, y, case_of, np.where(again, 2.0, 1.0))
    twice.centre_ = weighted.centre_
    # The means differ, which moves every feature a little; what is learned is the same.
    assert weighted.predict(x) == pytest.approx(twice.predict(x), abs=0.1)


def test_its_file_predicts_the_same():
    x, columns, y, case_of = some_runs()
    process = RegretProcess().fit(x, columns, y, case_of, left_out=[case_of == 0, case_of == 1])
    text = process.to_text()
    again = RegretProcess.from_text(text, tuple(reversed(COLUMNS)))
    assert again.predict(x[:, ::-1]) == pytest.approx(process.predict(x), abs=1e-3)
    assert again.to_text() == text
