import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import UsageError
from advisor.space.configuration import Configuration, columns_of, from_columns, to_unit_scale
from advisor.space.hyperparameters import HYPERPARAMETERS, check_value
from advisor.space.limits import Limits

CONFIGURATIONS = st.builds(
    Configuration,
    lr=st.floats(1e-6, 1.0).map(lambda v: float(f"{v:.2g}")),
    batch_size=st.integers(1, 4096),
    epochs=st.integers(1, 1000),
    dropout=st.floats(0, 0.9).map(lambda v: round(v, 2)),
    weight_decay=st.just(0.0) | st.floats(1e-6, 1.0).map(lambda v: float(f"{v:.2g}")),
)


@given(st.lists(CONFIGURATIONS, min_size=1, max_size=5))
def test_columns_give_back_the_configurations_they_were_made_of(configurations):
    columns = columns_of(configurations)
    assert [from_columns(columns, row) for row in range(len(configurations))] == configurations


@given(CONFIGURATIONS)
def test_a_configuration_is_its_values_by_name(configuration):
    assert Configuration(**configuration.as_dict()) == configuration
    assert list(configuration.as_dict()) == list(HYPERPARAMETERS)


@given(CONFIGURATIONS, st.floats(1.5, 8.0))
def test_a_factor_moves_every_learning_rate_equally_far(configuration, factor):
    lr = configuration.lr
    columns = columns_of([configuration, configuration])
    columns["lr"] = np.array([lr, lr * factor])
    unit = to_unit_scale(columns)
    assert unit[1, 0] - unit[0, 0] == pytest.approx(math.log2(factor))
    np.testing.assert_array_equal(unit[0, 1:], unit[1, 1:])


def test_what_acts_by_factors_is_in_doublings_and_dropout_in_tenths():
    unit = to_unit_scale({"lr": [0.25], "batch_size": [32], "epochs": [8], "dropout": [0.3], "weight_decay": [0.125]})
    np.testing.assert_allclose(unit, [[-2, 5, 3, 3, -3]])


def test_no_weight_decay_is_a_finite_point():
    unit = to_unit_scale(columns_of([Configuration(1e-3, 32, 5, 0.0, 0.0)]))
    assert np.isfinite(unit).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("lr", 0), ("lr", math.nan), ("batch_size", 1.5), ("epochs", 0), ("dropout", 1.0), ("weight_decay", -1), ("x", 1)],
)
def test_impossible_values_are_refused(name, value):
    with pytest.raises(UsageError):
        check_value(name, value)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_epochs": 0},
        {"max_batch_size": 0},
        {"max_seconds": 0},
        {"max_epochs": 5, "fixed": {"epochs": 6}},
        {"max_batch_size": 8, "fixed": {"batch_size": 16}},
        {"fixed": {"momentum": 0.9}},
    ],
)
def test_impossible_limits_are_refused(limits):
    with pytest.raises(UsageError):
        Limits(**limits)
