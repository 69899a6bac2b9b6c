"""TensorFlow Datasets that were prepared before (timm's ``tfds/``), where tensorflow-datasets is installed."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from advisor.describe.sources.images import ImageDataset, ListedSplit, printable
from advisor.describe.sources.labels import class_indices
from advisor.describe.sources.readers.folder import EVAL_NAMES, TRAIN_NAMES
from advisor.errors import DatasetError

_KEPT = 256
"""Images that stay in memory behind the last one read: threads ask for them slightly out of order."""


def open_tfds(name: str, data_dir: Path | None) -> ImageDataset:
    """Return the dataset ``name`` below timm's ``--data-dir``; nothing is downloaded.

    Raises
    ------
    DatasetError
        If tensorflow-datasets is not installed, or it was not prepared, or has no training split, images or labels.
    """
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise DatasetError(
            f"tensorflow-datasets is needed to open tfds/{printable(name)}",
            cause="it is not installed in this environment",
            hint="pip install tensorflow-datasets tensorflow",
        ) from error
    try:
        builder = tensorflow_datasets.builder(name, data_dir=data_dir)
        available = dict(builder.info.splits)
    except (ValueError, OSError, RuntimeError, tensorflow_datasets.core.DatasetNotFoundError) as error:
        raise DatasetError(
            f"tfds/{printable(name)} cannot be opened",
            cause=" ".join(str(error).split())[:200],
            hint=f"tfds build {printable(name)}",
        ) from error
    roles = {
        role: next((split for split in names if split in available), None)
        for role, names in (("train", TRAIN_NAMES), ("eval", EVAL_NAMES))
    }
    if roles["train"] is None or not {"image", "label"} <= set(builder.info.features or ()):
        raise DatasetError(
            f"tfds/{printable(name)} has no training split with images and labels",
            cause=f"it was not prepared, or holds something else (splits: {', '.join(available) or 'none'})",
            hint=f"tfds build {printable(name)}",
        )
    readers = {role: _Cursor(tensorflow_datasets, builder, split) for role, split in roles.items() if split}
    labels = {role: reader.labels() for role, reader in readers.items()}
    values = [label for found in labels.values() for label in found]
    names = list(getattr(builder.info.features["label"], "names", None) or [])
    indices, classes = class_indices(values, name, names)
    n_train = len(labels["train"])

    def split(role: str, index: Any) -> ListedSplit:
        paths = [f"{role}/{i:06d}" for i in range(len(index))]
        return ListedSplit(index, classes, paths, readers[role].open, str(builder.data_path))

    return ImageDataset(
        name=name.partition(":")[0],
        root=Path(builder.data_path),
        kind="tfds",
        classes=classes,
        train=split("train", indices[:n_train]),
        eval=split("eval", indices[n_train:]) if "eval" in readers else None,
    )


class _Cursor:
    """Random access to what can only be read in order: goes on from where it stands, starts again if it must."""

    def __init__(self, tfds: Any, builder: Any, split: str) -> None:
        self._tfds, self._builder, self._split = tfds, builder, split
        self._lock = threading.Lock()
        self._kept: dict[int, bytes] = {}
        self._next = 0
        self._items: Iterator[bytes] = iter(())

    def _examples(self, key: str, **decoders: Any) -> Iterator[Any]:
        dataset = self._builder.as_dataset(split=self._split, shuffle_files=False, decoders=decoders or None)
        return (example[key] for example in self._tfds.as_numpy(dataset))

    def labels(self) -> list[int]:
        """Return all labels, images left undecoded."""
        return [int(label) for label in self._examples("label", image=self._tfds.decode.SkipDecoding())]

    def open(self, index: int) -> BinaryIO:
        """Return the file of image ``index``."""
        with self._lock:
            if index not in self._kept:
                if index < self._next or self._next == 0:
                    self._next, self._kept = 0, {}
                    self._items = self._examples("image", image=self._tfds.decode.SkipDecoding())
                while self._next <= index:
                    self._kept[self._next] = next(self._items)
                    self._kept.pop(self._next - _KEPT, None)
                    self._next += 1
            return io.BytesIO(np.asarray(self._kept[index]).item())
