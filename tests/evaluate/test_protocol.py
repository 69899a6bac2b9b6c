import numpy as np
import pytest
from synthetic import describe_model, records

from advisor.errors import AdvisorError
from advisor.evaluate.pool import pools
from advisor.evaluate.protocol import ADVICE, evaluate
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import build_table


@pytest.fixture(scope="module")
def table():
    return build_table(*records(n_groups=5, runs_per_case=32), describe_model)


@pytest.fixture(scope="module")
def evaluation(table):
    return evaluate(table, model=MetaModel(n_members=2, n_estimators=40))


def row(evaluation, method):
    return next(r for r in evaluation.rows() if r["method"] == method)


def test_every_method_meets_every_case(table, evaluation):
    cases = {pool.case for pool in pools(table)}
    assert len(cases) == 10
    for method in evaluation.methods():
        assert {o.pool.case for o in evaluation.outcomes if o.method == method} == cases
        assert row(evaluation, method)["groups"] == 5


def test_the_oracle_has_no_regret_and_advice_that_learns_beats_chance(evaluation):
    assert row(evaluation, "oracle")["mean_regret"] == pytest.approx(0)
    assert row(evaluation, ADVICE)["mean_regret"] < row(evaluation, "random search, 3")["mean_regret"]
    assert row(evaluation, "random search, 1")["mean_regret"] > row(evaluation, "random search, 25")["mean_regret"]


def test_the_interval_holds_the_mean(evaluation):
    for r in evaluation.rows():
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
    assert sorted(map(sorted, seen)) == sorted(sorted(groups - {group}) for group in groups)


def test_shuffled_scores_leave_nothing_to_learn(table):
    from dataclasses import replace

    rng = np.random.default_rng(0)
    score = table.score.copy()
    for case in np.unique(table.case_of):
        rows = np.flatnonzero(table.case_of == case)
        score[rows] = score[rng.permutation(rows)]
    noise = evaluate(replace(table, score=score), model=MetaModel(n_members=2, n_estimators=40))
    assert row(noise, ADVICE)["mean_regret"] > row(noise, "random search, 3")["mean_regret"]


def test_two_groups_are_too_little():
    table = build_table(*records(n_groups=2), describe_model)
    with pytest.raises(AdvisorError, match="too little evidence"):
        evaluate(table)
