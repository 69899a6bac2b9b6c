"""What each group of dataset features costs: measured on made-up pictures, as many as a sample ever holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from advisor.describe.features.image import image_features
from advisor.describe.features.probe import probe_features
from advisor.describe.features.size import size_features
from advisor.describe.features.structure import structure_features
from advisor.describe.sample import MAX_EVAL, MAX_TRAIN, Pictures, Sample
from advisor.describe.sources.decode import THUMBNAIL

_CLASSES = 10
_SIDE_OF_FILES = 224
_REPEATS = 3
_LIMIT = 3600.0
"""Seconds that the probe may take: more than it ever does."""


def feature_seconds(n_train: int = MAX_TRAIN) -> dict[str, float]:
    """Return the seconds that each group of features takes on a decoded sample, by group.

    Seconds of one processor, as waiting for other programs does not count; the least of three calls.

    Parameters
    ----------
    n_train : int
        Training images of the sample.
    """
    from threadpoolctl import threadpool_limits

    sample = made_up_sample(n_train)
    functions: Mapping[str, Callable[[Sample], object]] = {
        "size": size_features,
        "images": image_features,
        "structure": structure_features,
        "probe": lambda sample: probe_features(sample, _LIMIT, None),
    }
    with threadpool_limits(1):
        return {
            group: min(_seconds(function, sample) for _ in range(_REPEATS)) for group, function in functions.items()
        }


def _seconds(function: Callable[[Sample], object], sample: Sample) -> float:
    start = time.process_time()
    function(sample)
    return time.process_time() - start


def made_up_sample(n_train: int = MAX_TRAIN, n_eval: int = MAX_EVAL) -> Sample:
    """Return pictures of coarse random blobs: those of the class, mostly hidden by some of the picture's own."""
    rng = np.random.default_rng(0)
    of_class = rng.random((_CLASSES, 8, 8, 3))

    def pictures(n: int) -> Pictures:
        labels = np.arange(n, dtype=np.int32) % _CLASSES
        cells = 0.2 * of_class[labels] + 0.8 * rng.random((n, 8, 8, 3))
        large = cells.repeat(THUMBNAIL // 8, axis=1).repeat(THUMBNAIL // 8, axis=2)
        noisy = large + rng.normal(scale=0.05, size=large.shape)
        no = np.zeros(n, np.bool_)
        return Pictures(
            thumbnails=np.uint8(np.clip(255 * noisy, 0, 255)),
            labels=labels,
            sizes=np.full((n, 2), _SIDE_OF_FILES),
            n_bytes=np.full(n, 20_000),
            grey=no,
            alpha=no,
            rotated=no,
        )

    train, held_out = pictures(n_train), pictures(n_eval)
    return Sample(
        counts=np.bincount(train.labels, minlength=_CLASSES),
        eval_counts=np.bincount(held_out.labels, minlength=_CLASSES),
        train=train,
        eval=held_out,
        unreadable=(),
        n_drawn=n_train + n_eval,
        seed=0,
    )
