"""The part of a dataset that timm's ``--class-map`` leaves: some of the class folders."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from advisor.bounded import read_bounded
from advisor.describe.sources.images import ImageDataset, Split
from advisor.describe.sources.splits import TRAIN_NAMES
from advisor.errors import DatasetError

if TYPE_CHECKING:
    from PIL.Image import Image


def read_class_map(class_map: str, root: Path) -> tuple[str, ...]:
    """Return the class folders that a class map names, one a line; it may lie in the dataset's folder, as in timm.

    Raises
    ------
    DatasetError
        If there is no such file, or it is no text file.
    """
    for path in (Path(class_map), root / class_map, *(root / name / class_map for name in TRAIN_NAMES)):
        if os.path.isfile(path) and path.suffix.lower() == ".txt":
            return tuple(line.strip() for line in read_bounded(path, "sidecar").splitlines())
    raise DatasetError(
        f"the class map {class_map} cannot be read",
        cause="there is no such .txt file on this machine",
        hint="advisor describe --dataset PATH",
    )


def of_class_map(dataset: ImageDataset, class_map: str | None) -> ImageDataset:
    """Return the images of the classes that a class map names, as a dataset of its own; all of them without one.

    Raises
    ------
    DatasetError
        If it cannot be read, or fewer than two of its classes have a training image.
    """
    return dataset if class_map is None else of_classes(dataset, read_class_map(class_map, dataset.root or Path()))


def of_classes(dataset: ImageDataset, names: Collection[str]) -> ImageDataset:
    """Return the images of some classes, as a dataset of its own.

    Raises
    ------
    DatasetError
        If fewer than two of the classes have a training image.
    """
    kept = [index for index, name in enumerate(dataset.classes) if name in names]
    classes = tuple(dataset.classes[index] for index in kept)

    def part(split: Split) -> Split:
        return _Part(split, np.flatnonzero(np.isin(split.labels, kept)), kept, classes)

    evaluation = part(dataset.eval) if dataset.eval is not None else None
    return replace(dataset, classes=classes, train=part(dataset.train), eval=evaluation)


class _Part(Split):
    def __init__(self, split: Split, chosen: NDArray[np.intp], kept: list[int], classes: tuple[str, ...]) -> None:
        super().__init__(np.searchsorted(kept, split.labels[chosen]).astype(np.int32), classes)
        self._split, self._chosen = split, chosen

    def path(self, index: int) -> str:
        return self._split.path(int(self._chosen[index]))

    def open(self, index: int) -> BinaryIO | Image:
        return self._split.open(int(self._chosen[index]))

    def stamp(self, index: int) -> str:
        return self._split.stamp(int(self._chosen[index]))
