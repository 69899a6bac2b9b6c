"""What Lightning's trainer and module say of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from advisor_timm.callback_run import Training, network_in, size_of
from advisor_timm.factories import class_count

_SCHEDULES = {
    "CosineAnnealingLR": "cosine",
    "MultiStepLR": "multistep",
    "PolynomialLR": "poly",
    "ReduceLROnPlateau": "plateau",
    "StepLR": "step",
}
"""What timm calls the schedules of torch; others go by their own names."""
_AVERAGES = ("WeightAveraging", "EMAWeightAveraging")
"""Callbacks that put the moving average of the weights in their place while they are evaluated."""


def training(trainer: Any, module: Any) -> Training:
    """Return what is known when Lightning begins to train a module."""
    loader = trainer.train_dataloader
    optimizer = trainer.optimizers[0] if trainer.optimizers else None
    scheduler = trainer.lr_scheduler_configs[0].scheduler if trainer.lr_scheduler_configs else None
    per_device, accumulated = getattr(loader, "batch_size", None), int(trainer.accumulate_grad_batches)
    dataset = getattr(loader, "dataset", None)
    classes = class_count(dataset) or getattr(network_in(module), "num_classes", None)
    seed = os.environ.get("PL_GLOBAL_SEED", "")
    fields = {
        **_of_schedule(scheduler),
        "batch_size": per_device * trainer.world_size * accumulated if per_device else None,
        "epochs": trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None,
        "amp": "mixed" in str(trainer.precision),
        "ema": averages_weights(trainer),
        "seed": int(seed) if seed.isdigit() else None,
        "world_size": trainer.world_size,
        "grad_accum_steps": accumulated,
        "n_train": size_of(loader),
        "n_eval": size_of(trainer.val_dataloaders),
        "n_classes": classes if isinstance(classes, int) else None,
        "extra": {**dict(module.hparams), **_resumed(trainer)},
    }
    known = {name: value for name, value in fields.items() if value is not None}
    return Training(module=module, optimizer=optimizer, scheduler=scheduler, loader=loader, fields=known)


def averages_weights(trainer: Any) -> bool:
    """Tell whether what is evaluated is the moving average of the weights."""
    return any(base.__name__ in _AVERAGES for callback in trainer.callbacks for base in type(callback).__mro__)


def image_size(batch: Any) -> int | None:
    """Return the side of the images in a batch: of the first tensor that is four-dimensional."""
    shape = getattr(batch, "shape", None)
    if shape is not None:
        return int(shape[-1]) if len(shape) == 4 else None
    parts: Iterable[Any] = batch.values() if isinstance(batch, Mapping) else batch
    if not isinstance(parts, Iterable) or isinstance(parts, str):
        return None
    return next((size for size in map(image_size, parts) if size is not None), None)


def _of_schedule(scheduler: Any) -> dict[str, Any]:
    """Return what a schedule of torch says; ``record_run`` reads timm's."""
    name = type(scheduler).__name__
    if scheduler is None or hasattr(scheduler, "warmup_t"):
        return {}
    sched = _SCHEDULES.get(name, name.removesuffix("LR").lower())
    return {"sched": sched, "min_lr": getattr(scheduler, "eta_min", None)}


def _resumed(trainer: Any) -> dict[str, Any]:
    """Return where checkpoints are written, and the one that the training goes on from."""
    folder = getattr(trainer.checkpoint_callback, "dirpath", None) or trainer.default_root_dir
    found = {"output_dir": os.path.abspath(folder)}
    return found | ({"resume": os.path.abspath(trainer.ckpt_path)} if trainer.ckpt_path else {})
