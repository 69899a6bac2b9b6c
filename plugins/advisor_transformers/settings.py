"""What Trainer's arguments and objects say of a run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from advisor_timm.callback_run import Training, size_of

_ENDS_AT_ZERO = ("linear", "cosine")
_USED = frozenset(
    (
        "learning_rate", "weight_decay", "num_train_epochs", "seed", "fp16", "bf16", "label_smoothing_factor",
        "lr_scheduler_type", "warmup_steps", "warmup_ratio", "gradient_accumulation_steps",
        "per_device_train_batch_size", "output_dir", "resume_from_checkpoint",
    )
)  # fmt: skip


def training(args: Any, state: Any, objects: Mapping[str, Any]) -> Training:
    """Return what is known when Trainer begins.

    Parameters
    ----------
    args : TrainingArguments
    state : TrainerState
    objects : mapping
        What callbacks are given: ``model``, ``optimizer``, ``train_dataloader``.
    """
    model, loader = objects.get("model"), objects.get("train_dataloader")
    optimizer: Any = objects.get("optimizer")
    while hasattr(optimizer, "optimizer"):  # what accelerate wraps it in
        optimizer = optimizer.optimizer
    config = getattr(model, "config", None)
    schedule = str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type))
    steps = state.max_steps / max(state.num_train_epochs, 1)
    fields = {
        **_of_config(config),
        "lr": args.learning_rate if optimizer is None else None,
        "batch_size": args.train_batch_size * args.world_size * args.gradient_accumulation_steps,
        "epochs": int(state.num_train_epochs),
        "sched": "cosine" if schedule.startswith("cosine") else schedule,
        "warmup_epochs": args.get_warmup_steps(state.max_steps) / steps,
        "min_lr": _lowest_rate(schedule, args.lr_scheduler_kwargs),
        "label_smoothing": args.label_smoothing_factor,
        "amp": bool(args.fp16 or args.bf16),
        "ema": False,
        "seed": args.seed,
        "world_size": args.world_size,
        "grad_accum_steps": args.gradient_accumulation_steps,
        "n_train": size_of(loader),
        "extra": {**_set(args), "output_dir": os.path.abspath(args.output_dir), **_resumed(args, state)},
    }
    known = {name: value for name, value in fields.items() if value is not None}
    return Training(module=model, optimizer=optimizer, loader=loader, fields=known)


def _of_config(config: Any) -> dict[str, Any]:
    """Return what a model's configuration says; timm's networks say the rest themselves."""
    if config is None:
        return {}
    size = getattr(config, "image_size", None)
    fields = {
        "n_classes": getattr(config, "num_labels", None),
        "img_size": size if isinstance(size, int) else None,
    }
    if getattr(config, "model_type", None) != "timm_wrapper":
        fields["model"] = getattr(config, "_name_or_path", None) or None
    return fields


def _lowest_rate(schedule: str, settings: Any) -> float | None:
    given = settings.get("min_lr") if isinstance(settings, Mapping) else None
    return float(given) if given is not None else 0.0 if schedule in _ENDS_AT_ZERO else None


def _set(args: Any) -> dict[str, Any]:
    """Return the other arguments that are not what they are by default."""
    plain = args.to_dict()
    defaults = {one.name: one.default for one in dataclasses.fields(args)}
    return {
        name: value
        for name, value in plain.items()
        if name not in _USED and value is not None and value != defaults.get(name, value)
    }


def _resumed(args: Any, state: Any) -> dict[str, Any]:
    """Return the checkpoint that the training goes on from; Trainer does not say which of its own folder's it is."""
    if not state.global_step:
        return {}
    own = os.path.join(args.output_dir, f"checkpoint-{state.global_step}")
    return {"resume": os.path.abspath(args.resume_from_checkpoint or own)}
