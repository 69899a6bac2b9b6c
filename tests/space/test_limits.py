"""Limits at their edges: the smallest that is allowed, the value that equals its limit, what is said beyond."""

import pytest

from advisor.errors import UsageError
from advisor.space.limits import Limits


@pytest.mark.parametrize(
    "limits",
    [
        {"max_epochs": 1},
        {"max_batch_size": 1},
        {"max_seconds": 0.5},
        {"max_epochs": 5, "fixed": {"epochs": 5}},
        {"max_batch_size": 8, "fixed": {"batch_size": 8}},
        {"max_epochs": 1, "fixed": {"lr": 10.0}},
    ],
)
def test_what_is_just_possible_is_taken(limits):
    made = Limits(**limits)
    assert {name: getattr(made, name) for name in limits} == limits


@pytest.mark.parametrize(
    ("limits", "said", "hint"),
    [
        ({"max_epochs": 0}, "max_epochs must be at least 1, not 0", ""),
        ({"max_batch_size": -2}, "max_batch_size must be at least 1, not -2", ""),
        ({"max_seconds": 0}, "the time budget must be above 0 seconds, not 0", ""),
        ({"max_seconds": float("nan")}, "the time budget must be above 0 seconds, not nan", ""),
        (
            {"max_batch_size": 8, "fixed": {"batch_size": 16}},
            "batch_size is fixed at 16, above its limit of 8",
            "raise --max-batch-size or lower --fix batch_size=VALUE",
        ),
    ],
)
def test_what_is_not_is_said_with_its_values(limits, said, hint):
    with pytest.raises(UsageError) as refused:
        Limits(**limits)
    assert refused.value.args[0] == said
    assert refused.value.hint == hint
