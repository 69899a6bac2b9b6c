"""A suggestion under the names that Hugging Face's Trainer and Lightning have for its values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from advisor.advise.assumes import Assumes
    from advisor.space.configuration import Configuration


def training_arguments(configuration: Configuration, assumes: Assumes, n_train: int) -> dict[str, Any]:
    """Return keywords for ``transformers.TrainingArguments``, for a training in one process.

    Parameters
    ----------
    configuration : Configuration
        The values of the hyperparameters.
    assumes : Assumes
        The rest of the recipe; augmentation is not among the arguments of Trainer.
    n_train : int
        Training images: it counts warm-up in steps.
    """
    steps = math.ceil(n_train / configuration.batch_size)
    schedule: dict[str, Any] = {"lr_scheduler_type": assumes.sched}
    if assumes.sched == "cosine" and assumes.min_lr:
        schedule = {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": assumes.min_lr}}
    return {
        "learning_rate": configuration.lr,
        "per_device_train_batch_size": configuration.batch_size,
        "num_train_epochs": configuration.epochs,
        "weight_decay": configuration.weight_decay,
        **schedule,
        "warmup_steps": assumes.whole_warmup_epochs * steps,
        "label_smoothing_factor": assumes.label_smoothing,
    }
