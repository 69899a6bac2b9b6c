"""The same images as files and as arrays: what both have are the pixels that training sees, and which share a class."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from advisor.describe.sources.decode import UnreadableImageError, decode_whole

if TYPE_CHECKING:
    from PIL.Image import Image

    from advisor.describe.sources.images import ImageDataset, Split

MAX_PIXELS = 2**26
"""Pixels of files that are decoded at most; enough for CIFAR, MNIST and photographs by the thousand of 224 pixels."""
_WORKERS = 4
_AT_A_TIME = 8
_BAND = 64
"""Rows that are copied at a time."""


def digest_of_pixels(opened: BinaryIO | Image) -> tuple[bytes, int]:
    """Return the digest of an image as RGB, and its number of pixels; what cannot be decoded has none.

    Parameters
    ----------
    opened : BinaryIO or Image
        As ``Split.open`` returns it.
    """
    try:
        return decode_whole(opened, _digest)
    except UnreadableImageError:
        return b"", 0


def _digest(rgb: Image) -> tuple[bytes, int]:
    width, height = rgb.size
    found = hashlib.blake2b(f"{width} {height} ".encode(), digest_size=16)
    for top in range(0, height, _BAND):
        found.update(rgb.crop((0, top, width, min(top + _BAND, height))).tobytes())
    return found.digest(), width * height


def digest_of_files(dataset: ImageDataset) -> str | None:
    """Return the digest of a dataset's pixels, or None where that would take long: of more than ``MAX_PIXELS``."""
    left = MAX_PIXELS
    parts: list[list[tuple[int, bytes]]] = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        for split in dataset.splits:
            parts.append([])
            indices = iter(range(len(split)))
            while some := list(islice(indices, _AT_A_TIME)):
                read = list(pool.map(lambda index, split=split: _of_image(split, index), some))
                left -= sum(pixels for _, pixels in read)
                if left < 0:
                    return None
                parts[-1] += [(int(split.labels[i]), digest) for i, (digest, _) in zip(some, read, strict=True)]
    return digest_of_classes(parts)


def digest_of_classes(parts: Sequence[Iterable[tuple[int, bytes]]]) -> str:
    """Return the digest of images that are sorted into splits and classes, in no order; names count for nothing.

    Parameters
    ----------
    parts : sequence
        Label and digest of each image, by split.
    """
    classes: dict[int, list[bytes]] = defaultdict(list)
    for number, part in enumerate(parts):
        for label, digest in part:
            classes[label].append(bytes([number]) + digest)
    whole = hashlib.blake2b(digest_size=16)
    for digest in sorted(hashlib.blake2b(b"\xff".join(sorted(of_class))).digest() for of_class in classes.values()):
        whole.update(digest)
    return whole.hexdigest()


def _of_image(split: Split, index: int) -> tuple[bytes, int]:
    try:
        return digest_of_pixels(split.open(index))
    except OSError:
        return b"", 0
