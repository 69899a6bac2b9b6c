"""Three fixed ways to look at thumbnails: raw pixels, shapes and patches. No training, no labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.describe.features.image import gradients, luma

Matrix = NDArray[np.floating[Any]]

PIXELS = 16
"""Side of the thumbnails whose raw pixels are compared."""
CELLS, ORIENTATIONS = 8, 8
"""Cells a side and orientations of the gradient histograms."""
PATCH, FILTERS, STRIDE = 6, 96, 2
"""Side of the patches in a 32 x 32 thumbnail, number of filters, and step between positions."""
_BLOCK = 100
"""Images whose patches are held in memory together."""


def pixel_view(thumbnails: NDArray[np.uint8]) -> Matrix:
    """Return the pixels of 16 x 16 RGB thumbnails, 0 to 1, shape (n, 768)."""
    return shrink(thumbnails, PIXELS).reshape(len(thumbnails), -1)


def shape_view(thumbnails: NDArray[np.uint8]) -> Matrix:
    """Return histograms of gradient orientations (Dalal & Triggs 2005), shape (n, 512).

    Eight orientations in each of 8 x 8 cells; each image's histogram is scaled to unit length after a square root,
    so that light and contrast do not matter.
    """
    light = luma(thumbnails)
    down, across = gradients(light)
    magnitude = np.hypot(down, across)
    orientation = np.floor((np.arctan2(down, across) % np.pi) / np.pi * ORIENTATIONS).astype(np.int8) % ORIENTATIONS
    n, side = light.shape[:2]
    step = side // CELLS
    cells = [
        np.where(orientation == o, magnitude, 0).reshape(n, CELLS, step, CELLS, step).sum(axis=(2, 4))
        for o in range(ORIENTATIONS)
    ]
    histogram = np.sqrt(np.stack(cells, axis=-1).reshape(n, -1))
    scaled: Matrix = histogram / np.maximum(np.linalg.norm(histogram, axis=1, keepdims=True), 1e-6)
    return scaled


def patch_view(thumbnails: NDArray[np.uint8], seed: int) -> Matrix:
    """Return what a first convolution without training sees, shape (n, 4 x 96), columns of unit variance.

    Filters are whitened patches drawn from the images themselves, their rectified answers summed over quadrants:
    the single-layer network of Coates, Ng & Lee (2011), with drawn patches in place of k-means as Coates & Ng
    (2011) found nearly as good. Position within a quadrant does not matter, so textures show.
    """
    images = shrink(thumbnails, 32)
    rng = np.random.default_rng(seed)
    positions = (32 - PATCH) // STRIDE + 1
    n_patches = 20_000
    drawn = _normalised(
        _patches(images)[
            rng.integers(len(images), size=n_patches),
            rng.integers(positions, size=n_patches),
            rng.integers(positions, size=n_patches),
        ].reshape(n_patches, -1)
    )
    mean = drawn.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(drawn, rowvar=False))
    whiten = ((vectors / np.sqrt(np.maximum(values, 0) + 0.1)) @ vectors.T).astype(np.float32)
    filters = ((drawn - mean) @ whiten)[rng.choice(n_patches, FILTERS, replace=False)]
    filters /= np.maximum(np.linalg.norm(filters, axis=1, keepdims=True), 1e-6)
    # The whitening is applied once, to the filters, instead of to every patch.
    weights, offset = (whiten @ filters.T).astype(np.float32), (mean @ whiten @ filters.T).astype(np.float32)
    pooled = [
        _pool(
            _normalised(_patches(images[start : start + _BLOCK]).reshape(-1, 3 * PATCH**2)) @ weights - offset,
            positions,
        )
        for start in range(0, len(images), _BLOCK)
    ]
    view = np.concatenate(pooled).astype(np.float64)
    centred: Matrix = view - view.mean(axis=0)
    scaled: Matrix = centred / np.maximum(centred.std(axis=0), 1e-6)
    return scaled


def _pool(answers: Matrix, positions: int) -> Matrix:
    """Return the sums over quadrants of the answers above half a unit."""
    grid = np.maximum(answers - 0.5, 0).reshape(-1, positions, positions, FILTERS)
    half = positions // 2
    quadrants = [grid[:, rows, columns].sum(axis=(1, 2)) for rows in _halves(half) for columns in _halves(half)]
    pooled: Matrix = np.concatenate(quadrants, axis=1)
    return pooled


def _halves(half: int) -> tuple[slice, slice]:
    return slice(0, half), slice(half, None)


def _patches(images: Matrix) -> Matrix:
    """Return a view of all patches: (n, positions, positions, PATCH, PATCH, 3)."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), axis=(1, 2))
    patches: Matrix = windows[:, ::STRIDE, ::STRIDE].transpose(0, 1, 2, 4, 5, 3)
    return patches


def _normalised(patches: Matrix) -> Matrix:
    """Return patches with their mean removed and their contrast equalised, flat ones left flat."""
    centred: Matrix = patches - patches.mean(axis=1, keepdims=True)
    # 10/255 in variance units keeps noise in flat regions from being blown up (Coates & Ng 2012).
    equalised: Matrix = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 10 / 255**2)
    return equalised


def shrink(thumbnails: NDArray[np.uint8], side: int) -> Matrix:
    """Return thumbnails averaged over blocks to ``side`` x ``side`` pixels, 0 to 1."""
    step = thumbnails.shape[1] // side
    total = np.zeros((len(thumbnails), side, side, 3), dtype=np.uint16)
    for row in range(step):  # ten times as fast as a mean over two axes of a few elements
        for column in range(step):
            total += thumbnails[:, row::step, column::step]
    shrunk: Matrix = total.astype(np.float32) / np.float32(step**2) / np.float32(255)
    return shrunk
