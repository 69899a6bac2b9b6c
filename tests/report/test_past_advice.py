"""Which runs followed advice, and how it did."""

from dataclasses import replace
from datetime import timedelta

import pytest

from advisor.records.schema import Status
from advisor.report.past_advice import account


@pytest.fixture
def suggestion(explanation):
    return explanation.suggestion


def test_a_run_that_names_the_advice_followed_it(run_of, advice, suggestion):
    run = run_of("r", suggestion, suggestion_id=suggestion.suggestion_id)
    (one,) = account([run], [advice(suggestion)]).followed
    assert one.named
    assert one.expected == suggestion.best.expected
    assert one.actual == 80.0
    assert one.inside == (one.expected.low <= 80 <= one.expected.high)


def test_the_same_values_after_the_advice_followed_it_too(run_of, advice, suggestion):
    (one,) = account([run_of("r", suggestion)], [advice(suggestion)]).followed
    assert not one.named


def test_a_further_suggestion_counts_with_its_own_expectation(run_of, advice, suggestion):
    other = suggestion.suggestions[1]
    run = run_of("r", suggestion, **other.configuration.as_dict())
    (one,) = account([run], [advice(suggestion)]).followed
    assert one.expected == other.expected


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.1234},
        {"dataset_id": "another"},
        {"model": "resnet50"},
        {"opt": "sgd"},
        {"pretrained": True},
        {"suggestion_id": "another advice"},
        {"status": Status.RUNNING},
        {"status": Status.INTERRUPTED},
        {"final_metric": None},
        {"metric": "eval_loss"},
    ],
)
def test_what_differs_did_not_follow(run_of, advice, suggestion, change):
    assert account([run_of("r", suggestion, **change)], [advice(suggestion)]).followed == ()


def test_what_began_before_the_advice_did_not_follow(advice, run_of, suggestion):
    stored = advice(suggestion)
    run = run_of("r", suggestion, started_at=stored.created_at - timedelta(minutes=1))
    assert account([run], [stored]).followed == ()


def test_a_run_that_names_advice_and_changed_it_did_not_follow(run_of, advice, suggestion):
    run = run_of("r", suggestion, suggestion_id=suggestion.suggestion_id, lr=0.1234)
    assert account([run], [advice(suggestion)]).followed == ()


def test_a_diverged_run_reached_chance(run_of, advice, suggestion):
    run = run_of("r", suggestion, status=Status.DIVERGED, final_metric=None)
    (one,) = account([run], [advice(suggestion)]).followed
    assert one.actual == pytest.approx(100 / suggestion.dataset.n_classes)


def test_the_sentence_counts(run_of, advice, suggestion):
    top1 = suggestion.best.expected.top1
    runs = [run_of(f"r{i}", suggestion, final_metric=top1 + i) for i in (1, 3)]
    words = account(runs, [advice(suggestion)]).words
    assert words.startswith("2 runs followed advice")
    assert "2.0 points above" in words
    assert "No finished run" in account([], []).words


def test_advice_that_cannot_be_read_is_passed_over(advice, run_of, suggestion):
    unreadable = replace(advice(suggestion), suggestion={"schema": "advisor.suggestion/9"})
    assert account([run_of("r", suggestion)], [unreadable]).followed == ()
