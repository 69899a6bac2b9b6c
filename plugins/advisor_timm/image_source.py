"""Where a dataset has its images from, so that validation on the training images is told."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ImageSource:
    """Where images are read from.

    Attributes
    ----------
    place : Path or str
        The folder that is searched for them, or what else names them.
    chosen : int or None
        A digest of which of them are taken; None for all.
    """

    place: Path | str
    chosen: int | None = None

    def holds(self, other: ImageSource) -> bool:
        """Return whether all images of another source are among these: of a folder inside it, too."""
        if self == other:
            return True
        if self.chosen is not None or not (isinstance(self.place, Path) and isinstance(other.place, Path)):
            return False
        return other.place.is_relative_to(self.place)


def image_source(dataset: Any, name: str = "", split: str = "") -> ImageSource:
    """Return where a dataset has its images from.

    Parameters
    ----------
    dataset : Dataset
        Of timm, torchvision, or a subset of one; anything else is only like itself.
    name, split : str
        What ``create_dataset`` was asked for: they tell datasets apart that are no folders.
    """
    indices, inner = getattr(dataset, "indices", None), getattr(dataset, "dataset", None)
    if inner is not None and indices is not None:
        return replace(image_source(inner, name, split), chosen=hash(tuple(map(int, indices))))
    if inner is not None and hasattr(inner, "__len__"):  # timm's AugMixDataset, and datasets wrapped like it
        return image_source(inner, name, split)
    reader = getattr(dataset, "reader", None) or getattr(dataset, "parser", None)
    for holder in (reader, dataset):
        root = getattr(holder, "root", None)
        if isinstance(root, str | os.PathLike) and isinstance(getattr(holder, "samples", None), list):
            return ImageSource(Path(os.path.realpath(root)))
    return ImageSource(f"{name}, {split}" if name else f"object {id(dataset)}")
