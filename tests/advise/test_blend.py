import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.blend import blend, blend_ranges
from advisor.space.configuration import Configuration
from advisor.space.limits import Limits
from advisor.space.optimizers import batch_factor

SHARES = st.floats(0, 1)
CONFIGURATIONS = st.builds(
    Configuration,
    lr=st.floats(1e-6, 1.0),
    batch_size=st.integers(0, 12).map(lambda power: 2**power),
    epochs=st.integers(1, 600),
    dropout=st.sampled_from([0.0, 0.1, 0.3, 0.5]),
    weight_decay=st.sampled_from([0.0, 1e-5, 1e-3, 0.05, 0.5]),
)


@given(CONFIGURATIONS, CONFIGURATIONS, SHARES, st.sampled_from(["adamw", "sgd"]))
def test_between_two_configurations_every_value_lies_between(learned, published, share, opt):
    blended = blend(learned, published, share, opt, Limits())
    for name in ("batch_size", "epochs", "dropout", "weight_decay"):
        low, high = sorted(getattr(end, name) for end in (learned, published))
        assert low * 0.95 - 1e-6 <= getattr(blended, name) <= high * 1.05 + 1e-6
    family = "sgd" if opt == "sgd" else "adam"
    low, high = sorted(end.lr / batch_factor(family, end.batch_size) for end in (learned, published))
    assert low * 0.94 <= blended.lr / batch_factor(family, blended.batch_size) <= high * 1.06


@given(CONFIGURATIONS, CONFIGURATIONS, st.sampled_from(["adamw", "sgd"]))
def test_at_the_ends_it_is_the_ends(learned, published, opt):
    assert blend(learned, published, 0, opt, Limits()) == learned
    assert blend(learned, published, 1, opt, Limits()) == published


@given(CONFIGURATIONS, CONFIGURATIONS, st.floats(0.0, 0.99))
def test_a_little_more_novelty_changes_little(learned, published, share):
    here, there = (blend(learned, published, s, "adamw", Limits()) for s in (share, share + 0.01))
    assert there.batch_size in (here.batch_size, here.batch_size * 2, here.batch_size / 2)
    ends = [end.lr / batch_factor("adam", end.batch_size) for end in (learned, published)]
    apart = max(ends) / min(ends)
    rates = [values.lr / batch_factor("adam", values.batch_size) for values in (here, there)]
    # A hundredth of the way, and two figures of rounding.
    assert max(rates) / min(rates) <= apart**0.011 * 1.11


@given(CONFIGURATIONS, CONFIGURATIONS, SHARES)
def test_what_is_fixed_stays_exactly(learned, published, share):
    fixed = {"lr": 0.0123456, "dropout": 0.25, "weight_decay": 0.0123456, "batch_size": 48, "epochs": 7}
    ends = [Configuration(**fixed) for _ in (learned, published)]
    assert blend(*ends, share, "adamw", Limits(fixed=fixed)).as_dict() == fixed


@given(CONFIGURATIONS, CONFIGURATIONS, SHARES)
def test_ranges_in_between_hold_the_best(learned, published, share):
    best = blend(learned, published, share, "adamw", Limits())
    ends = [{name: (value, value) for name, value in end.as_dict().items()} for end in (learned, published)]
    for name, (low, high) in blend_ranges(*ends, share, best).items():
        assert low <= best.as_dict()[name] <= high
        assert math.isfinite(high)


def test_half_way_is_half_way_by_factors():
    learned = Configuration(1e-2, 16, 10, 0.0, 0.1)
    published = Configuration(1e-4, 16, 90, 0.4, 1e-3)
    assert blend(learned, published, 0.5, "adamw", Limits()) == Configuration(1e-3, 16, 30, 0.2, pytest.approx(0.01))
