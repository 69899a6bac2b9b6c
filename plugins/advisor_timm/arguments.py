"""What the arguments of a training script, as timm's train.py names them, say about a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor import Run

# Record field: the arguments that give it; the first that says something wins. Those of equal name are listed too,
# because no other argument may fall into a record field by accident (a script's own --name or --status).
_SAME = (
    "model", "pretrained", "img_size", "opt", "sched", "warmup_epochs", "min_lr", "lr", "epochs",
    "weight_decay", "mixup", "cutmix", "seed", "world_size",
)  # fmt: skip
_FIELDS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in _SAME},
    "n_classes": ("num_classes", "nb_classes"),
    "dropout": ("drop",),
    "drop_path": ("drop_path", "drop_connect"),
    "label_smoothing": ("smoothing",),
    "ema": ("model_ema",),
    "amp": ("amp", "native_amp", "apex_amp"),
    "grad_accum_steps": ("grad_accum_steps", "accum_iter", "update_freq"),
    "metric": ("eval_metric",),
}
_ROOT = ("data_dir", "data", "data_path")
_USED = {name for names in _FIELDS.values() for name in names} | {"batch_size", *_ROOT}
_OF_TRAINING = {"lr", "epochs", "opt", "sched", "weight_decay", "warmup_epochs"}
_FIELD_NAMES = set(Run.__dataclass_fields__)


def as_mapping(arguments: Any) -> dict[str, Any]:
    """Return the arguments by name, from a Namespace, a mapping or any object with attributes."""
    return dict(arguments) if isinstance(arguments, Mapping) else dict(getattr(arguments, "__dict__", {}))


def count_known(arguments: Mapping[str, Any]) -> int:
    """Return how many of the names are known ones: the parser of a training script has the most."""
    return len((_USED | _OF_TRAINING) & arguments.keys())


def describe_training(arguments: Mapping[str, Any]) -> bool:
    """Tell whether the arguments are a training's, not an evaluation's or an export's."""
    return len(_OF_TRAINING & arguments.keys()) >= 2


def run_fields(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record fields that the arguments give; those not set are left out."""
    fields = {}
    for field, names in _FIELDS.items():
        given = [arguments[name] for name in names if arguments.get(name) is not None]
        value = next((value for value in given if value), given[0] if given else None)
        if value is not None:
            fields[field] = value
    return fields


def other_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that no record field holds, for the record's ``extra``.

    A name that is also a record field's becomes ``args.NAME``.
    """
    rest = {name: value for name, value in arguments.items() if name not in _USED and _is_plain(value)}
    if rest.get("resume"):
        rest["resume"] = os.path.abspath(rest["resume"])
    if isinstance(rest.get("class_map"), str) and os.path.exists(rest["class_map"]):  # else in the dataset's folder
        rest["class_map"] = os.path.abspath(rest["class_map"])
    return {f"args.{name}" if name in _FIELD_NAMES else name: value for name, value in rest.items()}


def _is_plain(value: Any) -> bool:
    """Tell whether a value is set and is data; scripts also keep models, devices and functions in their arguments."""
    if isinstance(value, (str, int, float)):
        return True
    if isinstance(value, Mapping):
        return all(_is_plain(item) or item is None for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_plain(item) or item is None for item in value)
    return isinstance(value, Path)


def dataset_root(arguments: Mapping[str, Any]) -> Path | None:
    """Return the folder of the images, if the arguments name one."""
    root = next((arguments[name] for name in _ROOT if arguments.get(name)), None)
    return Path(root) if isinstance(root, str | Path) else None


def dataset_name(name: str | None, root: Path | None) -> str | None:
    """Return what to call a dataset: timm's name for it, else that of its folder."""
    return name or (root.name if root is not None else None) or None
