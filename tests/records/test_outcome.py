"""What is said of a run follows from its epochs and from how it ended."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.records.outcome import ended_by, epochs_done, is_out_of_memory, outcome
from advisor.records.schema import Status

NAN, INF = float("nan"), float("inf")


def curve(*values, metric="eval_top1", first=0):
    return [{"epoch": first + i, metric: value} for i, value in enumerate(values)]


def losses(*values, scores=None):
    scores = scores or [None] * len(values)
    return [
        {"epoch": i, "train_loss": loss, "eval_top1": score}
        for i, (loss, score) in enumerate(zip(values, scores, strict=True))
    ]


@pytest.mark.parametrize(
    ("planned", "epochs", "ended", "status"),
    [
        (3, curve(1.0, 2.0, 3.0), None, Status.FINISHED),
        (None, curve(1.0), None, Status.FINISHED),
        (4, curve(1.0, 2.0, 3.0), None, Status.INTERRUPTED),
        (3, [], None, Status.INTERRUPTED),
        (None, [], None, Status.INTERRUPTED),
        (3, curve(1.0, 2.0, 3.0), Status.FAILED, Status.FAILED),
        (3, curve(1.0), Status.STALE, Status.STALE),
        (2, curve(1.0, 2.0, 3.0), None, Status.FINISHED),  # cooldown epochs come on top
        (3, losses(1.0, 2.0, NAN), None, Status.DIVERGED),
        (9, losses(1.0, INF), Status.INTERRUPTED, Status.DIVERGED),
        (3, losses(1.0, NAN, 0.5), None, Status.FINISHED),  # it came back
    ],
)
def test_status(planned, epochs, ended, status):
    assert outcome({"epochs": planned}, epochs, ended)["status"] is status


@pytest.mark.parametrize(
    ("epochs", "run", "diverged"),
    [
        # at chance after the loss rose by more than half
        (losses(2.3, 2.0, 3.5, scores=[20.0, 30.0, 10.0]), {"n_classes": 10}, True),
        (losses(2.3, 9.0, 2.3, scores=[10.0, 10.0, 10.0]), {"n_classes": 10}, True),
        # at chance with a steady loss: it learned nothing, that is a result
        (losses(2.3, 2.3, 2.3, scores=[10.0, 10.0, 10.0]), {"n_classes": 10}, False),
        # a rising loss with a good score is overfitting
        (losses(0.1, 0.5, 0.9, scores=[80.0, 85.0, 86.0]), {"n_classes": 10}, False),
        # without the number of classes chance is unknown
        (losses(2.3, 2.0, 3.5, scores=[20.0, 30.0, 10.0]), {}, False),
        (losses(2.3, 2.0, 3.5, scores=[20.0, 30.0, 10.0]), {"n_classes": 1}, False),
        # 11.5 is two standard errors above the chance of 10 with 10,000 images, within them with 100
        (losses(2.3, 2.0, 3.5, scores=[20.0, 30.0, 11.5]), {"n_classes": 10, "n_eval": 10_000}, False),
        (losses(2.3, 2.0, 3.5, scores=[20.0, 30.0, 11.5]), {"n_classes": 10, "n_eval": 100}, True),
        (losses(2.3, 2.0, 3.5, scores=[20.0, 30.0, NAN]), {"n_classes": 10}, True),
        # pretrained weights under a new classifier begin high and fall slowly at a low learning rate
        (losses(6.9, 5.8, 4.5, scores=[10.0, 10.0, 10.0]), {"n_classes": 10, "pretrained": True}, False),
        (losses(6.9, 5.8, 4.5, scores=[10.0, 10.0, 10.0]), {"n_classes": 10}, True),
        (losses(5.0, 11.9, 4.0, 3.9, scores=[10.0, 10.0, 10.0, 10.0]), {"n_classes": 10, "pretrained": True}, True),
        (losses(5.0, 4.5, 5.1, scores=[10.0, 10.0, 10.0]), {"n_classes": 10, "pretrained": True}, False),
    ],
)
def test_divergence(epochs, run, diverged):
    assert (outcome(run, epochs)["status"] is Status.DIVERGED) is diverged


def test_best_is_the_first_of_equals_and_never_the_moving_average():
    epochs = curve(1.0, 5.0, 5.0, 4.0)
    for epoch in epochs:
        epoch["ema_eval_top1"] = 99.0
    assert outcome({"epochs": 4}, epochs) == {
        "status": Status.FINISHED,
        "epochs_done": 4,
        "metric": "eval_top1",
        "metric_higher_is_better": True,
        "best_metric": 5.0,
        "best_epoch": 1,
        "final_metric": 4.0,
    }


def test_a_run_that_selects_by_its_loss():
    found = outcome({"metric": "eval_loss"}, curve(3.0, 1.0, 2.0, metric="eval_loss"))
    assert (found["best_metric"], found["best_epoch"], found["final_metric"]) == (1.0, 1, 2.0)
    assert found["metric_higher_is_better"] is False


def test_a_metric_that_no_epoch_has_says_nothing():
    assert outcome({"metric": "f1"}, curve(1.0, metric="eval_loss")).keys() == {"status", "epochs_done"}


def test_accuracy_that_is_not_a_number_is_never_the_best():
    found = outcome({}, curve(NAN, 3.0, NAN))
    assert (found["best_metric"], found["best_epoch"]) == (3.0, 1)
    assert math.isnan(found["final_metric"])
    assert outcome({}, curve(NAN))["best_metric"] is None


@pytest.mark.parametrize(
    ("run", "epochs", "done"),
    [
        ({}, [], 0),
        ({}, curve(1.0, 1.0), 2),
        ({}, curve(1.0, 1.0, first=1), 2),
        ({"resumed_from": "x"}, curve(1.0, first=1), 2),
        ({"extra": {"resume": "last.pth.tar"}}, curve(1.0, first=1), 2),
        ({}, curve(1.0, 1.0, first=5), 7),
        ({}, [{"epoch": 0}, {"epoch": 9}], 10),  # evaluated now and then
    ],
)
def test_epochs_done(run, epochs, done):
    assert epochs_done(run, epochs) == done


class Unshowable(Exception):
    def __str__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (None, None, None),
        (SystemExit(0), None, None),
        (SystemExit(None), None, None),
        (SystemExit(2), Status.FAILED, "SystemExit: 2"),
        (SystemExit("no data"), Status.FAILED, "SystemExit: no data"),
        (KeyboardInterrupt(), Status.INTERRUPTED, "KeyboardInterrupt"),
        (ValueError("two\n  lines"), Status.FAILED, "ValueError: two lines"),
        ("said so", Status.FAILED, "said so"),
        (Unshowable(), Status.FAILED, "Unshowable: (its message cannot be shown)"),
    ],
)
def test_what_an_exception_means(error, status, message):
    assert ended_by(error) == (status, message)


def test_long_messages_are_cut():
    assert len(ended_by(ValueError("x" * 10_000))[1]) == 503


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", True),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", True),
        ("MemoryError", True),
        ("ValueError: memory layout", False),
    ],
)
def test_memory_that_ran_out(message, expected):
    assert is_out_of_memory(message) is expected


metrics = st.floats() | st.none()


@given(
    st.lists(st.fixed_dictionaries({"train_loss": metrics, "eval_loss": metrics, "eval_top1": metrics}), max_size=8),
    st.fixed_dictionaries(
        {"epochs": st.none() | st.integers(0, 9), "n_classes": st.none() | st.integers(0, 100)},
        optional={"n_eval": st.none() | st.integers(0, 1000), "metric": st.sampled_from(["eval_top1", "eval_loss"])},
    ),
    st.sampled_from([None, Status.FAILED, Status.INTERRUPTED, Status.STALE]),
)
def test_any_epochs_have_an_outcome(rows, run, ended):
    epochs = [{"epoch": i, **row} for i, row in enumerate(rows)]
    found = outcome(run, epochs, ended)
    assert found["status"] in (Status.FINISHED, Status.INTERRUPTED, Status.DIVERGED, ended)
    assert found["epochs_done"] == len(rows)
    best = found.get("best_metric")
    if best is not None:
        scored = [epoch[found["metric"]] for epoch in epochs if epoch[found["metric"]] is not None]
        finite = [score for score in scored if math.isfinite(score)]
        assert best == (max if found["metric_higher_is_better"] else min)(finite)
        assert epochs[found["best_epoch"]][found["metric"]] == best
