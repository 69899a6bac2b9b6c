"""Whether two datasets share images: tiny thumbnails of each, compared in pairs."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.describe.features.views import shrink

if TYPE_CHECKING:
    from advisor.describe.sample import Sample

SIDE = 8
MAX_DIFFERENCE = 8.0
"""Two images are near-duplicates if their thumbnails differ by at most this root mean square, of values 0 to 255."""
MIN_SPREAD = 25.0
"""Thumbnails of less standard deviation are left out: plain ones resemble each other without being copies."""
MAX_SHARE = 0.01
"""Share of near-duplicates above which two datasets are of one group."""

Thumbnails = NDArray[np.floating[Any]]


def pack_thumbnails(sample: Sample) -> bytes:
    """Return what is kept of a sample to compare others with: at most 1,600 training images of 8 x 8, compressed."""
    small = np.rint(255 * shrink(sample.train.thumbnails, SIDE)).astype(np.uint8)
    return zlib.compress(with_contrast(small.reshape(len(small), -1)).tobytes())


def thumbnails(kept: bytes) -> Thumbnails:
    """Return the thumbnails that ``pack_thumbnails`` kept, shape (n, 192)."""
    return np.frombuffer(zlib.decompress(kept), np.uint8).reshape(-1, 3 * SIDE**2).astype(np.float32)


def with_contrast(rows: NDArray[Any]) -> NDArray[Any]:
    """Return the rows that are not of one colour."""
    kept: NDArray[Any] = rows[rows.std(axis=1) >= MIN_SPREAD]
    return kept


def shared(first: Thumbnails, second: Thumbnails) -> float:
    """Return the larger share of near-duplicates: of the first in the second, or of the second in the first."""
    if not len(first) or not len(second):
        return 0.0
    squares = (first**2).mean(axis=1)[:, None] + (second**2).mean(axis=1) - 2 * first @ second.T / first.shape[1]
    near = squares <= MAX_DIFFERENCE**2
    return float(max(near.any(axis=1).mean(), near.any(axis=0).mean()))
