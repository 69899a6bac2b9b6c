"""The callback for Hugging Face's Trainer, with the real package."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")
torch = pytest.importorskip("torch")
# transformers, accelerate and torch warn of each other's deprecated parts.
pytestmark = pytest.mark.filterwarnings("ignore")

from advisor_timm.callback_run import CallbackRun  # noqa: E402
from advisor_transformers import AdvisorCallback  # noqa: E402


class Labelled(torch.utils.data.Dataset):
    """Pairs of image and label as Trainer wants them."""

    def __init__(self, pairs):
        self._pairs = pairs

    def __len__(self):
        return len(self._pairs)

    def __getitem__(self, index):
        image, label = self._pairs[index]
        return {"pixel_values": image, "labels": label}


def accuracy(found):
    return {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())}


def trainer_of(training, folder, *callbacks, compute_metrics=accuracy, images=None, **changes):
    """Return a Trainer of the training that timm's loop does too."""
    model = transformers.TimmWrapperForImageClassification(
        transformers.TimmWrapperConfig(architecture="test_resnet", num_labels=4)
    )
    model.timm_model = training.network()
    settings = {
        "learning_rate": 0.003,
        "weight_decay": 0.02,
        "per_device_train_batch_size": 48,
        "per_device_eval_batch_size": 48,
        "num_train_epochs": 3,
        "lr_scheduler_type": "cosine",
        "max_grad_norm": 0.0,
        "eval_strategy": "epoch",
        "logging_strategy": "epoch",
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "seed": 7,
        **changes,
    }
    return transformers.Trainer(
        model,
        transformers.TrainingArguments(output_dir=str(folder / "trainer"), **settings),
        train_dataset=images or Labelled(training.images("train")),
        eval_dataset=images or Labelled(training.images("validation")),
        compute_metrics=compute_metrics,
        optimizers=(training.optimizer(model.timm_model), None),
        callbacks=list(callbacks),
    )


@pytest.fixture
def noise():
    """Eight images and labels of four classes."""
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return Labelled([(image, index % 4) for index, image in enumerate(images)])


def test_the_same_training_is_the_same_record_as_that_of_timms_loop(
    trained_by_timm, same_training, four_shades, tmp_path, stored
):
    told = {"pretrained": False, "img_size": 32, "augment": "none", "mixup": 0.0, "cutmix": 0.0}
    trainer_of(same_training, tmp_path, AdvisorCallback(four_shades, **told)).train()
    recorded = next(one for one in stored() if one.run.run_id != trained_by_timm.run.run_id)
    assert recorded.differences(trained_by_timm) == {}
    assert len(recorded.epochs) == 3
    assert recorded.run.versions["transformers"] == transformers.__version__
    assert recorded.run.samples_per_second > 0
    assert recorded.run.peak_memory > 0
    assert 0 < recorded.run.extra["eval_seconds"] < 60


def weights(trainer):
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def test_nothing_of_the_training_changes(same_training, tmp_path, noise, stored):
    results = []
    for callbacks in ((), (AdvisorCallback(),)):
        trainer = trainer_of(same_training, tmp_path, *callbacks, images=noise, per_device_train_batch_size=4)
        trainer.train()
        logs = [
            {k: v for k, v in log.items() if "runtime" not in k and "second" not in k}
            for log in trainer.state.log_history
        ]
        results.append((weights(trainer), logs, torch.get_rng_state()))
    (plain, plain_logs, plain_random), (watched, watched_logs, watched_random) = results
    assert plain.keys() == watched.keys()
    assert all(torch.equal(plain[name], watched[name]) for name in plain)
    assert plain_logs == watched_logs
    assert torch.equal(plain_random, watched_random)
    (recorded,) = stored()
    assert recorded.run.status == "FINISHED"


def test_what_fails_in_recording_fails_nothing(same_training, tmp_path, noise, monkeypatch, caplog):
    monkeypatch.delenv("ADVISOR_TESTING")

    def broken(*args, **kwargs):
        raise ZeroDivisionError("planted")

    for name in ("begin", "epoch_begins", "epoch_trained", "add", "evaluated", "end"):
        monkeypatch.setattr(CallbackRun, name, broken)
    with caplog.at_level(logging.WARNING, "advisor.records"):
        trainer_of(same_training, tmp_path, AdvisorCallback(), images=noise).train()
    assert "planted" in caplog.text


def test_training_loss_is_the_mean_of_the_logs_within_the_epoch(same_training, tmp_path, noise, stored):
    trainer = trainer_of(
        same_training,
        tmp_path,
        AdvisorCallback(),
        images=noise,
        per_device_train_batch_size=2,
        logging_strategy="steps",
        logging_steps=3,
        num_train_epochs=2,
    )
    trainer.train()
    losses = {log["step"]: log["loss"] for log in trainer.state.log_history if "loss" in log}
    assert sorted(losses) == [3, 6]  # four steps an epoch: the second log is of both
    (recorded,) = stored()
    assert [epoch.train_loss for epoch in recorded.epochs] == [pytest.approx(losses[3], rel=1e-3), None]


@pytest.mark.parametrize(("scores", "expected"), [((0.5, 0.75), (50.0, 75.0)), ((0.5, 75.0), (0.5, 75.0))])
def test_accuracies_are_fractions_until_one_exceeds_1(same_training, tmp_path, noise, stored, scores, expected):
    following = iter(scores)
    trainer = trainer_of(
        same_training,
        tmp_path,
        AdvisorCallback(),
        images=noise,
        num_train_epochs=2,
        compute_metrics=lambda found: {"accuracy": next(following)},
    )
    trainer.train()
    (recorded,) = stored()
    assert tuple(epoch.eval_top1 for epoch in recorded.epochs) == expected


def test_what_is_told_goes_before_what_trainer_says(same_training, tmp_path, noise, suggestion, stored):
    advised = suggestion()
    callback = AdvisorCallback(suggestion=advised, lr=0.5, gradient_clipping="none")
    trainer_of(
        same_training,
        tmp_path,
        callback,
        images=noise,
        gradient_accumulation_steps=2,
        per_device_train_batch_size=4,
        num_train_epochs=1,
        label_smoothing_factor=0.2,
    ).train()
    (recorded,) = stored()
    run = recorded.run
    assert (run.lr, run.batch_size, run.grad_accum_steps, run.label_smoothing) == (0.5, 8, 2, 0.2)
    assert (run.suggestion_id, run.img_size, run.pretrained) == (advised.suggestion_id, 32, False)
    assert run.extra["gradient_clipping"] == "none"


def test_a_training_that_is_resumed_goes_on_counting(same_training, tmp_path, noise, stored):
    saved = {"save_strategy": "epoch", "per_device_train_batch_size": 4, "images": noise}
    trainer_of(same_training, tmp_path, AdvisorCallback(), num_train_epochs=1, **saved).train()
    trainer_of(same_training, tmp_path, AdvisorCallback(), num_train_epochs=2, **saved).train(
        resume_from_checkpoint=True
    )
    first, second = sorted(stored(), key=lambda one: one.run.run_id)
    assert [epoch.epoch for epoch in second.epochs] == [1]
    assert (second.run.status, second.run.epochs_done) == ("FINISHED", 2)
    assert second.run.resumed_from == first.run.run_id


def test_a_training_that_raises_leaves_a_failed_run(tmp_path, stored):
    script = tmp_path / "raises.py"
    script.write_text(
        """
import torch, transformers
from advisor_transformers import AdvisorCallback

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self.steps = 0
    def forward(self, x, labels):
        self.steps += 1
        if self.steps > 3:
            raise RuntimeError("planted")
        out = self.layer(x)
        return {"loss": torch.nn.functional.cross_entropy(out, labels), "logits": out}

rows = [{"x": torch.ones(2), "labels": 1} for _ in range(8)]
args = {"num_train_epochs": 3, "per_device_train_batch_size": 4, "use_cpu": True, "report_to": "none"}
args = transformers.TrainingArguments("out", **args)
transformers.Trainer(Net(), args, train_dataset=rows, callbacks=[AdvisorCallback()]).train()
"""
    )
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "planted" in done.stderr
    (recorded,) = stored()
    assert (recorded.run.status, recorded.run.error) == ("FAILED", "RuntimeError: planted")
    assert recorded.run.epochs_done == 1
