"""What values are possible, how they are rounded and written."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import UsageError
from advisor.space.hyperparameters import HYPERPARAMETERS, NO_DECAY, TABLE, check_value, format_number, two_figures
from advisor.space.words import counted


@pytest.mark.parametrize(
    ("name", "value"),
    [("lr", 5e-324), ("batch_size", 1), ("epochs", 1), ("dropout", 0), ("dropout", 0.999), ("weight_decay", 0)],
)
def test_the_least_and_the_most_are_possible(name, value):
    check_value(name, value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("lr", math.inf, "lr must be above 0, not inf"),
        ("batch_size", 0, "batch_size must be a whole number of at least 1, not 0"),
        ("dropout", -0.1, "dropout must be at least 0 and below 1, not -0.1"),
        ("momentum", 0.9, "there is no hyperparameter 'momentum'"),
    ],
)
def test_the_impossible_is_said_with_what_is_possible(name, value, said):
    with pytest.raises(UsageError) as refused:
        check_value(name, value)
    assert refused.value.args[0] == said
    assert refused.value.hint == ("" if name in TABLE else "there are lr, batch_size, epochs, dropout, weight_decay")


@pytest.mark.parametrize(
    ("name", "value", "rounded"),
    [
        ("lr", 0.0012345, 0.0012),
        ("batch_size", 47, 64),
        ("batch_size", 44, 32),
        ("epochs", 12.4, 12),
        ("epochs", math.inf, 1e9),
        ("dropout", 0.26, 0.3),
        ("weight_decay", 0.0567, 0.057),
        ("weight_decay", 9.9 * NO_DECAY, 0),
        ("weight_decay", 10 * NO_DECAY, 1e-6),
    ],
)
def test_values_are_rounded_to_those_that_people_use(name, value, rounded):
    assert TABLE[name].rounded(value) == rounded


@given(st.floats(1e-12, 1e12))
def test_a_rounded_value_stays_and_is_near(value):
    rounded = two_figures(value)
    assert two_figures(rounded) == rounded
    assert abs(rounded / value - 1) <= 0.05 + 1e-9


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.003, "0.003"), (1e-5, "1e-5"), (2.5e-07, "2.5e-7"), (1e9, "1e9"), (1e-10, "1e-10"), (32, "32")],
)
def test_a_number_is_written_as_it_is_typed(value, written):
    assert format_number(value) == written
    assert float(written) == value


def test_the_hyperparameters_are_shown_in_this_order():
    assert HYPERPARAMETERS == ("lr", "batch_size", "epochs", "dropout", "weight_decay")


@pytest.mark.parametrize(
    ("count", "words", "written"),
    [
        (0, ("run",), "0 runs"),
        (1, ("run",), "1 run"),
        (2000, ("run",), "2,000 runs"),
        (2, ("class", "classes"), "2 classes"),
    ],
)
def test_a_count_has_its_noun(count, words, written):
    assert counted(count, *words) == written
