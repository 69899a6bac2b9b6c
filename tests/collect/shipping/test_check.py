"""What the evidence is checked by: a stratified sample, the noise between seeds, and the plan it should fulfil."""

import math
from dataclasses import replace
from statistics import stdev

import pytest

from advisor.collect.planning.plan import Plan
from advisor.collect.shipping.check import Check, is_centred, seed_noise, stratified
from advisor.collect.shipping.status import coverage, table
from advisor.errors import AdvisorError
from advisor.records.schema import Run, Source, Status


def a_run(run_id="a", **changes):
    values = {
        "status": Status.FINISHED,
        "dataset_name": "digits",
        "model": "test_vit",
        "opt": "adamw",
        "augment": "none",
        "pretrained": False,
        "lr": 1e-3,
        "batch_size": 64,
        "epochs": 5,
        "dropout": 0.0,
        "weight_decay": 0.05,
        "seed": 0,
        "final_metric": 50.0,
    }
    return Run(run_id=run_id, source=Source.COLLECT, **{**values, **changes})


def test_a_sample_takes_every_stratum_in_turn_and_no_unfinished_run():
    runs = [a_run(str(i)) for i in range(90)]
    runs += [a_run("resnet", model="test_resnet"), a_run("sgd", opt="sgd"), a_run("flip", augment="flip-crop")]
    runs += [a_run("diverged", model="test_nfnet", status=Status.DIVERGED)]
    drawn = stratified(runs, 8, seed=0)
    assert len({run.run_id for run in drawn}) == 8
    assert {"resnet", "sgd", "flip"} < {run.run_id for run in drawn}
    assert "diverged" not in {run.run_id for run in drawn}
    assert [run.run_id for run in drawn] == [run.run_id for run in stratified(runs, 8, seed=0)]
    assert len(stratified(runs[:3], 20, seed=0)) == 3


def test_noise_is_the_spread_over_seeds_of_the_same_configuration():
    runs = [a_run(str(i), seed=i, final_metric=score) for i, score in enumerate((50.0, 52.0, 54.0))]
    assert seed_noise([*runs, a_run("other", lr=1e-2, final_metric=10.0)]) == pytest.approx(stdev((50.0, 52.0, 54.0)))
    with pytest.raises(AdvisorError, match="unknown"):
        seed_noise(runs[:1])


def test_a_run_passes_within_its_tolerance():
    assert Check(a_run(), 51.0, 1.0).passed
    assert not Check(a_run(), 51.1, 1.0).passed
    assert not Check(a_run(), math.nan, 1.0).passed


def test_many_small_differences_in_one_direction_are_noticed():
    same, lower = [Check(a_run(), again, 4.0) for again in (50.0, 47.0)]
    assert is_centred([same] * 12 + [lower] * 4)
    assert not is_centred([lower] * 16)


def test_no_planned_case_is_silently_missing():
    plan = Plan.model_validate(
        {
            "name": "p",
            "blocks": [
                {
                    "datasets": ["digits", "emoji"],
                    "models": ["test_vit"],
                    "contexts": [{"opt": "adamw"}, {"opt": "sgd"}],
                    "design": {"sobol": 2},
                }
            ],
        }
    )
    runs = (*(a_run(str(i)) for i in range(10)), a_run("sgd", opt="sgd"), replace(a_run("x"), model="unplanned"))
    covered = coverage(plan, runs)
    assert covered.missing == [
        ("emoji", "test_vit", "adamw", False, "", 0, "all"),
        ("emoji", "test_vit", "sgd", False, "", 0, "all"),
    ]
    assert covered.incomplete == [("digits", "test_vit", "sgd", False, "", 0, "all")]
    lines = table(covered, {"digits": "digits", "emoji": "emoji"}).splitlines()
    assert lines[-2].split() == ["digits", "10", "1/1", "1", "1/1"]
    assert lines[-1].split() == ["emoji", "0", "0/1", "0", "0/1"]
