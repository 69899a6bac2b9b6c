"""Handwritten digits of scikit-learn: 8 x 8 pixels, enlarged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher


def _digits(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    for index, (pixels, target) in enumerate(zip(digits.images, digits.target, strict=True)):
        image = Image.fromarray((pixels * 255 / 16).round().astype("uint8"))
        yield Sample(str(target), image.resize((size, size), Image.Resampling.BICUBIC), str(index))


def _spec(
    name: str, labels: str, n_train: int, *, img_size: int = 32, n_eval: int = 1000, label_noise: float = 0.0
) -> DatasetSpec:
    return DatasetSpec(
        name=name,
        group="digits",
        source="Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak), as scikit-learn ships it",
        licence="CC BY 4.0",
        labels=labels,
        img_size=img_size,
        n_train=n_train,
        n_eval=n_eval,
        samples=_digits,
        packages=("installed:scikit-learn",),
        label_noise=label_noise,
        family="digits",
    )


SPECS = (
    _spec("digits", "the digit", 797),
    _spec("digits-noisy", "the digit; one training label in five is wrong", 797, label_noise=0.2),
    _spec("digits-few", "the digit, from five images of each", 50, img_size=16, n_eval=1500),
)
