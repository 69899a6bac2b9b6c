"""What is trained next, from what is expected of every option and what it costs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.tuning.decision import Options, choose, expected_gains

NEW = None


def options(*rows, held=-math.inf, hope=None):
    """Make options of rows (mean, deviation, seconds left, reached or None); 0 seconds are left of what has ended."""
    mean, deviation, seconds, reached = (np.array(column, float) for column in zip(*rows, strict=True))
    hope = mean + 2 * deviation if hope is None else np.array(hope, float)
    return Options(mean, deviation, hope, seconds, reached, seconds > 0, held)


ENDED = (80, 0, 0, 80)


def test_before_anything_has_ended_what_is_expected_to_be_best_is_trained():
    assert choose(options((-3, 5, 9, NEW), (-1, 5, 9, NEW)), 1.0, 100).row == 1


def test_a_trial_that_may_still_be_the_best_goes_on():
    found = choose(options(ENDED, (78, 3, 4, 60), (99, 9, 1, NEW)), 1.0, 100, current=1)
    assert (found.row, found.why) == (1, "goes on")


def test_a_trial_that_will_end_below_the_best_waits():
    found = choose(options(ENDED, (50, 2, 4, 40), (82, 3, 10, NEW)), 1.0, 100, current=1)
    assert (found.row, found.why) == (2, "gain")
    assert found.gain == pytest.approx(2.5, abs=0.5)


def test_nothing_waits_before_anything_has_ended():
    assert choose(options((30, 1, 4, 20), (82, 3, 10, NEW)), 1.0, 100, current=0).row == 0


def test_a_trial_that_cannot_end_any_more_goes_on_only_where_nothing_else_can():
    waits = (80, 3, 40, 60)
    assert choose(options(waits, (75, 3, 10, NEW)), 1.0, 20, current=0).row == 1
    assert choose(options(waits, (75, 3, 30, NEW)), 1.0, 20, current=0).why == "goes on"


def test_of_equal_gains_the_cheaper_comes_first():
    assert choose(options(ENDED, (82, 3, 20, NEW), (82, 3, 5, NEW)), 1.0, 100).row == 2


def test_a_trial_that_waits_goes_on_when_it_promises_most():
    assert choose(options(ENDED, (82, 3, 2, 70), (82, 3, 10, NEW)), 1.0, 100).row == 1


def test_it_ends_when_nothing_is_expected_to_gain_more_than_a_share_of_the_noise():
    rows = ENDED, (70, 2, 5, NEW), (75, 2, 3, 60)
    assert choose(options(*rows), 1.0, 100).why == "noise"
    assert choose(options(*rows), 1.0, 100, patience=-1.0).row is not None


def test_what_promises_more_but_cannot_end_in_time_is_not_called_noise():
    rows = ENDED, (75, 2, 3, 60), (85, 9, 50, NEW)
    assert choose(options(*rows), 1.0, 4).why == "budget"
    assert choose(options(*rows[:2]), 1.0, 4).why == "noise"


def test_what_was_reached_before_counts():
    assert choose(options(ENDED, (85, 1, 5, NEW), held=95.0), 1.0, 100).why == "noise"
    assert choose(options(ENDED, (85, 1, 5, NEW)), 1.0, 100).row == 1


def test_nothing_is_begun_that_cannot_end_in_time():
    found = choose(options(ENDED, (99, 9, 5, NEW)), 1.0, 4.0)
    assert (found.row, found.why) == (None, "budget")


numbers = st.floats(0, 100)
rows = st.lists(
    st.tuples(numbers, st.floats(0, 40), st.sampled_from([0.0, 0.5, 5.0, 50.0]), numbers), min_size=1, max_size=8
)


@given(rows, st.floats(0, 200), st.floats(-1, 1))
def test_whatever_is_chosen_is_open_and_can_end_within_the_budget(rows, budget, patience):
    found = choose(options(*rows), 1.0, budget, patience=patience)
    assert found.row is None or 0 < rows[found.row][2] <= budget


@given(numbers, st.floats(0.01, 40), numbers)
def test_a_gain_is_what_is_left_to_100_percent_at_most(mean, deviation, best):
    gain = expected_gains(np.array([mean]), np.array([deviation]), best)[0]
    assert 0 <= gain <= 100 - best + 1e-9


def test_a_sure_gain_is_the_difference():
    assert expected_gains(np.array([90.0]), np.array([0.0]), 80.0)[0] == pytest.approx(10.0)
