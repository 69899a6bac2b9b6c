"""What a tuning has learned, of trials that the store holds."""

from dataclasses import replace

import pytest

from advisor.records.schema import Epoch, Run, Source, Status
from advisor.space.configuration import Configuration
from advisor.tuning.clock import Budget
from advisor.tuning.opening import open_tuning
from advisor.tuning.report import next_hour_in_words, report_of, to_text
from advisor.tuning.trials import Trial


@pytest.fixture
def opened(script, words, tmp_path):
    return open_tuning(script, words, tmp_path / "tuning", print)


@pytest.fixture
def plan(opened):
    """Three trials: one that ended well, one that waits, one that failed."""
    session = opened.session
    for number, (lr, scores, status) in enumerate(
        [
            (0.003, [50, 60, 70, 75, 78], Status.FINISHED),
            (0.0001, [30, 31], Status.INTERRUPTED),
            (0.01, [], Status.FAILED),
        ]
    ):
        configuration = Configuration(lr, 16, 5, 0.0, 0.05)
        error = "it hung" if status is Status.FAILED else None
        trial = Trial(number, configuration, seconds=9.0, error=error, notes=("it hung",) if error else ())
        session.save(trial)
        if scores:
            run = Run(
                run_id=f"run{number}", source=Source.API, status=status, name=session.run_name(trial), epochs=5,
                n_classes=3, n_train=90, lr=lr, opt="adamw", batch_size=16, epochs_done=len(scores),
            )  # fmt: skip
            epochs = [
                Epoch(run_id=run.run_id, epoch=i, eval_top1=float(top1), train_loss=1.0, seconds=2.0)
                for i, top1 in enumerate(scores)
            ]
            opened.store.add_runs([run], epochs)
    return opened.plan(Budget())


def test_it_says_what_every_trial_came_to(opened, plan):
    report = report_of(opened, plan, "the budget is spent")
    assert [trial["status"] for trial in report["trials"]] == ["ended", "waits", "failed"]
    assert report["best"]["name"] == "trial-000"
    assert report["best"]["args"].endswith("--lr 0.003 --drop 0 --weight-decay 0.05")
    assert report["trials"][1]["curve"] == [30.0, 31.0]
    assert report["trials"][1]["expected"] < 78
    assert report["epochs"] == 7


def test_it_shows_the_posterior_over_the_learning_rate(opened, plan):
    rates = report_of(opened, plan)["lr"]
    assert [one["lr"] for one in rates] == sorted(one["lr"] for one in rates)
    best = max(rates, key=lambda one: one["top1"])
    assert best["lr"] > 0.0005


def test_it_says_what_the_next_hour_would_likely_buy(opened, plan):
    hour = report_of(opened, plan)["next_hour"]
    assert hour["trials"] == 360
    assert 0 <= hour["gain_of_the_best"] <= hour["gain_at_most"]


def test_what_comes_before_the_first_epoch_counts_in_the_next_hour(opened, plan):
    for trial in list(plan.trials):
        plan.keep(replace(trial, starting=8.0))
    assert report_of(opened, plan)["next_hour"]["trials"] == 200


def test_people_are_told_the_same(opened, plan):
    text = to_text(report_of(opened, plan, "the budget is spent"))
    assert "Best: trial-000, 78.0 % after 5 epochs, with" in text
    assert "failed; it hung" in text
    assert "Another hour holds about 360 such trainings" in text
    assert text.endswith("Ended: the budget is spent.")


def test_before_any_epoch_there_is_little_to_say(opened):
    assert to_text(report_of(opened, opened.plan(Budget()))).endswith("No trial has trained an epoch yet.")


def test_why_it_ended_is_said_without_any_epoch_too(opened):
    text = to_text(report_of(opened, opened.plan(Budget()), "the budget is spent"))
    assert text.endswith("No trial has trained an epoch yet.\nEnded: the budget is spent.")


def test_a_training_may_take_longer_than_an_hour():
    hour = {"trials": 0, "gain_of_the_best": 0.25, "gain_at_most": 0.0}
    told = next_hour_in_words(hour)
    assert told == ("Such a training takes more than an hour; the most promising one is expected to gain 0.25 points.")
    assert "about 1 such training;" in next_hour_in_words({**hour, "trials": 1})
