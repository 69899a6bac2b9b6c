"""timm's arguments under the names that other tools' users log them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# timm's argument: other names that params are logged under.
_ALIASES = {
    "lr": ("learning_rate", "init_lr", "base_lr"),
    "batch_size": ("train_batch_size", "batch-size", "bs"),
    "epochs": ("num_epochs", "max_epochs", "n_epochs"),
    "drop": ("drop_rate", "dropout", "dropout_rate"),
    "weight_decay": ("wd", "weight-decay"),
    "model": ("model_name", "arch", "architecture", "backbone"),
    "opt": ("optimizer", "optimizer_name", "opt_name"),
    "sched": ("scheduler", "lr_scheduler"),
    "dataset": ("dataset_name",),
    "num_classes": ("n_classes",),
    "img_size": ("image_size",),
}
_WORDS = {"none": None, "null": None, "true": True, "false": False}


def timm_arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return params under timm's names; ``None``, ``True`` and ``False`` written as text are what they say."""
    arguments = {
        name: _WORDS.get(value.strip().lower(), value) if isinstance(value, str) else value
        for name, value in params.items()
    }
    for name, others in _ALIASES.items():
        for other in others:
            if arguments.get(name) is None and other in arguments:
                arguments[name] = arguments.pop(other)
    return arguments
