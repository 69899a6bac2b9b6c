"""What misleads about a timm training: how it ends, where its metrics come from, which model is its own."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from advisor.records.schema import Status

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning:timm")  # timm leaves image files to be collected
CURRENT = "train_current.py"


def test_moving_average_hides_the_raw_model_in_summary_csv(record):
    recorded = record(CURRENT, "--model-ema", "--model-ema-decay", "0.5", "--lr", "0.03")
    summary = Path("out/run/summary.csv").read_text().splitlines()
    column = summary[0].split(",").index("eval_top1")
    assert [float(line.split(",")[column]) for line in summary[1:]] == [e.ema_eval_top1 for e in recorded.epochs]
    assert [e.eval_top1 for e in recorded.epochs] == [e["eval_top1"] for e in recorded.truth["epochs"]]
    assert recorded.run.final_metric == recorded.truth["epochs"][-1]["eval_top1"]
    evaluating = recorded.run.extra["eval_seconds"], recorded.run.extra["ema_eval_seconds"]
    assert all(0 < seconds < recorded.run.train_seconds for seconds in evaluating)
    assert sum(evaluating) < recorded.run.train_seconds


def test_without_an_average_all_evaluation_is_the_models(record):
    extra = record(CURRENT, "--epochs", "1").run.extra
    assert extra["eval_seconds"] > 0
    assert "ema_eval_seconds" not in extra


@pytest.mark.parametrize(("opt", "lr"), [("sgd", 0.1 * 64 / 256), ("adamw", 0.1 * (64 / 256) ** 0.5)])
def test_learning_rate_follows_from_lr_base_and_global_batch_size(record, opt, lr):
    arguments = ["--opt", opt, "--lr", "0", "--lr-base", "0.1", "--grad-accum-steps", "4", "--epochs", "1"]
    recorded = record(CURRENT, *arguments)
    assert "lr: 0.0" in Path("out/run/args.yaml").read_text()
    assert recorded.run.lr == pytest.approx(lr)
    assert recorded.run.batch_size == 64
    assert recorded.run.grad_accum_steps == 4
    assert recorded.differences() == {}


def test_peak_is_not_the_warmup_rate_that_is_logged_first(record):
    recorded = record(CURRENT, "--epochs", "1", "--warmup-epochs", "5", "--warmup-lr", "1e-5")
    assert recorded.epochs[0].lr == 1e-5
    assert recorded.run.lr == 0.003


def test_mixup_and_its_label_smoothing(record):
    recorded = record(CURRENT, "--mixup", "0.2", "--cutmix", "1.0", "--smoothing", "0.05", "--aa", "rand-m9-mstd0.5")
    assert recorded.differences() == {}
    assert recorded.run.augment == "rand-m9-mstd0.5"


def test_weight_decay_is_what_was_asked_for_not_that_of_biases(record):
    recorded = record("train_v1.py", "--weight-decay", "0.3", "--epochs", "1")
    assert recorded.run.weight_decay == 0.3


def test_teacher_is_not_the_model(record):
    recorded = record(CURRENT, "--kd-model-name", "test_efficientnet", "--epochs", "1", "--smoothing", "0")
    assert recorded.error is None
    assert recorded.differences() == {}


def test_ctrl_c_that_the_script_swallows(record):
    recorded = record(CURRENT, "--fault", "interrupt@1", "--epochs", "3")
    assert recorded.error is None
    assert recorded.run.status is Status.INTERRUPTED
    assert [epoch.epoch for epoch in recorded.epochs] == [0]
    assert recorded.run.epochs == 3


def test_error_ends_a_run_with_its_last_line(record):
    recorded = record(CURRENT, "--fault", "error@1")
    assert str(recorded.error) == "the loader lost its connection"
    assert recorded.run.status is Status.FAILED
    assert recorded.run.error == "RuntimeError: the loader lost its connection"
    assert recorded.run.out_of_memory is False
    assert recorded.run.epochs_done == 1


def test_exit_status_of_the_script_is_a_failure(record):
    recorded = record(CURRENT, "--fault", "exit@0")
    assert recorded.run.status is Status.FAILED
    assert recorded.run.error == "SystemExit: 7"


def test_out_of_memory(record):
    recorded = record(CURRENT, "--fault", "memory@0")
    assert recorded.run.status is Status.FAILED
    assert recorded.run.out_of_memory is True
    assert recorded.run.epochs_done == 0


def test_failure_before_the_first_epoch_leaves_a_run(record):
    recorded = record(CURRENT, "--model", "no_such_model")
    assert recorded.run.status is Status.FAILED
    assert recorded.run.model == "no_such_model"
    assert recorded.run.epochs_done == 0


def test_loss_that_is_not_a_number_does_not_stop_training(record):
    recorded = record(CURRENT, "--fault", "nan@0", "--eval-metric", "loss")
    assert recorded.error is None
    assert recorded.run.status is Status.DIVERGED
    assert all(epoch.train_loss is None or math.isnan(epoch.train_loss) for epoch in recorded.epochs)
    assert len(recorded.epochs) == 2


def test_epochs_without_evaluation(record):
    recorded = record(CURRENT, "--val-interval", "2", "--epochs", "3")
    assert len(Path("out/run/summary.csv").read_text().splitlines()) == 3
    assert recorded.differences() == {}
    assert [epoch.eval_top1 is None for epoch in recorded.epochs] == [True, False, False]
    assert recorded.run.status is Status.FINISHED


def test_training_without_an_evaluation_split(record):
    recorded = record(CURRENT, "--val-split", "")
    assert recorded.differences() == {}
    assert recorded.run.metric == "train_loss"
    assert recorded.run.metric_higher_is_better is False
    assert recorded.run.best_metric == min(epoch.train_loss for epoch in recorded.epochs)


def test_cooldown_is_trained_too(record):
    recorded = record("train_v06.py", "--epochs", "1", "--warmup-epochs", "0", "--cooldown-epochs", "2")
    assert recorded.run.epochs == 3 == len(recorded.epochs)
    assert recorded.differences() == {}


def test_schedule_by_updates_and_no_schedule(record):
    assert record(CURRENT, "--sched-on-updates").differences() == {}
    assert record(CURRENT, "--sched", "none", "--warmup-epochs", "0", "--epochs", "1").run.sched == "none"


@pytest.mark.filterwarnings("ignore:.*plateau.*")
def test_plateau_schedule(record):
    recorded = record("train_v1.py", "--sched", "plateau", "--warmup-epochs", "0")
    assert recorded.differences() == {}


@pytest.mark.parametrize("script", [CURRENT, "train_v1.py"])
def test_resumed_run_is_joined_to_what_it_resumes(record, script):
    first = record(script, "--fault", "interrupt@1", "--epochs", "3")
    second = record(script, "--resume", "out/run/last.pth.tar", "--epochs", "3")
    assert second.differences() == {"epochs_done": (2, 3)}  # with those it builds on
    assert [epoch.epoch for epoch in second.epochs] == [1, 2]
    assert second.run.status is Status.FINISHED
    assert second.run.resumed_from == first.run.run_id


def test_secrets_stay_out(record):
    recorded = record(CURRENT, "--epochs", "1", "--wandb-api-key", "0123456789abcdef")
    assert "0123456789abcdef" not in repr(recorded.run)
