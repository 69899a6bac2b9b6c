"""Names of metrics are read by their words, in one place for every importer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_timm.epochs import known_metrics
from advisor_timm.metric_names import MetricName, columns, is_evaluation, is_plain, read_name


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("eval_top1", "eval_top1"),
        ("eval_prec1", "eval_top1"),  # timm before April 2020
        ("eval_prec5", "eval_top5"),
        ("test_acc1", "eval_top1"),
        ("test_acc1_ema", "ema_eval_top1"),
        ("ema_test_acc1", "ema_eval_top1"),
        ("val/acc@1", "eval_top1"),
        ("Val Acc@5", "eval_top5"),
        ("valid_accuracy", "eval_top1"),
        ("validation.accuracy", "eval_top1"),
        ("valAcc", "eval_top1"),
        ("VAL_ACC", "eval_top1"),
        ("val_top_1_accuracy", "eval_top1"),
        ("metrics/val_accuracy_top5", "eval_top5"),
        ("val_sparse_categorical_accuracy", "eval_top1"),
        ("val_MulticlassAccuracy", "eval_top1"),
        ("val_loss_epoch", "eval_loss"),
        ("Train Loss", "train_loss"),
        ("loss", "train_loss"),
        ("training_accuracy", "train_top1"),
        ("learning_rate", "lr"),
        ("lr-AdamW/pg1", "lr"),
        ("train_lr", "lr"),
    ],
)
def test_a_name_says_what_it_measures(name: str, field: str) -> None:
    assert columns([name]) == {field: name}


@pytest.mark.parametrize(
    "name",
    ["eval_f1", "val_precision", "val_prec", "best_val_acc", "val_balanced_accuracy", "test_mAP", "val_top10", "epoch",
     "train_loss_step", "train/val_acc", "accuracy", "acc1", "val_lr", "global_step", "", "val", "损失"],
)  # fmt: skip
def test_a_name_with_another_word_is_none(name: str) -> None:
    assert columns([name]) == {}


def test_of_several_names_the_validation_split_and_top_1_go_first() -> None:
    assert columns(["test_top1", "val_accuracy", "val_acc1", "test_acc"])["eval_top1"] == "val_acc1"
    assert columns(["test_accuracy", "val_acc"])["eval_top1"] == "val_acc"
    keras = columns(["accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"])
    assert keras == {
        "eval_top1": "val_accuracy", "eval_loss": "val_loss", "lr": "learning_rate", "train_top1": "accuracy",
        "train_loss": "loss",
    }  # fmt: skip


def test_a_plain_accuracy_is_told_from_a_top_1() -> None:
    assert is_plain(["val_acc"])
    assert not is_plain(["val_acc1", "val_acc"])
    assert not is_plain(["val_loss"])
    assert is_evaluation("val_f1")
    assert not is_evaluation("train_f1")


@given(st.text())
def test_any_text_is_read_or_is_none(name: str) -> None:
    assert isinstance(read_name(name), MetricName | None)


def test_what_a_scripts_function_returns_is_read_by_the_same_names() -> None:
    assert known_metrics({"loss": 1, "prec1": 50, "prec5": 90}) == {"loss": 1.0, "top1": 50.0, "top5": 90.0}
    assert known_metrics({"acc1": 50, "accuracy": 0.5, "lr": 0.1, 3: 4}) == {"top1": 50.0}
    assert known_metrics(None) == {}
