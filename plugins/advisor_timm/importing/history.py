"""What the arguments of a past run say about it, where its process can no longer be asked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from advisor_timm.arguments import other_arguments, run_fields
from advisor_timm.factories import augmentation

_CYCLIC = ("cosine", "tanh", "poly")
_ONE_CYCLE = ("wsd", "rsqrt")
_SIZES = ("img_size", "input_size")
_AMP = ("amp", "native_amp", "apex_amp", "use_amp")
_ROOTS = ("data_dir", "data", "data_path")
_TIMM_NAMES = ("torch", "hfds", "hfids", "wds", "tfds")
"""Beginnings of timm's names of datasets that are no folder of images."""
_WEIGHTS = ("pretrained", "initial_checkpoint", "finetune")
_AUGMENTATION = {"no_aug": "no_aug", "re_prob": "reprob", "auto_augment": "aa"} | {
    name: name for name in ("scale", "color_jitter", "hflip", "vflip", "grayscale_prob", "gaussian_blur_prob")
}


def fields_of_arguments(arguments: Mapping[str, Any], world_size: int | None) -> dict[str, Any]:
    """Return the record fields that a training script's arguments give.

    ``batch_size`` is per device in them. The global one is left out where neither they nor the caller tell the number
    of devices; then ``batch_size_per_device`` is there alone. The same holds for an ``lr`` that timm's lr_base rule
    derives from it.

    Parameters
    ----------
    arguments : mapping
        As the script parsed them.
    world_size : int, optional
        Number of devices, where the arguments do not tell.
    """
    fields: dict[str, Any] = {**other_arguments(arguments), **run_fields(arguments)}
    if not arguments:
        return fields
    metric = fields.pop("metric", None)
    if metric is not None:
        fields["eval_metric"] = metric
    if arguments.get("resume"):
        fields["resume"] = arguments["resume"]  # as it was written: it was relative to another folder than this one
    if any(name in arguments for name in _AMP):
        fields["amp"] = any(arguments.get(name) for name in _AMP)
    if any(name in arguments for name in _WEIGHTS):
        fields["pretrained"] = any(arguments.get(name) for name in _WEIGHTS)
    fields["img_size"] = next((size for size in map(_side, map(arguments.get, _SIZES)) if size is not None), None)
    fields["dataset_name"] = _dataset_name(arguments)
    root = _dataset_root(arguments)
    if root is not None:
        fields["dataset_root"] = root
    if arguments.get("val_split"):
        fields["eval_split"] = arguments["val_split"]
    outputs = _whole(fields.get("n_classes"))
    if outputs is not None:
        fields |= {"n_classes": outputs, "model_num_classes": outputs}  # there may be fewer classes than outputs
    if "reprob" in arguments:
        fields["augment"] = augmentation({name: arguments.get(key) for name, key in _AUGMENTATION.items()})
    fields.setdefault("grad_accum_steps", 1)
    devices = _whole(arguments.get("world_size")) or world_size
    per_device, steps = _whole(arguments.get("batch_size")), _whole(fields["grad_accum_steps"])
    if per_device and devices and steps:
        fields |= {"world_size": devices, "batch_size": per_device * devices * steps}
    fields["batch_size_per_device"] = per_device
    if fields.get("lr") is None:
        fields["lr"] = _scaled_lr(arguments, fields.get("batch_size"))
    return fields


def planned_epochs(arguments: Mapping[str, Any]) -> int | None:
    """Return how many epochs timm's train.py trains for these arguments, cool-down included.

    That is the second value of ``create_scheduler``: the length of all cycles plus cool-down for the cyclic schedules
    (cosine, tanh, poly; wsd and rsqrt have one cycle), else the epochs alone; a warm-up that is a prefix comes on top
    (timm/scheduler/scheduler_factory.py and ``get_cycle_length`` in cosine_lr.py).
    """
    epochs = _whole(arguments.get("epochs"))
    if epochs is None:
        return None
    prefix = (_whole(arguments.get("warmup_epochs")) or 0) if arguments.get("warmup_prefix") else 0
    sched = arguments.get("sched")
    cooldown = _whole(arguments.get("cooldown_epochs")) or 0 if sched in _CYCLIC + _ONE_CYCLE else 0
    if sched not in _CYCLIC:
        return epochs + prefix + cooldown
    cycles, growth = max(1, _whole(arguments.get("lr_cycle_limit")) or 1), _float(arguments.get("lr_cycle_mul")) or 1.0
    length = epochs * cycles if growth == 1 else math.floor(-epochs * (growth**cycles - 1) / (1 - growth))
    return length + prefix + cooldown


def _scaled_lr(arguments: Mapping[str, Any], batch_size: int | None) -> float | None:
    """Return the learning rate that train.py derives from lr_base, as its main() does since timm 0.8."""
    base, size = _float(arguments.get("lr_base")), _float(arguments.get("lr_base_size"))
    if not (base and size and batch_size):
        return None
    adaptive = any(kind in str(arguments.get("opt")).lower() for kind in ("ada", "lamb"))
    rule = arguments.get("lr_base_scale") or ("sqrt" if adaptive else "linear")
    ratio = batch_size / size
    return base * (math.sqrt(ratio) if rule == "sqrt" else ratio)


def _dataset_name(arguments: Mapping[str, Any]) -> str | None:
    """Return timm's or DeiT's name of the dataset, else the last part of its path, whichever system it was on."""
    name = arguments.get("dataset") or arguments.get("data_set")
    return str(name) if name else re.split(r"[/\\]", _root(arguments).rstrip("/\\"))[-1] or None


def _dataset_root(arguments: Mapping[str, Any]) -> str | None:
    """Return where the images lie, as ``advisor describe --dataset`` takes it."""
    name, root = str(arguments.get("dataset") or ""), _root(arguments)
    if name.partition("/")[0].lower() in _TIMM_NAMES:
        return f"{name}:{root}" if root else name
    return root or None


def _root(arguments: Mapping[str, Any]) -> str:
    return next((str(arguments[name]) for name in _ROOTS if arguments.get(name)), "")


def _side(size: Any) -> int | None:
    return _whole(size[-1] if isinstance(size, list | tuple) and size else size)


def _whole(value: Any) -> int | None:
    number = _float(value)
    return int(number) if number is not None and number == int(number) else None


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
