"""WebDataset shards (timm's ``wds/``): tar files in which an image and its ``.cls`` file share a name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from advisor.describe.sources.images import ImageDataset, Labels, ListedSplit, few, file_stamp, printable
from advisor.describe.sources.labels import class_indices
from advisor.describe.sources.readers.archive import tar_members
from advisor.describe.sources.readers.folder import EVAL_NAMES, TRAIN_NAMES
from advisor.errors import DatasetError

_IMAGES = ("jpg", "jpeg", "png", "webp")
_LABELS = ("cls", "json")
_MAX_LABEL = 1 << 20


def has_shards(folder: Path) -> bool:
    """Return whether a folder holds tar files, as a dataset of shards does."""
    return any(name.endswith(".tar") for name in os.listdir(folder))


def open_shards(folder: Path) -> ImageDataset:
    """Return the dataset in the shards of a folder.

    Which shard belongs to which split: what ``_info.json`` says, as in timm; else the word in the shard's name
    (``imagenet-train-0001.tar``); else all are training images.

    Raises
    ------
    DatasetError
        If there are none, or an image has no label or several.
    """
    shards = sorted(path for path in folder.iterdir() if path.suffix == ".tar")
    of_split = _splits_from_info(folder) or {path.name: _split_of(path.stem) for path in shards}
    broken: list[str] = []
    images: dict[str, list[tuple[str, Callable[[], BinaryIO]]]] = {"train": [], "eval": []}
    labels: dict[str, list[object]] = {"train": [], "eval": []}
    unlabelled = 0
    for shard in shards:
        role = of_split.get(shard.name)
        if role is None:
            continue
        groups: dict[str, dict[str, Callable[[], BinaryIO]]] = {}
        for member in tar_members(shard, broken):
            head, base = os.path.split(member.path)
            key, _, extension = base.partition(".")
            groups.setdefault(os.path.join(head, key), {})[extension.lower()] = member.opener
        for key, files in groups.items():
            image = next((files[name] for name in _IMAGES if name in files), None)
            label = next((_read_label(name, files[name]) for name in _LABELS if name in files), None)
            if image is None or label is None:
                unlabelled += 1
                continue
            images[role].append((f"{shard.name}/{key}", image))
            labels[role].append(label)
    if not labels["train"]:
        raise DatasetError(
            f"{printable(folder.name)} holds no labelled training shard",
            cause="no tar file in it has an image and a .cls (or .json) file of the same name",
            hint="see the WebDataset format, or give a folder with one subfolder of images for each class",
        )
    indices, classes = class_indices([*labels["train"], *labels["eval"]], folder.name, _class_names(folder))
    stamp = " ".join(file_stamp(path) for path in shards)
    n_train = len(labels["train"])

    def split(role: str, index: Labels) -> ListedSplit:
        entries = images[role]
        return ListedSplit(index, classes, [name for name, _ in entries], lambda i: entries[i][1](), stamp)

    notes = [f"{unlabelled} samples lack an image or a label and were left out."] if unlabelled else []
    if broken:
        notes.append(f"Shards that end too early: {few(broken)}.")
    return ImageDataset(
        name=folder.resolve().name or "dataset",
        root=folder,
        kind="wds",
        classes=classes,
        train=split("train", indices[:n_train]),
        eval=split("eval", indices[n_train:]) if labels["eval"] else None,
        notes=tuple(notes),
    )


def _read_label(kind: str, opener: Callable[[], BinaryIO]) -> object:
    try:
        text = opener().read(_MAX_LABEL).decode("utf-8").strip()
        if kind == "cls":
            return text or None
        value = json.loads(text)
    except (OSError, ValueError):
        return None
    return value.get("label") if isinstance(value, dict) else None


def _splits_from_info(folder: Path) -> dict[str, str]:
    for name in ("_info.json", "info.json"):
        try:
            splits = json.loads((folder / name).read_text(encoding="utf-8"))["splits"]
            return {
                file: role for split, info in splits.items() if (role := _role(split)) for file in info["filenames"]
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {}


def _split_of(stem: str) -> str:
    roles = [role for word in re.split(r"[^a-z]+", stem.lower()) if (role := _role(word))]
    return roles[0] if roles else "train"


def _role(name: str) -> str:
    return "train" if name in TRAIN_NAMES else "eval" if name in EVAL_NAMES else ""


def _class_names(folder: Path) -> list[str]:
    try:
        return (folder / "classnames.txt").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
