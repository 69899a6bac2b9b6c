import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.learn.curves import COLUMNS, Curve, curve_of, least_loss
from advisor.records.schema import Epoch, Pretraining, Run, Source

RUN = Run(
    run_id="a-run", source=Source.API, epochs=10, n_classes=4, n_train=1_000, n_eval=200, batch_size=50, lr=1e-3,
    opt="adamw", warmup_epochs=1.0, sched="cosine", num_params=1_000_000, pretrained=True,
)  # fmt: skip

numbers = st.one_of(st.none(), st.floats(), st.floats(0, 100))
unknown = st.one_of(st.none(), st.integers(0, 10**9))


def epochs_of(*top1, first=0, **series):
    return [
        Epoch(run_id="a-run", epoch=first + i, eval_top1=value, **{name: values[i] for name, values in series.items()})
        for i, value in enumerate(top1)
    ]


def features_of(curve):
    return dict(zip(COLUMNS, curve.features(), strict=True))


def test_accuracies_count_from_chance_and_losses_from_the_least():
    least, chance = least_loss(4, 0.1), math.log(4)
    losses = [chance, (least + chance) / 2]
    found = features_of(
        Curve(planned=10, top1=np.array([25.0, 62.5]), train_loss=np.array(losses), n_classes=4, label_smoothing=0.1)
    )
    assert (found["first"], found["last"], found["slope"]) == (0, 0.5, 0.5)
    assert (found["loss_first"], found["loss"]) == (pytest.approx(1), pytest.approx(0.5))
    assert found["share_done"] == 0.2


def test_an_epoch_without_evaluation_is_bridged():
    found = features_of(Curve(planned=10, top1=np.array([20.0, np.nan, 40.0, np.nan])))
    assert (found["last"], found["epochs_since_last"]) == (0.4, 1)
    assert found["slope"] == pytest.approx(0.1)  # an epoch, not an evaluation


def test_the_learning_rate_left_follows_the_schedule():
    def left(done, **schedule):
        return features_of(Curve(planned=10, top1=np.full(done, 50.0), **schedule))

    cosine, constant = left(5), left(5, sched="none")
    assert cosine["lr_left"] < constant["lr_left"] == pytest.approx(0.5)
    assert cosine["lr_now"] == pytest.approx(0.5)
    assert left(5, lr=1.0, min_lr=0.5)["lr_now"] == pytest.approx(0.75)
    assert left(2, warmup_epochs=4.0)["lr_now"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("schedule", "comes_down"),
    [
        ({}, True),
        ({"sched": "cosine", "warmup_epochs": 5.0}, True),
        ({"sched": "cosine", "warmup_epochs": 10.0}, False),  # it only rises
        ({"sched": "none"}, False),
        ({"sched": "step"}, False),
    ],
)
def test_only_a_cosine_after_its_warm_up_is_as_recorded(schedule, comes_down):
    assert Curve(planned=10, top1=np.array([50.0]), **schedule).comes_down is comes_down


def test_what_mixed_images_leave_of_a_loss_is_unknown():
    loss = np.array([1.0])
    assert math.isnan(features_of(Curve(planned=9, top1=loss, train_loss=loss, n_classes=4, mixed=True))["loss"])


def test_a_recorded_run_is_a_curve():
    curve = curve_of(RUN, epochs_of(30.0, math.inf, None, 50.0, train_loss=[2.0, math.nan, None, 1.0]))
    assert curve is not None
    assert curve.done == 4
    np.testing.assert_array_equal(curve.top1, [30, np.nan, np.nan, 50])
    np.testing.assert_array_equal(curve.train_loss, [2, np.nan, np.nan, 1])
    assert (curve.planned, curve.start, curve.last) == (10, Pretraining.IMAGENET, 50)


@pytest.mark.parametrize(("first", "done"), [(0, 2), (1, 2), (5, 7)], ids=["from 0", "from 1", "resumed"])
def test_epochs_count_from_the_first_that_was_trained(first, done):
    curve = curve_of(RUN, epochs_of(30.0, 50.0, first=first))
    assert curve is not None
    assert curve.done == done
    assert list(curve.top1[-2:]) == [30, 50]


@pytest.mark.parametrize(("fields", "epochs"), [({"epochs": None}, [1.0]), ({}, []), ({"epochs": 2}, [1.0, 2.0, 3.0])])
def test_what_is_no_part_of_a_plan_is_no_curve(fields, epochs):
    assert curve_of(Run(**{**vars(RUN), **fields}), epochs_of(*epochs)) is None


@given(
    st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=12),
    st.integers(1, 400),
    st.fixed_dictionaries(
        {
            "n_classes": unknown,
            "n_train": unknown,
            "n_eval": unknown,
            "batch_size": unknown,
            "num_params": unknown,
            "lr": st.one_of(st.none(), st.floats(0, 10)),
            "min_lr": st.one_of(st.none(), st.floats(0, 10)),
            "warmup_epochs": st.one_of(st.none(), st.floats(0, 100)),
            "label_smoothing": st.one_of(st.none(), st.floats(0, 0.9)),
            "opt": st.sampled_from([None, "", "SGD", "adamw", "made-up"]),
            "sched": st.sampled_from([None, "", "cosine", "step", "none", "made-up"]),
        }
    ),
)
def test_any_record_gives_features(metrics, planned, fields):
    run = Run(**{**vars(RUN), **fields, "epochs": planned})
    top1, train_loss, eval_loss = zip(*metrics, strict=True)
    curve = curve_of(run, epochs_of(*top1, train_loss=train_loss, eval_loss=eval_loss))
    assert (curve is None) == (len(metrics) > planned)
    if curve is not None:
        assert len(curve.features()) == len(COLUMNS)


def test_least_loss_is_what_the_smoothed_labels_allow():
    assert least_loss(10, 0.0) == 0
    right, wrong = 0.91, 0.01
    assert least_loss(10, 0.1) == pytest.approx(-(right * math.log(right) + 9 * wrong * math.log(wrong)))
