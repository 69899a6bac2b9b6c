from pathlib import Path

import numpy as np
import pytest

from advisor.evaluate.pool import pools
from advisor.learn.own_runs import OwnRunsPosterior
from advisor.learn.table import build_table
from advisor.space.configuration import to_unit_scale
from research.ablations.forecasts import Forecast
from research.ablations.own_runs import SHIPPED, TRIALS, WAYS, likeliest_lengths, page, regrets


@pytest.fixture(scope="module")
def cases(describe_model, records):
    """Cases in which two members expect the best learning rate too high and one knows better."""
    table = build_table(*records(n_groups=3, runs_per_case=24), describe_model)
    found = []
    for pool in pools(table):
        rates = np.log10(pool.hparams["lr"])
        members = np.array([10 * np.abs(rates - best) for best in (-0.5, -0.5, -2.5)])
        found.append(Forecast(pool, members, noise=0.5, scale=15.0))
    return found


def test_every_way_is_a_replay_in_which_regret_never_rises(cases):
    for name, way in WAYS.items():
        found = regrets(cases, way)
        assert found.shape == (len(cases), len(TRIALS)), name
        assert (np.diff(found, axis=1) <= 0).all(), name


def test_using_own_runs_is_better_than_not(cases):
    used, unused = (regrets(cases, WAYS[name]).mean() for name in (SHIPPED, "own runs not used"))
    assert used < unused


def test_members_that_foresaw_own_runs_are_believed(cases):
    weighed = regrets(cases, WAYS["members weighted by how they predicted own runs"])
    assert weighed.mean() < regrets(cases, WAYS["own runs not used"]).mean()


def test_an_axis_that_errors_do_not_follow_gets_a_long_length(describe_model, records):
    table = build_table(*records(n_groups=2, runs_per_case=40), describe_model)
    cases = []
    for pool in pools(table):
        # The scores are what is expected but for an error that waves along the learning rate only.
        x = to_unit_scale(pool.hparams)
        members = -(pool.score + 10 * np.sin(x[:, 0]))[None] + 100
        cases.append(Forecast(pool, members, noise=1.0, scale=15.0))
    lengths = likeliest_lengths(cases)
    assert lengths[0] < 4
    assert min(lengths[1:]) > lengths[0]


def test_the_page_has_a_line_a_way(cases, records):
    text = page(cases, records(n_groups=3)[1])
    assert "### From scratch" in text
    assert "### From ImageNet weights" not in text, "none are there"
    assert "6 recorded cases of 3 sources" in text
    for name in WAYS:
        assert f"\n| {name} | " in text
    assert ", ".join(f"{length:g}" for length in OwnRunsPosterior(1, 1).lengths) in text


def test_the_shipped_page_tells_of_every_way():
    text = (Path(__file__).parents[3] / "docs" / "own-runs.md").read_text(encoding="utf-8")
    for name in WAYS:
        assert f"\n| {name} | " in text, "make -C research own-runs"
