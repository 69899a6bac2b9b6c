"""Looks for near-duplicate images: within a source, and in different groups, which must be one if they share images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from advisor.describe.near_duplicates import MAX_SHARE, shared, with_contrast

SIDE = 12
IMAGES = 600
"""At most so many images of a dataset are compared."""

Thumbnails = NDArray[np.float32]


@dataclass(frozen=True)
class Overlap:
    """Near-duplicates between two datasets of different groups."""

    first: str
    second: str
    groups: tuple[str, str]
    share: float
    """Larger of the two shares of images that have a near-duplicate in the other dataset, in (0, 1]."""

    @property
    def too_much(self) -> bool:
        """Whether the groups should be one."""
        return self.share > MAX_SHARE


def alike(images: Sequence[Image.Image], least: float = 0.9) -> list[int]:
    """Number images so that those which show the same have the same number, also where the colours differ.

    Parameters
    ----------
    images : sequence of PIL.Image.Image
    least : float
        Two show the same if their grey thumbnails correlate at least so much, or through others that do with both.

    Returns
    -------
    list of int
        A number for each image.
    """
    grey = [image.convert("L").resize((2 * SIDE, 2 * SIDE), Image.Resampling.BOX) for image in images]
    rows = np.array([np.asarray(small, dtype="float32").ravel() for small in grey])
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6
    numbers = np.arange(len(images))
    for first, second in np.argwhere(np.triu(rows @ rows.T >= least, 1)):
        numbers[numbers == numbers[second]] = numbers[first]
    return [int(number) for number in numbers]


def thumbnails(folder: Path) -> Thumbnails:
    """Return thumbnails of up to ``IMAGES`` images that show something, of shape (n, SIDE * SIDE * 3)."""
    paths = sorted(folder.glob("*/*/*.png"))
    chosen = np.random.default_rng(0).permutation(len(paths))[:IMAGES]
    rows = [_thumbnail(paths[index]) for index in chosen]
    return with_contrast(np.array(rows, dtype="float32").reshape(-1, SIDE * SIDE * 3))


def _thumbnail(path: Path) -> Thumbnails:
    with Image.open(path) as image:
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype="float32").ravel()


def find_overlaps(data_dir: Path, groups: Mapping[str, str]) -> list[Overlap]:
    """Compare all built datasets of different groups.

    Parameters
    ----------
    data_dir : Path
        Holds the datasets; those that are not there are left out.
    groups : mapping of str to str
        Group of each dataset, by name.

    Returns
    -------
    list of Overlap
        Those with any near-duplicate, the largest share first.
    """
    built = {name: thumbnails(data_dir / name) for name in groups if (data_dir / name).is_dir()}
    found = [
        Overlap(a, b, (groups[a], groups[b]), share)
        for a, b in _pairs(built, groups)
        if (share := shared(built[a], built[b])) > 0
    ]
    return sorted(found, key=lambda overlap: -overlap.share)


def _pairs(names: Iterable[str], groups: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((a, b) for a, b in combinations(names, 2) if groups[a] != groups[b])
