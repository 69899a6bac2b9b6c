"""Images that are already in Python: numpy arrays and map-style torch Datasets. Imports neither torch nor timm."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from advisor.describe.sources.images import ImageDataset, open_file
from advisor.describe.sources.readers.folder import IMAGE_EXTENSIONS, OTHER_EXTENSIONS
from advisor.describe.sources.rows import Rows, from_rows
from advisor.errors import DatasetError

_SPLITS = ("train", "validation")


def without_loader(source: Any) -> Any:
    """Return the Dataset that a DataLoader loads, also within a pair; anything else as it is."""
    if isinstance(source, tuple):
        return tuple(without_loader(part) for part in source)
    return (
        source.dataset if hasattr(source, "dataset") and hasattr(source, "__iter__") and not _is_map(source) else source
    )


def is_in_memory(source: Any) -> bool:
    """Return whether ``source`` is a pair of arrays, a map-style Dataset, or a (train, eval) pair of such."""
    if isinstance(source, tuple) and len(source) == 2:
        return _is_pair(source) or all(_is_pair(part) or _is_map(part) for part in source)
    return _is_map(source)


def open_in_memory(source: Any, name: str = "dataset") -> ImageDataset:
    """Return the dataset of arrays or of a map-style torch Dataset.

    Parameters
    ----------
    source : tuple or Dataset
        ``(images, labels)`` with images of shape (n, h, w), (n, h, w, c) or (n, c, h, w) and one label each; a
        Dataset whose items are (image, label); or a tuple (train, eval) of two of the same.
    name : str
        What to call it.

    Raises
    ------
    DatasetError
        If shapes do not fit, or it is not single-label classification.
    """
    parts = (source,) if _is_map(source) or _is_pair(source) else source
    read = [_read_pair(part, name) if _is_pair(part) else _read_map(part, name) for part in parts]
    starts = np.cumsum([0, *(len(labels) for _, labels, _ in read)])

    def open_row(row: int) -> BinaryIO | Image.Image:
        part = int(np.searchsorted(starts, row, side="right")) - 1
        images, index = read[part][0], row - int(starts[part])
        return open_file(images[index]) if isinstance(images, _Files) else to_image(images[index])

    return from_rows(
        Rows(
            [label for _, labels, _ in read for label in labels],
            [split for split, (_, labels, _) in zip(_SPLITS, read, strict=False) for _ in labels],
            open_row,
        ),
        name=name,
        root=None,
        kind=read[0][2],
        classes=_class_names(parts[0]),
    )


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _is_pair(value: Any) -> bool:
    """Return whether ``value`` is (images, labels)."""
    if not (isinstance(value, tuple) and len(value) == 2 and _is_array(value[0]) and len(value[0].shape) in (3, 4)):
        return False
    return isinstance(value[1], Sequence) or (_is_array(value[1]) and len(value[1].shape) < 3)


def _is_map(value: Any) -> bool:
    return (
        hasattr(value, "__getitem__")
        and hasattr(value, "__len__")
        and not isinstance(value, (str, bytes, tuple, list, dict))
        and not _is_array(value)
    )


def _read_pair(pair: Any, name: str) -> tuple[Any, list[Any], str]:
    images, labels = pair
    return images, plain_labels(labels, len(images)), "arrays"


def plain_labels(labels: Any, n_images: int) -> list[Any]:
    """Return the labels of an array as a list: numbers, also where it has a column of them or is one-hot.

    Raises
    ------
    DatasetError
        If there is not one for each image.
    """
    labels = np.asarray(labels)
    if labels.shape[:1] != (n_images,):
        raise DatasetError(
            f"{n_images} images and {len(labels) if labels.ndim else 1} labels do not fit",
            cause="every image needs exactly one label",
            hint="give (images, labels) of the same length",
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif labels.ndim == 2 and set(np.unique(labels).tolist()) <= {0, 1} and (labels.sum(axis=1) == 1).all():
        labels = labels.argmax(axis=1)  # one-hot
    return list(labels) if labels.ndim > 1 else labels.tolist()


class _Items:
    """The images of a Dataset's items, its labels left aside."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __getitem__(self, index: int) -> Any:
        item = self._dataset[index]
        return item[0] if isinstance(item, (tuple, list)) else item


def _read_map(dataset: Any, name: str) -> tuple[Any, list[Any], str]:
    labels = _known_labels(dataset)
    if labels is None:
        labels = []
        for index in range(len(dataset)):
            item = dataset[index]
            if not (isinstance(item, (tuple, list)) and len(item) >= 2):
                raise DatasetError(
                    f"the items of {type(dataset).__name__} are not (image, label)",
                    cause=f"item {index} is a {type(item).__name__}",
                    hint="give a map-style Dataset for classification",
                )
            labels.append(item[1])
    files = _known_files(dataset)
    images = _Files(files) if files is not None else _known_arrays(dataset)
    return _Items(dataset) if images is None else images, [_scalar(label) for label in labels], "dataset"


class _Files(list[str]):
    """Paths of a Dataset's images, in whose place its items would be as training varies and scales them."""


def _known_files(dataset: Any) -> list[str] | None:
    """Return the files of the images where a Dataset keeps them (torchvision, timm, Subset, a list of one's own)."""
    if hasattr(dataset, "dataset") and hasattr(dataset, "indices"):  # torch.utils.data.Subset
        inner = _known_files(dataset.dataset)
        return None if inner is None else [inner[int(i)] for i in dataset.indices]
    for holder in (dataset, getattr(dataset, "reader", None)):
        samples = getattr(holder, "samples", None)
        if isinstance(samples, list) and len(samples) == len(dataset) > 0 and _is_file(samples[0]):
            return [os.fspath(sample[0]) for sample in samples]
    lists = [held for held in getattr(dataset, "__dict__", {}).values() if _are_images(held, len(dataset))]
    return [os.fspath(path) for path in lists[0]] if len(lists) == 1 else None


def _are_images(held: Any, number: int) -> bool:
    """Return whether what a Dataset holds is a list of so many image files; that goes by the first and the last."""
    if not (isinstance(held, (list, tuple)) and len(held) == number > 0):
        return False
    return all(
        isinstance(path, (str, os.PathLike))
        and os.path.splitext(path)[1].lower() in IMAGE_EXTENSIONS | OTHER_EXTENSIONS
        and os.path.isfile(path)
        for path in (held[0], held[-1])
    )


def _known_arrays(dataset: Any) -> Any:
    """Return the images where a Dataset keeps them as an array or tensor (torchvision's, TensorDataset, Subset).

    Its items would be as training varies and scales them: another dataset each time.
    """
    if hasattr(dataset, "dataset") and hasattr(dataset, "indices"):  # torch.utils.data.Subset
        inner = _known_arrays(dataset.dataset)
        return None if inner is None else [inner[int(i)] for i in dataset.indices]
    held = (getattr(dataset, "data", None), *(getattr(dataset, "tensors", None) or ())[:1])
    return next((v for v in held if _is_array(v) and len(v.shape) in (3, 4) and len(v) == len(dataset)), None)


def _is_file(sample: Any) -> bool:
    """Return whether a sample is (path, label)."""
    if not (isinstance(sample, tuple) and len(sample) == 2 and isinstance(sample[0], (str, os.PathLike))):
        return False
    return os.path.isfile(sample[0])


def _known_labels(dataset: Any) -> list[Any] | None:
    """Return the labels where a Dataset keeps them (torchvision, timm, Subset), without decoding any image."""
    if hasattr(dataset, "dataset") and hasattr(dataset, "indices"):  # torch.utils.data.Subset
        inner = _known_labels(dataset.dataset)
        return None if inner is None else [inner[int(i)] for i in dataset.indices]
    if getattr(dataset, "target_transform", None) is not None:
        return None
    for holder in (dataset, getattr(dataset, "reader", None)):
        tensors = getattr(holder, "tensors", None)
        if isinstance(tensors, tuple) and len(tensors) == 2:  # torch.utils.data.TensorDataset
            return list(tensors[1])
        for name in ("targets", "labels", "_labels"):
            values = getattr(holder, name, None)
            if values is not None and not callable(values) and len(values) == len(dataset):
                return list(values)
        samples = getattr(holder, "samples", None)
        if isinstance(samples, list) and len(samples) == len(dataset) and all(len(s) == 2 for s in samples[:1]):
            return [label for _, label in samples]
    return None


def _scalar(label: Any) -> Any:
    """Return a label held in a tensor or array of one element as a plain value."""
    return label.item() if hasattr(label, "item") and np.prod(getattr(label, "shape", ())) == 1 else label


def _class_names(part: Any) -> list[str]:
    mapping = getattr(part, "class_to_idx", None) or getattr(getattr(part, "reader", None), "class_to_idx", None)
    if not isinstance(mapping, dict) or set(mapping.values()) != set(range(len(mapping))):
        return []
    return [str(name) for name, _ in sorted(mapping.items(), key=lambda item: item[1])]


def to_image(value: Any) -> Image.Image:
    """Return an image held as a PIL image, an array or a tensor.

    Values within 0 to 1 or within 0 to 255 count as that, anything else (normalised tensors, 16 bits) is stretched
    from its smallest to its largest value.

    Raises
    ------
    OSError
        If it is no picture.
    """
    if isinstance(value, Image.Image):
        return value
    array = np.asarray(value)
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or 0 in array.shape:
        raise OSError(f"no picture: an array of shape {array.shape}")
    if array.dtype != np.uint8:
        array = _to_bytes(array)
    return Image.fromarray(np.ascontiguousarray(array))


def _to_bytes(array: Any) -> Any:
    values = np.nan_to_num(array.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    return ((values - low) * (255 / max(high - low, 1e-12))).round().astype(np.uint8)
