"""The callback for Lightning's Trainer: ``Trainer(callbacks=[AdvisorCallback("photos")])``."""

from __future__ import annotations

import sys
import time
from typing import Any

from advisor_lightning.settings import averages_weights, image_size, training
from advisor_timm.callback_run import CallbackRun, contained, size_of
from advisor_timm.metric_names import columns, is_plain

# Lightning is published under two names, whose callbacks are different classes.
if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
    from pytorch_lightning import Callback
else:
    from lightning.pytorch import Callback


class AdvisorCallback(Callback):  # type: ignore[misc]
    """Records what Lightning trains; it changes nothing of it and never raises.

    Network, optimizer, learning rate, schedule, batch size, epochs and sizes come from the trainer. What it does not
    know can be given: ``AdvisorCallback("photos", pretrained=True, augment="flip-crop")``.

    Parameters
    ----------
    dataset : path, Dataset or description, optional
        As ``advisor.record_run`` takes it; by default the training set of the trainer.
    suggestion : Suggestion or str, optional
        The advice that the run follows, or its id.
    **fields
        Fields of the run, as ``advisor.record_run`` takes them.

    Notes
    -----
    Metrics are those that the module logs, by their names: ``train_loss``, ``val_loss``, ``val_acc`` and the like. They
    must be an epoch's: ``on_epoch=True`` in ``training_step``.
    """

    def __init__(self, dataset: Any = None, *, suggestion: Any = None, **fields: Any) -> None:
        super().__init__()
        package = Callback.__module__.partition(".")[0]
        self._run = CallbackRun(package, dataset, suggestion, fields)
        self._size_is_known = "img_size" in fields
        self._validating_since = 0.0
        self._is_validated = False

    @contained
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin a run, in the process that writes."""
        if trainer.is_global_zero:
            self._run.begin(training(trainer, pl_module))

    @contained
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin an epoch."""
        self._is_validated = False
        self._run.epoch_begins(trainer.current_epoch)

    @contained
    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Take the size of the first images."""
        if not self._size_is_known:
            self._size_is_known = True
            self._run.know(img_size=image_size(batch))

    @contained
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Take the time."""
        self._validating_since = time.perf_counter()

    @contained
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Take how long it took."""
        if not trainer.sanity_checking:
            self._is_validated = True
            loaders = trainer.val_dataloaders
            self._run.evaluated(time.perf_counter() - self._validating_since, size_of(loaders))

    @contained
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Take the epoch's metrics; those of an evaluation only where there was one."""
        metrics = trainer.callback_metrics
        found = {field: metrics[name] for field, name in columns(metrics).items() if field != "lr"}
        if not self._is_validated:
            found = {field: value for field, value in found.items() if field.startswith("train_")}
        elif averages_weights(trainer):
            found = {("ema_eval_top1" if field == "eval_top1" else field): value for field, value in found.items()}
            found = {field: value for field, value in found.items() if not field.startswith("eval_")}
        self._run.add(found, fractions_usual=is_plain(metrics))
        self._run.epoch_trained(trainer.optimizers[0] if trainer.optimizers else None)

    @contained
    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End the run."""
        self._run.end()

    @contained
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End the run by what ended the training."""
        self._run.end(exception)
