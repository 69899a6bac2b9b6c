"""What a replayed tuning has in hand, and other rules of taking and deciding."""

import numpy as np
import pytest

from advisor.records.schema import Pretraining
from advisor.tuning.decision import Choice, Options, choose
from research.tuning.cases import RecordedCase
from research.tuning.replays import by_score, ours, reached
from research.tuning.rules import by_expected_improvement, by_posterior_mean, regret, with_hindsight

EPOCHS = 2


def a_case(last, value, short):
    """Return a case of configurations alike in all but their learning rate, an octave apart."""
    last, m = np.asarray(last, dtype=float), len(last)
    curves = np.column_stack([last - 10.0, last])
    fixed = {"batch_size": 16.0, "epochs": float(EPOCHS), "dropout": 0.0, "weight_decay": 0.05}
    return RecordedCase(
        name="a case",
        group="a source",
        epochs=EPOCHS,
        hparams={"lr": 1e-3 * 2.0 ** np.arange(m), **{name: np.full(m, one) for name, one in fixed.items()}},
        short=np.asarray(short, dtype=float),
        curves=curves,
        expected=np.column_stack([last, last]),
        doubt=np.column_stack([np.full(m, 1.0), np.zeros(m)]),
        value=np.asarray(value, dtype=float),
        best=float(np.max(value)),
        median=float(np.min(value)),
        noise=2.0,
        unit=4.0,
        large=False,
        start=Pretraining.NONE,
    )


LUCKY = a_case([80.0, 79.5, 70.0], [76.0, 79.0, 70.0], [4.0, 0.0, 10.0])
"""The first has the best score by luck: the meta-model expects it to fall short, and it does."""
WHOLE = {0: EPOCHS, 1: EPOCHS}


def test_the_score_is_taken_in_by_luck_and_the_posterior_mean_is_not():
    assert by_score(LUCKY, WHOLE) == 0
    assert by_posterior_mean(LUCKY, WHOLE) == 1
    assert with_hindsight(LUCKY, WHOLE) == 1


@pytest.mark.parametrize("pick", [by_score, by_posterior_mean, with_hindsight])
def test_a_trial_that_has_only_begun_may_be_all_there_is(pick):
    assert pick(LUCKY, {2: 1}) == 2


def test_in_hand_is_what_the_pick_takes_within_the_budget():
    steps = [(0, EPOCHS), (1, EPOCHS)]
    assert reached(LUCKY, steps)[:2] == [76.0, 76.0]
    assert reached(LUCKY, steps, by_posterior_mean)[:2] == [76.0, 79.0]
    assert reached(LUCKY, [])[0] == LUCKY.median


def test_what_is_trained_is_what_is_decided():
    def the_last(at, noise, budget, current, patience):
        return Choice(int(np.flatnonzero(at.is_open)[-1]), 0.0, "gain")

    assert list(ours(LUCKY, 2, decide=the_last)) == [(2, 1), (2, 2), (1, 1), (1, 2)]


def test_where_all_is_trained_only_the_pick_decides():
    assert regret(LUCKY, None, by_posterior_mean) == 0.0
    assert regret(LUCKY, None, by_score) == pytest.approx(3 / 9)


def test_expected_improvement_weighs_a_small_chance_of_much_more():
    at = Options(
        mean=np.array([80.0, 80.5, 70.0]),
        deviation=np.array([0.1, 1.0, 11.0]),
        hope=np.full(3, np.inf),
        seconds=np.array([0.0, 2.0, 2.0]),
        reached=np.array([80.0, np.nan, np.nan]),
        is_open=np.array([False, True, True]),
    )
    assert choose(at, 1.0, 10.0, None, -1.0).row == 1
    assert by_expected_improvement(at, 1.0, 10.0, None, -1.0).row == 2
    assert by_expected_improvement(at, 1.0, 1.0, None, -1.0).row is None
