import numpy as np
import pytest

from advisor.describe.model import describe_model as real_model
from advisor.errors import AdvisorError
from advisor.evaluate.pool import pools
from advisor.evaluate.protocol import ADVICE, NO_FEATURES, UNSEEN_FAMILY, evaluate
from advisor.evaluate.summary import summarise
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import build_table


@pytest.fixture(scope="module")
def table(describe_model, records):
    return build_table(*records(n_groups=5, runs_per_case=32), describe_model)


@pytest.fixture(scope="module")
def evaluation(table):
    return evaluate(table, model=MetaModel(n_members=2, n_estimators=40))


@pytest.fixture(scope="module")
def summary(evaluation):
    return summarise(evaluation)


def row(summary, method):
    return next(r for r in summary["methods"] if r["method"] == method)


def test_every_method_meets_every_case_that_has_as_many_draws(table, evaluation, summary):
    cases = {pool.case for pool in pools(table)}
    assert len(cases) == 10
    methods = {outcome.method for outcome in evaluation.outcomes}
    assert {ADVICE, NO_FEATURES, "best on average", "random search, 10"} < methods
    # Sixteen draws at the most epochs are too few for the best of 25.
    assert "random search, 25" not in methods
    for method in methods:
        assert {o.pool.case for o in evaluation.outcomes if o.method == method} == cases
    assert all(r["groups"] == 5 for r in summary["methods"])


def test_the_oracle_has_no_regret_and_advice_that_learns_beats_chance(summary):
    assert row(summary, "oracle")["mean_regret"] == pytest.approx(0)
    assert row(summary, ADVICE)["mean_regret"] < row(summary, "random search, 3")["mean_regret"]
    assert row(summary, "random search, 1")["mean_regret"] > row(summary, "random search, 10")["mean_regret"]


def test_more_suggestions_or_trials_never_leave_more_regret(summary):
    for curve in summary["curves"].values():
        assert curve["mean_regret"] == sorted(curve["mean_regret"], reverse=True)


def test_the_interval_holds_the_mean(summary):
    for r in summary["methods"]:
        assert r["low"] - 1e-9 <= r["mean_regret"] <= r["high"] + 1e-9


def test_the_held_out_group_is_never_learned_from(table, monkeypatch):
    seen = []
    fit = MetaModel.fit

    def spy(self, part):
        seen.append(set(part.group_of))
        return fit(self, part)

    monkeypatch.setattr(MetaModel, "fit", spy)
    evaluate(table, model=MetaModel(n_members=2, n_estimators=2))
    groups = set(table.group_of)
    # Twice each: with the dataset's features and without.
    assert sorted(map(sorted, seen)) == sorted(sorted(groups - {group}) for group in groups for _ in range(2))


def test_where_a_family_is_unseen_no_model_of_it_is_learned_from(table, monkeypatch):
    seen = []
    fit_regret = MetaModel.fit_regret

    def spy(self, part, *args):
        families = frozenset(real_model(part.cases[case].model).family for case in set(part.case_of))
        seen.append((frozenset(part.group_of), families))
        return fit_regret(self, part, *args)

    monkeypatch.setattr(MetaModel, "fit_regret", spy)
    found = evaluate(table, model=MetaModel(n_members=2, n_estimators=2))
    families = {real_model(case.model).family for case in table.cases}
    assert len(families) == 2
    groups = set(table.group_of)
    expected = {(frozenset(groups - {group}), frozenset({family})) for group in groups for family in families}
    assert {each for each in seen if len(each[1]) == 1} == expected
    assert sum(outcome.method == UNSEEN_FAMILY for outcome in found.outcomes) == 10


def test_shuffled_scores_leave_nothing_to_learn(table):
    from dataclasses import replace

    rng = np.random.default_rng(0)
    score = table.score.copy()
    for case in np.unique(table.case_of):
        rows = np.flatnonzero(table.case_of == case)
        score[rows] = score[rng.permutation(rows)]
    noise = summarise(evaluate(replace(table, score=score), model=MetaModel(n_members=2, n_estimators=40)))
    assert row(noise, ADVICE)["mean_regret"] > row(noise, "random search, 3")["mean_regret"]


def test_two_workers_give_what_one_gives(table, evaluation):
    again = evaluate(table, model=MetaModel(n_members=2, n_estimators=40), workers=2)
    assert summarise(again) == summarise(evaluation)


def test_two_groups_are_too_little(describe_model, records):
    table = build_table(*records(n_groups=2), describe_model)
    with pytest.raises(AdvisorError, match="too little evidence"):
        evaluate(table)
