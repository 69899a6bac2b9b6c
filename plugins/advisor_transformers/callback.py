"""The callback for Trainer: ``Trainer(..., callbacks=[AdvisorCallback("photos")])``."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from advisor_timm.callback_run import CallbackRun, contained, size_of
from advisor_timm.metric_names import columns, is_plain
from advisor_transformers.settings import training


class AdvisorCallback(TrainerCallback):  # type: ignore[misc]
    """Records what Trainer trains; it changes nothing of it and never raises.

    Model, optimizer, learning rate, batch size, epochs, schedule and sizes come from Trainer. What it does not know can
    be given: ``AdvisorCallback("photos", pretrained=True, img_size=224, augment="flip-crop")``.

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
    An epoch's training loss is known where Trainer logs within it: ``logging_strategy="epoch"``. Top-1 accuracy comes
    from ``compute_metrics``, called ``accuracy``, ``acc`` or ``top1``.
    """

    def __init__(self, dataset: Any = None, *, suggestion: Any = None, **fields: Any) -> None:
        self._run = CallbackRun("transformers", dataset, suggestion, fields)
        self._losses: list[tuple[int, float]] = []
        self._logged_at = self._began_at = 0

    @contained
    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin a run, in the process that writes."""
        if state.is_world_process_zero:
            self._logged_at = state.global_step
            self._run.begin(training(args, state, kwargs))

    @contained
    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin an epoch."""
        self._losses, self._began_at = [], state.global_step
        self._run.epoch_begins(int((state.epoch or 0) + 1e-6))

    @contained
    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the learning rate; Trainer logs and evaluates after this."""
        self._run.epoch_trained(kwargs.get("optimizer"))

    @contained
    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Take the training loss since the last log, if all of that was in this epoch."""
        if not logs or "loss" not in logs:
            return
        steps, is_of_epoch = state.global_step - self._logged_at, self._logged_at >= self._began_at
        self._logged_at = state.global_step
        if steps > 0 and is_of_epoch:
            self._losses.append((steps, float(logs["loss"])))
            total = sum(count for count, _ in self._losses)
            self._run.add({"train_loss": sum(count * loss for count, loss in self._losses) / total})

    @contained
    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """Take what was evaluated; of several evaluations in an epoch the last counts."""
        metrics = metrics or {}
        names = [name for name in metrics if name.startswith("eval_")]
        self._run.add({field: metrics[name] for field, name in columns(names).items()}, fractions_usual=is_plain(names))
        self._run.evaluated(float(metrics.get("eval_runtime", 0.0)), size_of(kwargs.get("eval_dataloader")))

    @contained
    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End the run."""
        self._run.end()
