"""The callback for Lightning's Trainer, with the real package."""

from __future__ import annotations

import logging

import pytest

lightning = pytest.importorskip("lightning")
torch = pytest.importorskip("torch")
# Lightning warns of few workers, and torch of parts that Lightning still uses.
pytestmark = pytest.mark.filterwarnings("ignore")

from advisor_lightning import AdvisorCallback  # noqa: E402
from advisor_timm.callback_run import CallbackRun  # noqa: E402

EPOCHS = 3


class Classifier(lightning.LightningModule):
    """The training that timm's loop does too."""

    def __init__(self, training, steps=1, fails_at=None):
        super().__init__()
        self.network = training.network()
        self._training = training
        self._steps = steps
        self._fails_at = fails_at

    def training_step(self, batch, batch_index):
        if self._fails_at == self.current_epoch:
            raise RuntimeError("planted")
        images, labels = batch
        loss = torch.nn.functional.cross_entropy(self.network(images), labels)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_index):
        images, labels = batch
        outputs = self.network(images)
        self.log("val_loss", torch.nn.functional.cross_entropy(outputs, labels))
        self.log("val_acc", (outputs.argmax(1) == labels).float().mean())

    def configure_optimizers(self):
        optimizer = self._training.optimizer(self.network)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * self._steps)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def fit(module, folder, training_images, evaluation_images, *callbacks, batch_size=48, seed=7, **changes):
    lightning.seed_everything(seed, verbose=False)
    settings = {"max_epochs": EPOCHS, "accelerator": "cpu", "logger": False, "enable_checkpointing": False, **changes}
    trainer = lightning.Trainer(
        default_root_dir=folder,
        callbacks=list(callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )
    loader = torch.utils.data.DataLoader
    trainer.fit(module, loader(training_images, batch_size, shuffle=True), loader(evaluation_images, batch_size))
    return trainer


@pytest.fixture
def noise():
    """Eight images and labels of four classes."""
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return torch.utils.data.TensorDataset(images, torch.arange(8) % 4)


def test_the_same_training_is_the_same_record_as_that_of_timms_loop(
    trained_by_timm, same_training, four_shades, tmp_path, stored
):
    told = {"pretrained": False, "augment": "none", "mixup": 0.0, "cutmix": 0.0, "label_smoothing": 0.0}
    callback = AdvisorCallback(four_shades, warmup_epochs=0, **told)
    images = [same_training.images(split) for split in ("train", "validation")]
    fit(Classifier(same_training), tmp_path, *images, callback)
    recorded = next(one for one in stored() if one.run.run_id != trained_by_timm.run.run_id)
    assert recorded.differences(trained_by_timm) == {}
    assert len(recorded.epochs) == EPOCHS
    assert recorded.run.versions["lightning"] == lightning.__version__
    assert recorded.run.samples_per_second > 0
    assert recorded.run.peak_memory > 0
    assert 0 < recorded.run.extra["eval_seconds"] < 60


def test_nothing_of_the_training_changes(same_training, tmp_path, noise, stored):
    results = []
    for callbacks in ((), (AdvisorCallback(),)):
        module = Classifier(same_training)
        trainer = fit(module, tmp_path, noise, noise, *callbacks, batch_size=4)
        path = tmp_path / f"{len(results)}.ckpt"
        trainer.save_checkpoint(path)
        results.append((torch.load(path, weights_only=False), dict(trainer.callback_metrics), torch.get_rng_state()))
    (plain, plain_metrics, plain_random), (watched, watched_metrics, watched_random) = results
    assert plain["state_dict"].keys() == watched["state_dict"].keys()
    assert all(torch.equal(plain["state_dict"][name], watched["state_dict"][name]) for name in plain["state_dict"])
    assert plain.keys() == watched.keys()
    assert plain_metrics == watched_metrics
    assert torch.equal(plain_random, watched_random)
    (recorded,) = stored()
    assert (recorded.run.status, recorded.run.img_size) == ("FINISHED", 32)


def test_what_fails_in_recording_fails_nothing(same_training, tmp_path, noise, monkeypatch, caplog):
    monkeypatch.delenv("ADVISOR_TESTING")

    def broken(*args, **kwargs):
        raise ZeroDivisionError("planted")

    for name in ("begin", "know", "epoch_begins", "epoch_trained", "add", "evaluated", "end"):
        monkeypatch.setattr(CallbackRun, name, broken)
    with caplog.at_level(logging.WARNING, "advisor.records"):
        fit(Classifier(same_training), tmp_path, noise, noise, AdvisorCallback())
    assert "planted" in caplog.text


def test_an_epoch_without_an_evaluation_has_no_accuracy_of_an_earlier_one(same_training, tmp_path, noise, stored):
    fit(Classifier(same_training), tmp_path, noise, noise, AdvisorCallback(), check_val_every_n_epoch=2)
    (recorded,) = stored()
    assert [epoch.eval_top1 is not None for epoch in recorded.epochs] == [False, True, False]
    assert [epoch.train_loss is not None for epoch in recorded.epochs] == [True] * EPOCHS


def test_a_training_that_raises_leaves_a_failed_run(same_training, tmp_path, noise, stored):
    with pytest.raises(RuntimeError, match="planted"):
        fit(Classifier(same_training, fails_at=1), tmp_path, noise, noise, AdvisorCallback())
    (recorded,) = stored()
    assert (recorded.run.status, recorded.run.error) == ("FAILED", "RuntimeError: planted")
    assert recorded.run.epochs_done == 1


def test_accuracy_of_averaged_weights_is_that_of_the_average(same_training, tmp_path, noise, stored):
    callbacks = pytest.importorskip("lightning.pytorch.callbacks")
    if not hasattr(callbacks, "EMAWeightAveraging"):
        pytest.skip("this version of Lightning has no moving average")
    average = callbacks.EMAWeightAveraging(decay=0.5)
    fit(Classifier(same_training), tmp_path, noise, noise, average, AdvisorCallback())
    (recorded,) = stored()
    assert recorded.run.ema is True
    assert [epoch.eval_top1 for epoch in recorded.epochs] == [None] * EPOCHS
    assert all(epoch.ema_eval_top1 is not None and epoch.eval_loss is None for epoch in recorded.epochs)


def test_what_is_told_goes_before_what_lightning_says(same_training, tmp_path, noise, suggestion, stored):
    advised = suggestion()
    callback = AdvisorCallback(suggestion=advised, lr=0.5, img_size=64, clipping="none")
    fit(Classifier(same_training), tmp_path, noise, noise, callback, batch_size=4, accumulate_grad_batches=2)
    (recorded,) = stored()
    run = recorded.run
    assert (run.lr, run.batch_size, run.grad_accum_steps, run.img_size) == (0.5, 8, 2, 64)
    assert (run.suggestion_id, run.pretrained) == (advised.suggestion_id, False)
    assert run.extra["clipping"] == "none"
