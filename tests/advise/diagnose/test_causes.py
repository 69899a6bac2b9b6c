"""What no value mends is named as such, and a run that suffers from it is told no other value."""

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from advisor.advise.diagnose.causes import find_causes
from advisor.advise.diagnose.diagnosis import diagnose
from advisor.plugins import get_plugins
from advisor.records.importing.imports import import_paths
from advisor.records.outcome import outcome
from advisor.records.schema import Epoch, Run, Source, Status
from advisor.records.store.store import Store

RUN = Run(
    run_id="r", source=Source.TIMM_HOOK, status=Status.FINISHED, n_train=2000, n_eval=500, n_classes=10,
    model="resnet18", pretrained=False, img_size=32, opt="sgd", sched="cosine", lr=0.05, batch_size=64, epochs=8,
    dropout=0.0, weight_decay=2e-5, metric="eval_top1", epochs_done=8,
)  # fmt: skip
NAN = math.nan


def curve(*rows):
    """Rows of training loss, evaluation loss and top-1."""
    return [
        Epoch(run_id="r", epoch=i, train_loss=train, eval_loss=evaluation, eval_top1=top1)
        for i, (train, evaluation, top1) in enumerate(rows)
    ]


FALLING = curve(*((2.3 - i / 20, 2.3 - i / 20, 10.0 + i) for i in range(8)))


def names(run, epochs=FALLING):
    return [cause.name for cause in find_causes(run, epochs)]


def test_an_ordinary_run_has_no_cause():
    assert names(RUN) == []


def test_memory_is_saved_without_touching_the_batch_that_the_learning_rate_is_for():
    run = replace(RUN, status=Status.FAILED, out_of_memory=True, batch_size=256, world_size=2, grad_accum_steps=2)
    [cause] = find_causes(run, [])
    assert "64 images a step" in cause.meaning
    assert cause.option == "--batch-size 32 --grad-accum-steps 4"


@pytest.mark.parametrize("batch_size", [1, 7, None])
def test_memory_without_an_even_batch_has_no_option(batch_size):
    [cause] = find_causes(replace(RUN, out_of_memory=True, batch_size=batch_size), [])
    assert cause.option is None
    assert cause.remedy


def test_a_batch_larger_than_the_training_set_makes_no_step():
    run = replace(RUN, n_train=40, batch_size=512)
    idle = curve(*((0.0, 2.3, 10.0) for _ in range(3)))
    [cause] = find_causes(run, idle)
    assert (cause.name, cause.option) == ("no step made", "--batch-size 8")
    assert names(run, FALLING) == []  # a loader that keeps its last, incomplete batch


def test_a_failed_run_shows_its_error():
    run = replace(RUN, status=Status.FAILED, error="ValueError: bad image")
    [cause] = find_causes(run, [])
    assert cause.name == "failed"
    assert "ValueError: bad image" in cause.meaning
    assert names(replace(run, error=None), []) == ["failed"]


@pytest.mark.parametrize(
    "error",
    [
        "RuntimeError: Error(s) in loading state_dict for ResNet: size mismatch for fc.weight",
        "FileNotFoundError: No checkpoint found at 'best.pth'",
        "LocalEntryNotFoundError: cannot find the requested files in the local cache of huggingface_hub",
    ],
)
def test_weights_that_failed_to_load(error):
    [cause] = find_causes(replace(RUN, status=Status.FAILED, error=error), [])
    assert cause.name == "weights not loaded"
    assert error in cause.meaning


@pytest.mark.parametrize(("outputs", "found"), [(1000, True), (5, True), (10, False), (0, False), ("?", False)])
def test_a_head_has_one_output_for_each_class(outputs, found):
    causes = find_causes(replace(RUN, extra={"model_num_classes": outputs}), FALLING)
    assert [cause.option for cause in causes] == (["--num-classes 10"] if found else [])


def test_a_head_of_1000_on_4_classes_is_no_divergence():
    fields = {"epochs": 2, "n_classes": 4, "n_eval": 32, "extra": {"model_num_classes": 1000}}
    rows = [{"epoch": 0, "train_loss": 6.9, "eval_top1": 0.0}, {"epoch": 1, "train_loss": 6.8, "eval_top1": 0.0}]
    assert outcome(fields, rows)["status"] is Status.FINISHED
    assert outcome({**fields, "extra": {}}, rows)["status"] is Status.DIVERGED
    run = replace(RUN, n_classes=4, n_train=64, n_eval=32, batch_size=16, epochs=2, extra=fields["extra"])
    diagnosis = diagnose(run, [Epoch(run_id="r", **row) for row in rows])
    assert (diagnosis.verdict, diagnosis.findings, diagnosis.advice) == ("wrong number of outputs", (), None)
    assert "1,000 outputs for 4 classes" in diagnosis.causes[0].meaning
    assert diagnosis.causes[0].option == "--num-classes 4"


def test_validation_on_the_training_images():
    marked = {"scored_on_training_images": True}
    cause = find_causes(replace(RUN, n_train=500, n_eval=500, extra=marked), FALLING)[0]
    assert cause.name == "scored on its training images"
    assert "all 500 images" in cause.meaning
    same = {**marked, "train_split": "train", "eval_split": "train"}
    assert "both read the split 'train'" in find_causes(replace(RUN, extra=same), FALLING)[0].meaning
    assert names(replace(RUN, n_train=500, n_eval=500)) == []  # halves of one set are as large, too


@pytest.mark.parametrize(
    ("epochs", "warmup", "option"), [(4, 5, "1"), (5, 5, "1"), (20, 20, "4"), (2, 5, "0"), (1, 1, "0")]
)
def test_a_warmup_as_long_as_the_training_never_reached_the_learning_rate(epochs, warmup, option):
    run = replace(RUN, epochs=epochs, warmup_epochs=warmup)
    diagnosis = diagnose(run, curve((1.6, 1.5, 0), (1.5, 1.4, 41), (1.4, 1.4, 50), (1.3, 1.3, 62)))
    assert (diagnosis.verdict, diagnosis.advice, diagnosis.findings) == ("warm-up too long", None, ())
    assert diagnosis.causes[0].option == f"--warmup-epochs {option}"
    assert int(option) < epochs


@pytest.mark.parametrize("changed", [{"epochs": 6}, {"sched": "none"}, {"warmup_epochs": 0}])
def test_a_warmup_within_the_training_is_no_cause(changed):
    assert names(replace(RUN, **{"epochs": 5, "warmup_epochs": 5, **changed})) == []


@pytest.mark.parametrize("lr", [1e-4, 0.05])
def test_a_loss_that_is_not_a_number_is_never_told_longer_steps(lr):
    epochs = [*FALLING[:4], *curve(*((NAN, NAN, 10.0) for _ in range(8)))[4:]]
    diagnosis = diagnose(replace(RUN, lr=lr), epochs)
    assert (diagnosis.verdict, diagnosis.findings, diagnosis.advice) == ("diverged", (), None)
    assert "not a number (from epoch 4 on)" in diagnosis.causes[0].meaning
    assert diagnosis.symptoms.falling is None


def test_a_loss_that_comes_back_is_numerical_trouble():
    epochs = [*FALLING[:4], *curve(*((NAN, NAN, 10.0) for _ in range(5)))[4:], *FALLING[5:]]
    diagnosis = diagnose(RUN, epochs)
    assert (diagnosis.verdict, diagnosis.findings, diagnosis.advice) == ("numerical trouble", (), None)
    assert "in 1 of 8 epochs, first in epoch 4" in diagnosis.causes[0].meaning


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        ({"amp": True}, "--amp --amp-dtype bfloat16"),
        ({"amp": True, "extra": {"amp_dtype": "bfloat16"}}, "--clip-grad 1"),
        ({}, "--clip-grad 1"),
        ({"extra": {"clip_grad": 1.0}}, None),
    ],
)
def test_what_to_try_where_numbers_fail(fields, option):
    [cause] = find_causes(replace(RUN, status=Status.DIVERGED, **fields), FALLING)
    assert cause.option == option


def test_a_run_that_came_apart_at_an_ordinary_rate_is_diverged_though_its_losses_are_numbers():
    diagnosis = diagnose(replace(RUN, status=Status.DIVERGED, lr=1e-4), FALLING)
    assert (diagnosis.verdict, diagnosis.findings, diagnosis.advice) == ("diverged", (), None)


ARGUMENTS = """model: {model}
pretrained: {pretrained}
opt: {opt}
lr: {lr}
epochs: 8
batch_size: 64
weight_decay: 2.0e-05
sched: cosine
warmup_epochs: 0
cooldown_epochs: 0
num_classes: 10
drop: 0.0
world_size: 1
model_ema: false
eval_metric: top1
data_dir: /data/flowers
"""
GOOD = ["0,2.1,1.9,31,70,.05", "1,1.8,1.7,40,80,.048", "2,1.7,1.6,45,82,.043", "3,1.65,1.6,47,84,.035"]
OUTPUTS = {
    "sgd": (GOOD, {"model": "resnet18", "pretrained": "false", "opt": "sgd", "lr": 0.05}),
    "adamw": (GOOD[:2], {"model": "resnet18", "pretrained": "false", "opt": "adamw", "lr": 0.0005}),
    "vit": ([], {"model": "vit_base_patch16_224", "pretrained": "true", "opt": "adamw", "lr": "1.0e-05"}),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_imported_runs_whose_loss_becomes_nan_at_an_ordinary_rate(name, tmp_path):
    good, arguments = OUTPUTS[name]
    folder = tmp_path / name
    folder.mkdir()
    rows = [*good, *(f"{epoch},nan,nan,10.0,50,{0.01 / (epoch + 1)}" for epoch in range(len(good), 8))]
    (folder / "args.yaml").write_text(ARGUMENTS.format(**arguments))
    (folder / "summary.csv").write_text("\n".join(["epoch,train_loss,eval_loss,eval_top1,eval_top5,lr", *rows, ""]))
    store = Store(f"sqlite:///{tmp_path / 'records.db'}")
    import_paths(store, [tmp_path], get_plugins())
    [run] = store.runs()
    assert run.status is Status.DIVERGED
    diagnosis = diagnose(run, store.epochs(run.run_id))
    store.close()
    assert (diagnosis.verdict, diagnosis.findings, diagnosis.advice) == ("diverged", (), None)
    assert "not a number" in diagnosis.causes[0].meaning


def test_timm_reads_a_flat_folder_for_both_splits(tmp_path):
    """What the rule on validation rests on."""
    data = pytest.importorskip("timm.data")
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / name / "0.png")
    sizes = [len(data.create_dataset("", root=str(tmp_path), split=split)) for split in ("train", "validation")]
    assert sizes == [2, 2]
