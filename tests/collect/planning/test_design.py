import math
from dataclasses import replace

import pytest
import scipy.stats  # noqa: F401  (its import takes longer than hypothesis allows an example)
from hypothesis import given
from hypothesis import strategies as st

from advisor.collect.planning.design import (
    BATCH_SIZES,
    LEARNING_RATES,
    WEIGHT_DECAYS,
    Budget,
    Space,
    choose_max_epochs,
    core,
    cost,
    is_chosen,
    random_points,
    sobol,
)
from advisor.errors import UsageError
from advisor.space.configuration import Configuration

spaces = st.builds(
    Space,
    opt=st.sampled_from(["adamw", "sgd"]),
    pretrained=st.booleans(),
    attention=st.booleans(),
    n_train=st.integers(20, 10_000),
    max_epochs=st.sampled_from([5, 10, 20, 40]),
)


@given(spaces | spaces.map(lambda space: replace(space, imagenet=True)), st.text(max_size=20))
def test_every_configuration_is_within_its_space(space, case_id):
    points = [*core(space).values(), *sobol(case_id, space, 16), *random_points(case_id, space, 5)]
    for point in points:
        assert 1 <= point.batch_size <= space.n_train, "an epoch without a step"
        assert 2 <= point.epochs <= space.max_epochs
        assert 0 <= point.dropout <= 0.6
        assert point.weight_decay == 0 or 1e-9 < point.weight_decay <= 0.5
    low, high = space.learning_rates
    for point in points[len(core(space)) :]:
        assert low * 0.999 <= point.lr <= high * 1.001
        assert point.weight_decay == 0 or WEIGHT_DECAYS[0] <= point.weight_decay <= WEIGHT_DECAYS[1]
        assert point.batch_size >= min(BATCH_SIZES[0], space.n_train)


@given(spaces, st.text(max_size=20))
def test_half_of_a_sobol_sequence_is_at_the_largest_epochs_and_lr_is_spread_over_its_decades(space, case_id):
    points = sobol(case_id, space, 16)
    assert sum(point.epochs == space.max_epochs for point in points) >= 8
    low = space.learning_rates[0]
    for rank, lr in enumerate(sorted(point.lr for point in points)):
        decade = low * 10 ** (rank // 4)
        # Three significant digits can move a point across the edge of its decade.
        assert decade * 0.995 <= lr <= 10 * decade * 1.005, "a scrambled net fills each quarter equally"


@given(spaces, st.text(max_size=20))
def test_reference_points_are_all_at_the_largest_epochs(space, case_id):
    assert {point.epochs for point in random_points(case_id, space, 8)} == {space.max_epochs}


@given(spaces)
def test_core_has_eight_points_with_the_sane_default_the_rule_and_timms_defaults(space):
    points = core(space)
    assert {"sane", "rule", "train.py"} <= set(points)
    assert len(points) >= 8
    assert points["train.py"].weight_decay == 2e-5
    if space.n_train >= 128:
        assert points["train.py"].batch_size == 128
        assert points["train.py"].lr == (0.05 if space.opt == "sgd" else 0.0707)


def test_designs_do_not_change():
    """Stable ids of thousands of recorded runs hang on these values."""
    space = Space("adamw", pretrained=False, attention=False, n_train=700, max_epochs=20)
    first = sobol("digits/test_resnet/adamw/none/scratch", space, 16)[0]
    assert (first.lr, first.batch_size, first.epochs, first.dropout, first.weight_decay) == (
        5.12e-05,
        167,
        20,
        0.0,
        0.000346,
    )
    assert choose_max_epochs("digits/test_resnet/adamw/none/scratch", 1000, 32, Budget()) == 10


@given(st.text(max_size=10), st.integers(50, 10_000), st.sampled_from([16, 32, 64]))
def test_no_case_costs_more_than_its_budget(case_id, n_train, img_size):
    budget = Budget()
    try:
        cap = choose_max_epochs(case_id, n_train, img_size, budget)
    except UsageError:
        assert cost(n_train, 5, img_size) >= budget.largest
    else:
        assert cost(n_train, cap, img_size) < budget.largest


def test_cases_of_one_size_are_spread_over_several_caps():
    caps = {choose_max_epochs(str(i), 800, 32, Budget()) for i in range(40)}
    assert caps >= {5, 10, 20}


def test_a_share_of_cases_is_chosen_whatever_else_is_planned():
    picked = [i for i in range(2000) if is_chosen(str(i), "noise", 0.1)]
    assert 140 < len(picked) < 260
    assert not any(is_chosen(str(i), "noise", 0.0) for i in range(200))


@pytest.mark.parametrize("family", LEARNING_RATES)
def test_learning_rates_span_four_decades(family):
    low, high = LEARNING_RATES[family]
    assert math.log10(high / low) == pytest.approx(4)


def test_the_core_of_fine_tuning_holds_what_people_type():
    def fine_tuned(opt: str, n_train: int = 400) -> dict:
        return core(Space(opt, pretrained=True, attention=False, n_train=n_train, max_epochs=20, imagenet=True))

    fixed = fine_tuned("adamw")
    for lr in (3e-3, 1e-3, 3e-4, 1e-4, 3e-5):
        assert Configuration(lr, 32, 20, 0.0, 0.05) in fixed.values()
    for batch_size in (8, 32, 128):
        assert Configuration(0.01, batch_size, 20, 0.0, 1e-4) in fine_tuned("sgd").values()
    assert all(c.weight_decay <= 1e-3 for c in fine_tuned("adam").values()), "its decay is coupled"
    assert max(c.batch_size for c in fine_tuned("sgd", n_train=50).values()) == 50
