"""A search space for Ray Tune that holds the advice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("default")

import advisor_ray  # noqa: E402
from advisor.space.hyperparameters import HYPERPARAMETERS  # noqa: E402

points = st.fixed_dictionaries(
    {
        "lr": st.floats(1e-6, 1),
        "batch_size": st.integers(1, 2048),
        "epochs": st.integers(1, 300),
        "dropout": st.floats(0, 0.9),
        "weight_decay": st.floats(0, 1),
    }
)


@given(st.lists(points, min_size=1, max_size=3), points, points)
def test_every_point_and_every_draw_lies_in_the_space(suggestion, suggested, one, other):
    ranges = {name: tuple(sorted((one[name], other[name]))) for name in HYPERPARAMETERS}
    advised = suggestion(suggestions=suggested, ranges=ranges)
    space = advisor_ray.search_space(advised)
    bounds = {dimension.name: dimension for dimension in advised.space()}
    for point in advisor_ray.points_to_evaluate(advised):
        assert all(space[name].is_valid(value) for name, value in point.items())
    for name, domain in space.items():
        if hasattr(domain, "sample"):
            drawn = domain.sample(size=20)
            assert all(bounds[name].low * (1 - 1e-9) <= value <= bounds[name].high * (1 + 1e-9) for value in drawn)
        else:
            assert domain == bounds[name].low == bounds[name].high


def test_the_points_are_the_suggestions_best_first(suggestion, first_values, second_values):
    assert advisor_ray.points_to_evaluate(suggestion()) == [first_values, second_values]
    fixed = suggestion(suggestions=[first_values], ranges={**suggestion().ranges, "epochs": (3, 3)})
    assert "epochs" not in advisor_ray.points_to_evaluate(fixed)[0]
    assert advisor_ray.search_space(fixed)["epochs"] == 3


def test_without_tune_the_error_names_the_extra(suggestion, monkeypatch):
    import sys

    from advisor.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "ray.tune", None)
    monkeypatch.delattr("ray.tune", raising=False)
    with pytest.raises(MissingExtraError) as caught:
        advisor_ray.search_space(suggestion())
    assert caught.value.hint == "pip install 'timm-advisor[ray]'"
