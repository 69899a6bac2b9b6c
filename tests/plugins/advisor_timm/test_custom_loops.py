"""Loops without timm's summary and saver are followed by their evaluations and scheduler steps."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning:timm")
LOOP = "loop_by_hand.py"


@pytest.mark.parametrize(
    "options",
    [
        "--order timm",
        "--order deit",
        "--order none",
        "--order timm --train-accuracy --torch-optimizer",
        "--order deit --train-accuracy",
        "--order none --train-accuracy --sanity",
        "--order timm --every 2 --sanity",
        "--order deit --every 2",
        "--order timm --mid-epoch",
        "--order timm --from-epoch 2",
        "--order deit --from-epoch 2 --train-accuracy",
    ],
)
def test_epochs_are_told_apart(record, options):
    recorded = record(LOOP, *options.split(), common=[])
    assert recorded.error is None
    expected = recorded.truth["epochs"]
    assert [epoch.epoch for epoch in recorded.epochs] == [epoch["epoch"] for epoch in expected]
    for epoch, true in zip(recorded.epochs, expected, strict=True):
        for name in ("train_top1", "eval_top1", "lr"):
            value, truth = getattr(epoch, name), true[name]
            assert value == (truth if truth is None else pytest.approx(truth, rel=1e-5)), (epoch, true)
    assert {name: getattr(recorded.run, name) for name in recorded.truth["run"]} == recorded.truth["run"]
    assert recorded.run.opt == "adamw"


@pytest.mark.parametrize("step_argument", ["0", "1"])
def test_functions_from_a_module_and_the_schedule_before_the_evaluation(record, step_argument):
    recorded = record("loop_deit.py", "--step-argument", step_argument, common=[])
    assert recorded.error is None
    assert recorded.differences() == {}


def test_an_optimizer_of_timms_made_before_recording_is_recorded_with_the_decay_of_what_decays(recorder):
    import timm
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2

    network = timm.create_model("test_resnet", num_classes=3)
    optimizer = create_optimizer_v2(network, opt="adamw", lr=0.004, weight_decay=0.07)
    scheduler, _ = create_scheduler_v2(optimizer, sched="cosine", num_epochs=2)
    recorder.attach()
    scheduler.step(1)
    run = recorder.active.snapshot()
    assert (run.opt, run.lr, run.weight_decay) == ("adamw", 0.004, 0.07)
