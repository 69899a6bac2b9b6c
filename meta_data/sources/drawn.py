"""What all sources that draw their images by rule share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher

Pixels = NDArray[np.float64]
Draw = Callable[[int, float, int, np.random.Generator], Pixels]
"""Draws one image of a class: its index, hardness, size in pixels, generator; returns values in 0 to 255."""


def _samples(
    draw: Draw,
    classes: tuple[str, ...],
    hardness: float,
    count: int,
    tail: float,
    fetcher: Fetcher,
    size: int,
    rng: np.random.Generator,
) -> Iterator[Sample]:
    weights = np.geomspace(1, 1 / tail, len(classes))
    order = rng.choice(len(classes), count, p=weights / weights.sum()) if tail > 1 else np.arange(count) % len(classes)
    for number, index in enumerate(order.tolist()):
        pixels = draw(index, hardness, size, rng).clip(0, 255).astype("uint8")
        yield Sample(classes[index], Image.fromarray(pixels), str(number))


def drawn(
    name: str,
    labels: str,
    draw: Draw,
    classes: tuple[str, ...],
    hardness: float,
    *,
    img_size: int,
    n_train: int,
    n_eval: int = 1000,
    label_noise: float = 0.0,
    tail: float = 1.0,
    packages: tuple[str, ...] = (),
) -> DatasetSpec:
    """Return the specification of a dataset drawn by rule; its group is its name up to the first hyphen.

    Parameters
    ----------
    tail : float
        How many times more frequent the first class is than the last, in geometric steps between.
    """
    return DatasetSpec(
        name=name,
        group=name.partition("-")[0],
        source="drawn by the module of this name",
        licence="Apache-2.0",
        labels=labels,
        img_size=img_size,
        n_train=n_train,
        n_eval=n_eval,
        samples=functools.partial(_samples, draw, classes, hardness, n_train + n_eval, tail),
        generated=True,
        packages=packages,
        label_noise=label_noise,
    )
