import numpy as np
import pytest

from advisor.evaluate.pool import pools
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import build_table
from research.ablations import variants
from research.ablations.variants import (
    DERIVED,
    JOINT,
    NOT_ROBUST,
    PLAIN_INPUTS,
    RECIPES,
    VARIANTS,
    RankingModel,
    compare,
    judge,
    page,
)


@pytest.fixture(scope="module")
def table(describe_model, records):
    return build_table(*records(n_groups=4, runs_per_case=32), describe_model)


def test_a_model_that_ranks_puts_good_configurations_first(table):
    judged = list(pools(table))
    found = judge(table, judged, lambda: RankingModel(n_members=2, n_estimators=60, target="rank"))
    assert found["first"].mean() < 0.5
    assert (found["best of 3"] <= found["first"]).all()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_can_be_fitted(table, name):
    model = VARIANTS[name]()
    assert isinstance(model, MetaModel)
    model.n_estimators = 2
    assert model.fit_regret(table).predict_regret(table.x).shape == (model.n_members, len(table))


def test_variants_are_compared_with_the_one_that_ships(table, monkeypatch):
    monkeypatch.setattr(variants, "MetaModel", small)
    monkeypatch.setattr(variants, "VARIANTS", {"as shipped": small, "the same again": small})
    joined = []
    monkeypatch.setattr(variants, "with_joint_runs", lambda table, joint: joined.append(joint) or table)
    rows = {row["variant"]: row for row in compare(table, "public runs")}
    assert joined == ["public runs"]
    assert list(rows) == ["as shipped", "the same again", PLAIN_INPUTS, NOT_ROBUST, RECIPES, JOINT]
    assert rows["the same again"]["first"] == rows["as shipped"]["first"]
    assert rows["the same again"]["difference"] == rows["the same again"]["low"] == 0
    assert set(DERIVED) < set(table.columns)
    assert rows[PLAIN_INPUTS]["first"] != rows["as shipped"]["first"]


def small():
    return MetaModel(n_members=2, n_estimators=30)


def test_the_page_has_a_line_a_variant(table):
    row = {"first": 0.1, "median": 0.05, "best of 3": 0.01, "difference": -0.02, "low": -0.03, "high": 0.01}
    text = page(table, [{"variant": name, **row} for name in VARIANTS])
    assert all(f"| {name} | 0.100 | 0.050 | 0.010 | -0.020 | -0.030 to +0.010 |" in text for name in VARIANTS)
    assert np.char.count(" ".join(text.split()), "Judged are the 8 cases of 4 sources") == 1
