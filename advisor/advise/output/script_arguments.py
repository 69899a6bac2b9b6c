"""What a training script was told about the hyperparameters, what it leaves open, and how advice fills that in."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.advise.output.timm_arguments import to_words
from advisor.advise.suggestion import Suggestion
from advisor.space.hyperparameters import HYPERPARAMETERS, TABLE, TIMM_ARGUMENTS

_ROOTS = ("data_dir", "data", "data_path")
_WEIGHTS = ("pretrained", "pretrained_path", "initial_checkpoint", "finetune")
_SIZES = ("img_size", "input_size")
_AUGMENTATION = frozenset(
    [
        "no_aug",
        "train_crop_mode",
        "scale",
        "ratio",
        "hflip",
        "vflip",
        "color_jitter",
        "color_jitter_prob",
        "grayscale_prob",
        "gaussian_blur_prob",
        "aa",
        "aug_repeats",
        "aug_splits",
        "reprob",
        "remode",
        "recount",
    ]
)
_SCHEDULE = frozenset(("sched", "sched_on_updates", "cooldown_epochs"))
_TOGETHER = (_AUGMENTATION, _SCHEDULE)
"""Arguments that mean something only with each other: who set one of them otherwise has a recipe of their own."""


@dataclass(frozen=True)
class ScriptArguments:
    """The arguments of one training, as its script parsed them.

    Attributes
    ----------
    values : mapping
        Every argument by name, the script's defaults included.
    decided : collection of str
        Names of those that the user set, on the command line or in a configuration file.
    options : mapping
        Names of those that the script would take, and how each is written: ``{"lr": "--lr"}``.
    processes : int
        How many processes train together.
    """

    values: Mapping[str, Any]
    decided: Collection[str]
    options: Mapping[str, str]
    processes: int = 1

    @property
    def open(self) -> tuple[str, ...]:
        """Hyperparameters that the script takes and the user has not set; ``--lr-base`` sets the learning rate too."""
        names = (
            name
            for name in HYPERPARAMETERS
            if TIMM_ARGUMENTS[name] in self.options and TIMM_ARGUMENTS[name] not in self.decided
        )
        return tuple(name for name in names if not (name == "lr" and "lr_base" in self.decided))

    @property
    def unknown(self) -> tuple[str, ...]:
        """The hyperparameters that the script has no option for."""
        return tuple(name for name in HYPERPARAMETERS if TIMM_ARGUMENTS[name] not in self.options)

    @property
    def images_a_value(self) -> int:
        """How many images of the global batch one of the script's ``batch_size`` stands for."""
        return self.processes * max(1, int(self.values.get("grad_accum_steps") or 1))

    @property
    def root(self) -> str | None:
        """The name of the argument that says where the images are."""
        return next((name for name in _ROOTS if self.values.get(name)), None)

    def folder_without_validation(self) -> Path | None:
        """Return the folder of the images where timm would read the training images for validation too.

        None where the user named a split, or the script has no option for it.
        """
        # Not before the script has imported what it wants: the first import of numpy settles its threads.
        from advisor.describe.sources.splits import EVAL_NAMES, TRAIN_NAMES, validates_on_training_images

        splits = str(self.values.get("train_split")), str(self.values.get("val_split"))
        if self.root is None or self.values.get("dataset") or {"train_split", "val_split"} & set(self.decided):
            return None
        folder = Path(os.path.expanduser(self.values[self.root]))
        if splits[0] not in TRAIN_NAMES or splits[1] not in EVAL_NAMES or not os.path.isdir(folder):
            return None
        return folder if validates_on_training_images(folder, *splits) else None

    def class_map(self) -> str | None:
        """Return the file of the class map, wherever the images are read from; None without one."""
        named = self.values.get("class_map")
        if not named or self.root is None:
            return named or None
        inside = Path(self.values[self.root])
        places = (Path(named), inside / named, inside / str(self.values.get("train_split")) / named)
        return next((str(path.absolute()) for path in places if os.path.isfile(path)), str(named))

    def reading(self, folder: str) -> dict[str, Any]:
        """Return what to set so that the same training reads its images in another folder."""
        assert self.root is not None
        class_map = {} if self.class_map() is None else {"class_map": self.class_map()}
        return {self.root: type(self.values[self.root])(folder), **class_map}

    def dataset(self) -> str | None:
        """Return the training images as ``advisor suggest --dataset`` takes them; None if the arguments name none."""
        name = self.values.get("dataset") or ""
        root = str(self.values[self.root]) if self.root is not None else None
        if "/" in name:
            return f"{name}:{root}" if root else str(name)
        split = self.values.get("train_split")
        if root and "train_split" in self.decided and os.path.isdir(os.path.join(root, str(split))):
            return os.path.join(root, str(split))
        return root

    def asked(self) -> dict[str, Any]:
        """Return what is asked of advice for exactly this training, by the names of ``Advisor.suggest``.

        Raises
        ------
        LookupError
            If the arguments name no dataset or no model.
        """
        dataset, model = self.dataset(), self.values.get("model")
        if dataset is None:
            raise LookupError("the command line names no dataset")
        if not model:
            raise LookupError("the command line names no model")
        sizes = (self.values.get(name) for name in _SIZES)
        size = next((value for value in sizes if value), None)
        fixed = {
            name: self.values[TIMM_ARGUMENTS[name]] * (self.images_a_value if name == "batch_size" else 1)
            for name in HYPERPARAMETERS
            if TIMM_ARGUMENTS[name] in self.decided and self.values.get(TIMM_ARGUMENTS[name]) is not None
        }
        return {
            "dataset": dataset,
            "class_map": self.class_map(),
            "model": str(model),
            **({"opt": str(self.values["opt"])} if self.values.get("opt") else {}),
            "pretrained": any(self.values.get(name) for name in _WEIGHTS),
            "img_size": size[-1] if isinstance(size, (list, tuple)) else size,
            "fix": fixed,
        }

    def question(self) -> list[str]:
        """Return the options of ``advisor suggest`` that ask for exactly this training.

        Raises
        ------
        LookupError
            If the arguments name no dataset or no model.
        """
        asked = self.asked()
        words = ["--dataset", asked["dataset"], "--model", asked["model"]]
        for name in ("class_map", "opt"):
            if asked.get(name) is not None:
                words += [f"--{name.replace('_', '-')}", asked[name]]
        words.append("--pretrained" if asked["pretrained"] else "--scratch")
        if asked["img_size"]:
            words += ["--img-size", str(asked["img_size"])]
        for name, value in asked["fix"].items():
            words += ["--fix", f"{name}={value}"]
        return words

    def reachable_batch_size(self, advised: int) -> int:
        """Return the global batch size nearest below the advised one that these processes can train with."""
        return max(1, advised // self.images_a_value) * self.images_a_value

    def lr_divisor(self, suggestion: Suggestion) -> float:
        """Return by what to divide the advised learning rate: it is too high if layer decay is assumed but not set."""
        is_set = self.values.get("layer_decay") not in (None, 1) or "layer_decay" in self.recipe(suggestion)
        return 1.0 if is_set else suggestion.assumes.layer_decay_lr_factor

    def fill(self, suggestion: Suggestion) -> dict[str, float]:
        """Return what to set the open ones to, under the script's names."""
        best = suggestion.best.configuration.as_dict()
        best["lr"] = TABLE["lr"].rounded(best["lr"] / self.lr_divisor(suggestion))
        best["batch_size"] = self.reachable_batch_size(int(best["batch_size"])) // self.images_a_value
        return {TIMM_ARGUMENTS[name]: best[name] for name in self.open}

    def recipe(self, suggestion: Suggestion) -> dict[str, Any]:
        """Return what to set beside the hyperparameters so that the training is what the advice assumes.

        What the user set stays, and so does what has no meaning without it: of augmentation or schedule nothing is set
        where any of it was set to something else. A training that is resumed goes on as it was.
        """
        assumed = suggestion.recipe_arguments()
        if self.values.get("resume"):
            return {}
        changed = {name for name in self.decided if name not in assumed or assumed[name] != self.values.get(name)}
        theirs = set(self.decided).union(*(group for group in _TOGETHER if group & changed))
        return {
            name: value
            for name, value in assumed.items()
            if name in self.options and name not in theirs and self.values.get(name) != value
        }

    def beyond_script(self, suggestion: Suggestion) -> list[str]:
        """Return the words of what the advice assumes and the script has no option for."""
        assumed = suggestion.recipe_arguments()
        return to_words({name: value for name, value in assumed.items() if value and name not in self.options})
