"""The gate before a fitted meta-model is used."""

from dataclasses import replace

import pytest

from advisor.errors import AdvisorError
from advisor.evaluate.gate import AVERAGE, NEW, SHIPPED, judge_fit
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import build_table

SMALL = MetaModel(n_members=2, n_estimators=60)


@pytest.fixture(scope="module")
def shipped(describe_model, records):
    return build_table(*records(), describe_model)


@pytest.fixture(scope="module")
def with_own(describe_model, records):
    """Makes the table of the shipped records and of as many others, on other datasets, changed."""

    def make(change, n_groups=6, seed=1):
        runs, datasets = records()
        own, theirs = records(n_groups=n_groups, seed=seed)
        own = [change(replace(run, run_id="own" + run.run_id, dataset_id="own" + run.dataset_id)) for run in own]
        theirs = [replace(d, dataset_id="own" + d.dataset_id, group="own" + d.group) for d in theirs]
        return build_table([*runs, *own], [*datasets, *theirs], describe_model)

    return make


def test_what_ships_does_no_worse_than_itself(shipped):
    verdict = judge_fit(shipped, shipped, SMALL)
    assert not verdict.faults
    figures = verdict.evaluation
    assert figures["regret"][NEW] == figures["regret"][SHIPPED] < figures["regret"][AVERAGE]
    assert (figures["groups"], figures["cases"]) == (6, 12)
    to_itself = [d for d in figures["differences"] if d["to"] == SHIPPED]
    assert [(d["mean"], d["low"], d["high"]) for d in to_itself] == [(0, 0, 0)] * 2


def test_honest_runs_of_ones_own_pass(with_own, shipped):
    assert not judge_fit(with_own(lambda run: run), shipped, SMALL).faults


def test_runs_that_say_the_opposite_do_not(with_own, shipped):
    """The cases that they make themselves are not told from the shipped ones: both are judged by all of them."""
    wrong = with_own(lambda run: replace(run, final_metric=100 - run.final_metric, extra={}))
    verdict = judge_fit(wrong, shipped, SMALL)
    assert any(f"that of {SHIPPED}" in fault and "mean regret" in fault for fault in verdict.faults)
    assert verdict.evaluation["regret"][NEW] > verdict.evaluation["regret"][SHIPPED]


def test_accuracies_on_another_scale_do_not(with_own, shipped):
    """The order within their cases is right, so that only the accuracies it expects give them away."""
    shares = with_own(lambda run: replace(run, final_metric=run.final_metric / 100, extra={}), n_groups=12)
    faults = judge_fit(shares, shipped, SMALL).faults
    assert any("accuracy it expects" in fault for fault in faults)


def test_a_model_that_learned_nothing_is_worse_than_the_best_on_average(shipped):
    ignorant = MetaModel(n_members=2, n_estimators=1, parameters={"min_data_in_leaf": 10_000})
    verdict = judge_fit(shipped, shipped, ignorant)
    assert any(f"that of {AVERAGE}" in fault for fault in verdict.faults)


def test_without_sources_to_leave_out_there_is_no_judging(describe_model, records):
    few = build_table(*records(n_groups=2), describe_model)
    with pytest.raises(AdvisorError, match="too little evidence to judge") as caught:
        judge_fit(few, few, SMALL)
    assert "--force" in caught.value.hint


def test_two_threads_judge_alike(shipped):
    assert judge_fit(shipped, shipped, SMALL).evaluation == judge_fit(shipped, shipped, SMALL, workers=2).evaluation
