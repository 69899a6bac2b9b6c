"""TensorFlow Datasets that were prepared before (timm's ``tfds/``), where tensorflow-datasets is installed."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from advisor.describe.sources.images import ImageDataset, printable
from advisor.describe.sources.in_order import InOrder
from advisor.describe.sources.labels import have_labels
from advisor.describe.sources.rows import Rows, from_rows
from advisor.describe.sources.splits import assign, no_training_split, notes_on
from advisor.errors import DatasetError


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
        available = list(builder.info.splits)
    except (ValueError, OSError, RuntimeError, tensorflow_datasets.core.DatasetNotFoundError) as error:
        raise DatasetError(
            f"tfds/{printable(name)} cannot be opened",
            cause=" ".join(str(error).split())[:200],
            hint=f"tfds build {printable(name)}",
        ) from error
    features = builder.info.features or {}
    if not available or not {"image", "label"} <= set(features):
        raise DatasetError(
            f"tfds/{printable(name)} has no images with labels",
            cause=f"its features are {', '.join(map(printable, features)) or 'none'}"
            if available
            else "it was not prepared",
            hint=f"tfds build {printable(name)}",
        )
    reader = _Reader(tensorflow_datasets, builder)
    trained = assign(available).train
    if not trained:
        raise no_training_split(f"tfds/{name}", available)
    of_training = [label for split in trained for label in reader.labels(split)]
    # Only what is used is read: labels lie beside the images.
    roles = assign(available, lambda split: have_labels(reader.labels(split), of_training))
    used = (*roles.train, *roles.eval, *roles.unlabelled)
    labels = [label for split in used for label in reader.labels(split)]
    where = [(split, index) for split in used for index in range(len(reader.labels(split)))]
    return from_rows(
        Rows(
            labels,
            [split for split, _ in where],
            open=lambda row: reader.open(*where[row]),
            stamp=lambda row: str(builder.data_path),
        ),
        name=name.partition(":")[0],
        root=Path(builder.data_path),
        kind="tfds",
        classes=list(getattr(features["label"], "names", None) or []),
        notes=notes_on(
            roles._replace(unlabelled=()), {split: info.num_examples for split, info in builder.info.splits.items()}
        ),
    )


class _Reader:
    """The images and labels of the splits of a builder."""

    def __init__(self, tfds: Any, builder: Any) -> None:
        self._tfds, self._builder = tfds, builder
        self.labels = functools.cache(self._labels)
        self._images = functools.cache(lambda split: InOrder(lambda: self._examples(split, "image")))

    def _examples(self, split: str, key: str) -> Iterator[Any]:
        decoders = {"image": self._tfds.decode.SkipDecoding()}
        dataset = self._builder.as_dataset(split=split, shuffle_files=False, decoders=decoders)
        return (example[key] for example in self._tfds.as_numpy(dataset))

    def _labels(self, split: str) -> list[int]:
        """Return all labels of a split, images left undecoded."""
        return [int(label) for label in self._examples(split, "label")]

    def open(self, split: str, index: int) -> BinaryIO:
        """Return the file of an image."""
        return io.BytesIO(np.asarray(self._images(split)[index]).item())
