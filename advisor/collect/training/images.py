"""An image folder held in memory, read exactly as timm's train.py reads it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import DatasetError

if TYPE_CHECKING:
    from torch import Tensor

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class TensorSplit:
    """One split: ``images`` uint8 of shape (n, 3, size, size), ``labels`` int64 of shape (n,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: str) -> TensorSplit:
        """Return the split on a device."""
        return TensorSplit(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Images:
    """Both splits of a dataset and the number of its classes."""

    train: TensorSplit
    validation: TensorSplit
    n_classes: int

    def to(self, device: str) -> Images:
        """Return the images on a device."""
        return Images(self.train.to(device), self.validation.to(device), self.n_classes)


@functools.lru_cache(maxsize=12)
def load_images(path: Path, img_size: int, interpolation: str) -> Images:
    """Read an image folder with timm's own reader and its transform for training without augmentation.

    The evaluation split is read in the same way: what timm calls a crop percentage of 1.

    Parameters
    ----------
    path : Path
        Folder holding train/CLASS/* and validation/CLASS/*.
    img_size : int
        Height and width in pixels; other sizes are resized by their shorter edge and cropped to the centre.
    interpolation : str
        timm's name of the interpolation.

    Raises
    ------
    DatasetError
        If a split is missing or empty, or the two splits do not hold the same classes.
    """
    import torch
    from timm.data import create_dataset, create_transform

    transform = create_transform(
        img_size, is_training=True, no_aug=True, interpolation=interpolation, use_prefetcher=True
    )
    splits, classes = [], []
    for split in SPLITS:
        if not (path / split).is_dir():
            raise DatasetError(
                f"{path} has no folder {split!r}",
                cause="a collected dataset holds train/CLASS/* and validation/CLASS/*",
                hint=f"advisor describe --dataset {path}",
            )
        reader = create_dataset("", root=str(path), split=split).reader
        images = torch.stack([_read(file, transform) for file, _ in reader.samples])
        splits.append(TensorSplit(images, torch.tensor([label for _, label in reader.samples])))
        classes.append(dict(reader.class_to_idx))
    if classes[0] != classes[1]:
        odd = sorted(set(classes[0]) ^ set(classes[1]))
        raise DatasetError(
            f"the splits of {path} do not hold the same classes",
            cause=f"only one of them has {', '.join(odd[:5])}",
            hint=f"advisor describe --dataset {path}",
        )
    return Images(splits[0], splits[1], len(classes[0]))


def _read(file: str, transform: Callable[[Any], Tensor]) -> Tensor:
    from PIL import Image

    with Image.open(file) as image:
        return transform(image.convert("RGB"))


@dataclass(frozen=True)
class Size:
    """What a plan needs to know of a dataset before any image is read whole."""

    n_train: int
    n_eval: int
    n_classes: int
    pixels: int
    """Shorter edge of the first image."""


def measure(path: Path) -> Size:
    """Count the images of a folder and look at the size of one.

    Raises
    ------
    DatasetError
        If a split is missing or empty.
    """
    from PIL import Image

    files = {split: sorted(_files(path / split)) for split in SPLITS}
    for split, found in files.items():
        if not found:
            raise DatasetError(
                f"no images in {path / split}",
                cause="a collected dataset holds train/CLASS/* and validation/CLASS/*",
                hint=f"advisor describe --dataset {path}",
            )
    with Image.open(files["train"][0]) as image:
        pixels = min(image.size)
    classes = {file.parent.name for file in files["train"]}
    return Size(len(files["train"]), len(files["validation"]), len(classes), pixels)


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.glob("*/*") if file.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".bmp"))
