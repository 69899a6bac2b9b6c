"""The search space holds what was suggested, whatever that is."""

from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.output.dimensions import search_space
from advisor.space.hyperparameters import HYPERPARAMETERS

VALUES = {
    "lr": st.floats(1e-7, 1),
    "batch_size": st.integers(1, 4096),
    "epochs": st.integers(1, 300),
    "dropout": st.floats(0, 0.9),
    "weight_decay": st.floats(0, 1),
}
points = st.fixed_dictionaries(VALUES)


@given(st.lists(points, min_size=1, max_size=4), points, points)
def test_every_suggestion_and_both_ends_of_the_range_lie_inside(suggested, one, other):
    ranges = {name: tuple(sorted((one[name], other[name]))) for name in HYPERPARAMETERS}
    for dimension in search_space(ranges, suggested):
        inside = [*ranges[dimension.name], *(values[dimension.name] for values in suggested)]
        assert all(dimension.low <= value <= dimension.high for value in inside)
        assert not (dimension.log and dimension.low <= 0)
        assert dimension.whole == (dimension.name in ("batch_size", "epochs"))


def test_a_suggestion_has_its_space(first_values, second_values, suggestion):
    space = {dimension.name: dimension for dimension in suggestion().space()}
    assert tuple(space) == HYPERPARAMETERS
    assert (space["lr"].low, space["lr"].high, space["lr"].log) == (0.001, second_values["lr"], True)
    assert (space["weight_decay"].low, space["weight_decay"].log) == (0.0, False)
    assert space["batch_size"].low <= first_values["batch_size"] <= space["batch_size"].high
