"""Arrays of images and labels in one ``.npz`` file, as MedMNIST (``train_images``) and Keras (``x_train``) write it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from advisor.describe.sources.images import ImageDataset, few, file_stamp, printable
from advisor.describe.sources.in_order import InOrder
from advisor.describe.sources.readers.archive import CUT_IN_FRONT, DAMAGED
from advisor.describe.sources.readers.arrays import plain_labels, to_image
from advisor.describe.sources.rows import Rows, from_rows
from advisor.errors import DatasetError

_IMAGES = ("images", "image", "imgs", "x", "data")
_LABELS = ("labels", "label", "targets", "target", "y")
_SUFFIX = ".npy"


def open_npz(path: Path) -> ImageDataset:
    """Return the dataset in an ``.npz`` file; images are read one after the other, never all at a time.

    An array is of images or of labels, and of a split, by the words of its name.

    Raises
    ------
    DatasetError
        If it is no such file, or has no arrays of images with one label each.
    """
    try:
        archive = zipfile.ZipFile(path)
        stored = {
            info.filename.removesuffix(_SUFFIX): _Stored(archive, info)
            for info in archive.infolist()
            if info.filename.endswith(_SUFFIX)
        }
        pairs = _pairs(path, stored)
        labels = {
            split: plain_labels(stored[of_labels].whole(), stored[of_images].shape[0])
            for split, (of_images, of_labels) in pairs.items()
        }
    except (OSError, *DAMAGED) as error:
        raise DatasetError(
            f"cannot read {printable(str(path))}",
            cause=" ".join(str(error).split()) or type(error).__name__,
            hint="give an .npz file with the arrays train_images and train_labels, saved by numpy.savez",
        ) from error
    where = [(split, index) for split in pairs for index in range(len(labels[split]))]
    images = {split: InOrder(stored[of_images].items) for split, (of_images, _) in pairs.items()}

    def open_row(row: int) -> Image.Image:
        split, index = where[row]
        return to_image(images[split][index])

    stamp = file_stamp(path)
    return from_rows(
        Rows(
            [label for split in pairs for label in labels[split]],
            [split for split, _ in where],
            open_row,
            lambda row: stamp,
        ),
        name=path.stem or "dataset",
        root=path,
        kind="npz",
        told_by="the names of its arrays",
        source=path.name,
    )


class _Stored:
    """An array of an ``.npz`` file, of which only the header is read."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        if info.header_offset < 0:
            raise ValueError(CUT_IN_FRONT)
        self._archive, self._name = archive, info.filename
        with archive.open(info) as stream:
            self.shape, self._column_first, self._dtype = _header(stream)
        # Before memory is asked for it: what is damaged may claim any size.
        if int(np.prod(self.shape, dtype=object)) * self._dtype.itemsize > info.file_size:
            raise ValueError(f"{info.filename} is shorter than its header says")

    def whole(self) -> Any:
        with self._archive.open(self._name) as stream:
            return npy.read_array(stream, allow_pickle=False)

    def items(self) -> Iterator[Any]:
        """Return the items along the first axis, one after the other."""
        if self._column_first:
            yield from self.whole()
            return
        try:
            with self._archive.open(self._name) as stream:
                _header(stream)
                size = int(np.prod(self.shape[1:], dtype=np.int64)) * self._dtype.itemsize
                while len(data := stream.read(size)) == size > 0:
                    yield np.frombuffer(data, dtype=self._dtype).reshape(self.shape[1:])
        except DAMAGED as error:
            raise OSError(f"damaged inside the file: {error}") from error


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)
    return npy.read_array_header_1_0(stream) if version == (1, 0) else npy.read_array_header_2_0(stream)


def _pairs(path: Path, stored: Mapping[str, _Stored]) -> dict[str, tuple[str, str]]:
    """Return the names of the arrays of images and of labels of each split."""
    found: dict[str, dict[str, str]] = {}
    for name, array in stored.items():
        words = name.lower().split("_")
        for kind, known in (("images", _IMAGES), ("labels", _LABELS)):
            word = next((word for word in words if word in known), None)
            if word is not None and (kind == "labels" or len(array.shape) in (3, 4)):
                rest = "_".join(w for w in words if w != word)
                found.setdefault(rest, {}).setdefault(kind, name)
    pairs = {split: (of["images"], of["labels"]) for split, of in found.items() if len(of) == 2}
    if not pairs:
        shapes = [f"{name} {'x'.join(map(str, array.shape))}" for name, array in stored.items()]
        raise DatasetError(
            f"{printable(path.name)} has no arrays of images with labels",
            cause=f"its arrays are {few(shapes, 10)}" if shapes else "it holds no array",
            hint="name them train_images, train_labels, val_images, val_labels, as numpy.savez(path, train_images=...)",
        )
    return pairs
