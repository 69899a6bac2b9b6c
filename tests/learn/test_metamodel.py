import lightgbm
import numpy as np
import pytest

from advisor.learn.metamodel import MetaModel
from advisor.learn.table import build_table
from advisor.learn.targets import TARGETS, regret_within_cases


@pytest.fixture(scope="module")
def table(describe_model, records):
    return build_table(*records(), describe_model)


@pytest.fixture(scope="module")
def held_out(table):
    seen = table.take(table.group_of != "group-3")
    return MetaModel(n_estimators=60).fit(seen), table.take(table.group_of == "group-3")


def test_it_ranks_configurations_of_a_dataset_it_never_saw(held_out):
    model, unseen = held_out
    predicted = model.predict(unseen.x).regret
    true = regret_within_cases(unseen.score, unseen.case_of)
    assert np.corrcoef(np.argsort(np.argsort(predicted)), np.argsort(np.argsort(true)))[0, 1] > 0.8


def test_its_intervals_hold_the_accuracy_and_contain_the_expectation(held_out):
    model, unseen = held_out
    prediction = model.predict(unseen.x)
    assert (prediction.low <= prediction.top1).all()
    assert (prediction.top1 <= prediction.high).all()
    good = regret_within_cases(unseen.score, unseen.case_of) <= 1
    inside = (prediction.low <= unseen.score) & (unseen.score <= prediction.high)
    assert inside[good].mean() > 0.6


def test_texts_and_manifest_give_the_same_model_back(held_out):
    model, unseen = held_out
    again = MetaModel.from_texts(model.to_manifest(), model.to_texts())
    for name, value in vars(model.predict(unseen.x)).items():
        np.testing.assert_array_equal(getattr(again.predict(unseen.x), name), value)


def test_fitting_twice_gives_the_same_bits(table):
    first, second = (MetaModel(n_estimators=10).fit(table).to_texts() for _ in range(2))
    assert first == second


def test_one_group_is_too_little(table):
    with pytest.raises(ValueError, match="two groups"):
        MetaModel().fit(table.take(table.group_of == "group-0"))


@pytest.mark.parametrize(
    ("share", "sighted"), [(0.0, [True] * 4), (0.5, [True, False, True, False]), (1.0, [False] * 4)]
)
def test_blind_members_see_no_dataset_features(table, share, sighted):
    groups = ("size", "structure", "plugins")
    model = MetaModel(n_members=4, n_estimators=20, ranking_features=groups, blind_share=share).fit(table)
    assert [
        any(name.startswith("data:") for name in used(member, table)) for member in model.regret_members_
    ] == sighted


def test_either_ensemble_sees_only_the_groups_of_features_it_is_given(table):
    model = MetaModel(
        n_members=2, n_estimators=60, ranking_features=("plugins",), accuracy_features=("size",), blind_share=0.0
    ).fit(table)
    for members, seen in ((model.regret_members_, "data:nn_top1"), (model.accuracy_members_, "data:log_n_train")):
        assert {name for member in members for name in used(member, table) if name.startswith("data:")} == {seen}
    assert MetaModel(**model.get_params()).get_params() == model.get_params()


def booster(member):
    return lightgbm.Booster(model_str=member.to_text())


def used(member, table):
    """Return the names of the features that a member splits on."""
    return {name for name, count in zip(table.columns, booster(member).feature_importance(), strict=True) if count}


@pytest.mark.parametrize("target", TARGETS)
def test_every_scale_ranks_what_was_never_seen(table, target):
    seen, unseen = table.take(table.group_of != "group-3"), table.take(table.group_of == "group-3")
    predicted = MetaModel(n_members=2, n_estimators=60, target=target).fit(seen).predict(unseen.x).regret
    true = regret_within_cases(unseen.score, unseen.case_of)
    assert np.corrcoef(predicted.argsort().argsort(), true.argsort().argsort())[0, 1] > 0.7


def test_threads_share_the_members_and_change_no_bit(table):
    alone, together = (MetaModel(n_members=3, n_estimators=20).fit(table, workers) for workers in (1, 3))
    assert alone.to_texts() == together.to_texts()
    assert alone.residual_ == together.residual_


def test_trees_are_grown_on_no_more_rows_than_they_may(table, monkeypatch):
    rows = len(table) // 10
    monkeypatch.setattr("advisor.learn.metamodel._TREE_ROWS", rows)
    model = MetaModel(n_members=2, n_estimators=10).fit(table)
    for member in (*model.regret_members_, *model.accuracy_members_):
        # The root counts the rows that its tree was grown on. Rows are drawn by chance; without the bound, 192 of 480.
        counts = [tree["tree_structure"].get("internal_count", 0) for tree in booster(member).dump_model()["tree_info"]]
        assert 0 < max(counts) <= 1.5 * rows
