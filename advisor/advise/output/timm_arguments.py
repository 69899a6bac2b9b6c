"""A suggestion under the names of timm's train.py arguments."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.advise.assumes import Assumes
from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import TIMM_ARGUMENTS, format_number

_TIMM_DATASETS = ("torch/", "hfds/", "hfids/", "wds/", "tfds/")

# What train.py must be told for a recorded augmentation, whose own default is a heavy ImageNet recipe.
_AUGMENT: dict[str, dict[str, Any]] = {
    "none": {"no_aug": True},
    "flip-crop": {"scale": [0.7, 1.0], "ratio": [0.9, 1.1], "hflip": 0.5, "color_jitter": 0.0},
    "timm": {},
    "timm-default": {},
    "custom": {},
}
# Further options that the recorded runs were trained with and that train.py sets otherwise; see meta_data/README.md.
_RECORDED: dict[str, Any] = {"sched_on_updates": True, "warmup_lr": 1e-5, "crop_pct": 1.0}
_ERASE = 0.25
"""The probability of random erasing in timm's published recipes; records only tell that there was some."""


def data_arguments(dataset: str | Path | None) -> dict[str, Any]:
    """Return where the images are as arguments of train.py; none where it cannot read them from there."""
    if dataset is None:
        return {}
    path, text = Path(os.path.expanduser(dataset)), str(dataset)
    if os.path.isdir(path) or path.suffix.lower() == ".tar":
        return {"data_dir": text}
    if text.startswith(_TIMM_DATASETS):
        name, colon, root = text.partition(":")
        return {"dataset": name, "data_dir": root} if colon else {"dataset": name}
    return {}


def hyperparameter_arguments(configuration: Configuration) -> dict[str, float]:
    """Return a configuration as arguments of train.py by name; its batch size is that of one process."""
    return {
        TIMM_ARGUMENTS[name]: getattr(configuration, name)
        for name in ("lr", "weight_decay", "batch_size", "epochs", "dropout")
    }


def recipe_arguments(assumes: Assumes, *, as_recorded: bool) -> dict[str, Any]:
    """Return what advice assumes beside the hyperparameters, as arguments of train.py by name.

    Parameters
    ----------
    assumes : Assumes
        The rest of the recipe.
    as_recorded : bool
        Whether it is that of the recorded runs, with all that they were trained with.
    """
    return {
        "sched": assumes.sched,
        "warmup_epochs": assumes.whole_warmup_epochs,
        "cooldown_epochs": 0,
        "min_lr": assumes.min_lr,
        **({} if assumes.layer_decay is None else {"layer_decay": assumes.layer_decay}),
        **({"drop_path": assumes.drop_path} if assumes.drop_path else {}),
        **({} if assumes.ema is None else {"model_ema": True, "model_ema_decay": assumes.ema}),
        "mixup": assumes.mixup,
        "smoothing": assumes.label_smoothing,
        **_augmentation(assumes.augment),
        **(_RECORDED if as_recorded else {}),
    }


def to_words(config: Mapping[str, Any]) -> list[str]:
    """Return arguments as the words of a command line; those that are False or None are left out."""
    words: list[str] = []
    for name, value in config.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif isinstance(value, list):
            words += [option, *map(format_number, value)]
        elif value is not False and value is not None:
            words += [option, value if isinstance(value, str) else format_number(value)]
    return words


def quote(words: list[str], *, windows: bool = os.name == "nt") -> str:
    """Return words as one line that can be pasted into this system's shell."""
    return subprocess.list2cmdline(words) if windows else shlex.join(words)


def _augmentation(augment: str) -> dict[str, Any]:
    if augment in _AUGMENT:
        return _AUGMENT[augment]
    policy, plus, _ = augment.partition("+")  # what the recorder calls an automatic policy
    return {"aa": policy, **({"reprob": _ERASE} if plus else {})}
