"""WebDataset shards (timm's ``wds/``): tar files in which an image and its ``.cls`` file share a name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from advisor.bounded import read_bounded
from advisor.describe.sources.images import ImageDataset, few, file_stamp, printable
from advisor.describe.sources.readers.archive import tar_members
from advisor.describe.sources.rows import Rows, from_rows
from advisor.describe.sources.splits import split_of_file
from advisor.errors import DatasetError

_IMAGES = ("jpg", "jpeg", "png", "webp")
_LABELS = ("cls", "json")
_MAX_LABEL = 1 << 20


def shard_files(folder: Path) -> list[Path]:
    """Return the tar files of a folder and of those below it, as a dataset of shards has them."""
    return sorted(path for path in folder.rglob("*.tar") if path.is_file())


def open_shards(folder: Path) -> ImageDataset:
    """Return the dataset in the shards of a folder.

    Which shard belongs to which split: what ``_info.json`` says, as in timm; else the word in the name of the shard
    (``imagenet-train-0001.tar``) or of its folder; else all are training images.

    Raises
    ------
    DatasetError
        If there are none, or an image has no label or several.
    """
    shards = shard_files(folder)
    told = _splits_from_info(folder)
    broken: list[str] = []
    names: list[str] = []
    openers: list[Callable[[], BinaryIO]] = []
    labels: list[object] = []
    splits: list[str] = []
    unlabelled = 0
    for shard in shards:
        inside = shard.relative_to(folder)
        if told and inside.as_posix() not in told:
            continue
        split = told[inside.as_posix()] if told else split_of_file(inside) or inside.as_posix()
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
            names.append(f"{inside.as_posix()}/{key}")
            openers.append(image)
            labels.append(label)
            splits.append(split)
    if not labels:
        raise DatasetError(
            f"{printable(folder.name)} holds no labelled shard",
            cause="no tar file in it has an image and a .cls (or .json) file of the same name",
            hint="see the WebDataset format, or give a folder with one subfolder of images for each class",
        )
    stamp = " ".join(file_stamp(path) for path in shards)
    notes = [f"{unlabelled} samples lack an image or a label and were left out."] if unlabelled else []
    if broken:
        notes.append(f"Shards that end too early or are damaged: {few(broken)}.")
    return from_rows(
        Rows(labels, splits, lambda row: openers[row](), lambda row: stamp, names, of_files=not told),
        name=folder.resolve().name or "dataset",
        root=folder,
        kind="wds",
        classes=_class_names(folder),
        notes=tuple(notes),
        told_by="_info.json" if told else "",
    )


def _read_label(kind: str, opener: Callable[[], BinaryIO]) -> object:
    try:
        text = opener().read(_MAX_LABEL).decode("utf-8").strip()
        if kind == "cls":
            return text or None
        value = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    return value.get("label") if isinstance(value, dict) else None


def _splits_from_info(folder: Path) -> dict[str, str]:
    for name in ("_info.json", "info.json"):
        try:
            splits = json.loads(read_bounded(folder / name, "sidecar"))["splits"]
            return {file: split for split, info in splits.items() for file in info["filenames"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return {}


def _class_names(folder: Path) -> list[str]:
    try:
        return read_bounded(folder / "classnames.txt", "sidecar").splitlines()
    except (OSError, ValueError):
        return []
