import math
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from advisor.advise.diagnose.outlook import (
    COME_APART,
    COMING_APART,
    HOPELESS,
    ON_COURSE,
    Goal,
    goal_of,
    outlook_of,
)
from advisor.learn.curve_model import shipped_curve_model
from advisor.records.schema import Epoch, Run, Source, Status, StoredSuggestion

RUN = Run(
    run_id="run", source=Source.API, dataset_id="images", model="resnet18.a1_in1k", pretrained=True, n_classes=10,
    n_eval=1_000, n_train=5_000, epochs=10, warmup_epochs=1.0, sched="cosine", lr=1e-3, opt="adamw", batch_size=64,
)  # fmt: skip
DONE = replace(RUN, run_id="done", name="best-so-far", status=Status.FINISHED, metric="eval_top1", final_metric=90.0)


@pytest.fixture(scope="module")
def model():
    return shipped_curve_model()


@pytest.fixture
def look(model):
    """Return the outlook of a run with these accuracies, and losses that are as given or fall."""

    def outlook(*top1, run=RUN, goal=None, losses=None, eval_losses=None, first=0):
        losses = losses or [2.0 / (i + 1) for i in range(len(top1))]
        epochs = [
            Epoch(
                run_id="run", epoch=first + i, eval_top1=score, train_loss=loss,
                eval_loss=eval_losses[i] if eval_losses else None,
            )
            for i, (score, loss) in enumerate(zip(top1, losses, strict=True))
        ]  # fmt: skip
        return outlook_of(run, epochs, model, goal)

    return outlook


def names(outlook):
    return [alarm.name for alarm in outlook.alarms]


def test_a_run_that_goes_well_has_an_expectation_and_no_alarm(look):
    found = look(50.0, 70.0, 78.0)
    assert found.verdict == ON_COURSE
    assert (found.done, found.top1, found.notes) == (3, 78.0, ())
    assert 70 < found.expected.low < found.expected.top1 < found.expected.high <= 100
    assert found.expected.level == 0.8


@pytest.mark.parametrize("loss", [math.nan, math.inf, None], ids=["nan", "inf", "as the store has it"])
def test_a_loss_that_is_no_number_is_told_at_once(look, loss):
    found = look(50.0, 10.0, losses=[1.5, loss])
    assert names(found) == [COME_APART]
    assert "the loss of epoch 1 is not a number" in found.alarms[0].meaning
    assert found.expected is None


def test_so_is_the_very_first(look):
    assert look(10.0, losses=[math.nan]).verdict == COME_APART


def test_a_batch_that_overflowed_is_no_end(look):
    found = look(50.0, 70.0, losses=[1.5, math.nan])
    assert names(found) == [COMING_APART]
    assert "70.0 % is still there" in found.alarms[0].meaning
    assert found.expected is not None


def test_a_loss_that_rose_to_guessing_is_an_alarm(look):
    assert look(40.0, 10.0, losses=[1.5, 9.0]).alarms[0].name == COMING_APART


def test_a_loss_that_begins_high_and_falls_is_none(look):
    assert COMING_APART not in names(look(10.0, 10.0, losses=[9.0, 6.0]))


def test_a_diverged_run_ended_so(look):
    found = look(40.0, 10.0, run=replace(RUN, status=Status.DIVERGED, epochs_done=2))
    assert (found.verdict, found.expected) == (COME_APART, None)


def test_a_run_that_learns_nothing_cannot_become_good(look):
    found = look(*[10.0, 10.1, 9.9, 10.0, 10.2, 10.0], losses=[2.31, 2.3, 2.3, 2.3, 2.3, 2.3])
    assert found.verdict == HOPELESS
    assert "a tenth of the way up from chance, 10.0 %" in found.alarms[0].meaning


def test_what_is_good_decides_what_is_hopeless(look):
    scores = (50.0, 60.0, 64.0, 66.0, 68.0)
    assert look(*scores).verdict == ON_COURSE
    assert look(*scores, goal=Goal(75.0, "wished")).verdict == ON_COURSE
    assert look(*scores, goal=Goal(99.0, "wished")).verdict == HOPELESS


def test_the_best_own_run_like_it_is_good():
    worse = replace(DONE, run_id="worse", name="worse", final_metric=80.0)
    assert goal_of(RUN, [worse, DONE]) == Goal(90.0, "which your run best-so-far reached")


@pytest.mark.parametrize(
    "fields",
    [
        {"run_id": "run"},
        {"status": Status.INTERRUPTED},
        {"dataset_id": "others"},
        {"model": "resnet50"},
        {"pretrained": False},
        {"n_classes": 9},
        {"n_eval": 50},
        {"metric": "eval_loss"},
        {"final_metric": None},
        {"final_metric": math.nan},
        {"extra": {"scored_on_training_images": True}},
    ],
    ids=str,
)
def test_other_runs_do_not_count(fields):
    assert goal_of(RUN, [replace(DONE, **fields)]) is None


def test_before_they_are_described_images_are_known_by_their_folder():
    here, there = ({"dataset_root": folder} for folder in ("/here", "/there"))
    run = replace(RUN, dataset_id=None, extra=here)
    assert goal_of(run, [replace(DONE, extra=there)]) is None
    assert goal_of(run, [replace(DONE, extra=here)]) is not None
    assert goal_of(replace(run, extra={}), [replace(DONE, dataset_id=None)]) is None


def advice(**expected):
    return StoredSuggestion(
        suggestion_id="s", created_at=datetime.now(timezone.utc), dataset_id="images", model="resnet18",
        suggestion={"suggestions": [{"expected": expected}]},
    )  # fmt: skip


def test_without_own_runs_good_is_what_the_advice_expects():
    assert goal_of(RUN, [], advice(top1=85.0, low=80.0, high=90.0)) == Goal(
        80.0, "the least that the advice it follows expects"
    )
    assert goal_of(RUN, [DONE], advice(low=80.0)).top1 == 90
    assert goal_of(RUN, [], advice()) is None
    assert goal_of(RUN, [], advice(low=None)) is None


@pytest.mark.parametrize(
    ("run", "scores", "reason"),
    [
        (RUN, [], "no epoch has ended yet"),
        (replace(RUN, epochs=None), [50.0], "how many epochs are planned"),
        (RUN, [None], "no top-1 accuracy"),
        (replace(RUN, epochs=1), [50.0, 60.0], "beyond the 1"),
    ],
    ids=["no epoch", "no plan", "no accuracy", "past the plan"],
)
def test_why_nothing_can_be_said_is_said(look, run, scores, reason):
    found = look(*scores, run=run)
    assert found.expected is None
    assert reason in found.notes[0]


def test_what_the_forecast_takes_for_granted_is_said(look):
    assert "up to 40 epochs" in look(50.0, run=replace(RUN, epochs=300)).notes[0]
    assert "does not" in look(50.0, run=replace(RUN, sched="step")).notes[0]
    assert "does not" in look(50.0, run=replace(RUN, epochs=4, warmup_epochs=5.0)).notes[0]


@pytest.mark.parametrize("status", [Status.FINISHED, Status.FAILED, Status.STALE])
def test_a_run_that_has_ended_has_no_expectation(look, status):
    found = look(50.0, 60.0, run=replace(RUN, status=status, epochs_done=2, final_metric=60.0))
    assert (found.verdict, found.top1, found.expected, found.alarms) == (status.value.lower(), 60.0, None, ())
