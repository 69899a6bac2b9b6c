"""The features of a dataset that advice may lean on: what each means, and their values for a sample."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from advisor.describe.sample import Progress, Sample

FEATURES_VERSION = 3
"""Raised whenever the value of any feature changes for the same dataset; version and values are recorded together."""


@dataclass(frozen=True)
class Feature:
    """What a feature means.

    Parameters
    ----------
    name : str
        The key under which it is recorded.
    group : str
        ``size``, ``images``, ``structure`` or ``probe``: groups are judged, and dropped, as a whole.
    formula : str
        How it is computed.
    range : str
        The values it can take, with the unit.
    cost : str
        What it needs: ``counts``, ``pixels`` (of the sample), ``fits`` (of simple classifiers) or ``probe``.
    why : str
        Why it should say something about good hyperparameters.
    """

    name: str
    group: str
    formula: str
    range: str
    cost: str
    why: str


SIZE_FEATURES = (
    Feature("log_n_train", "size", "log2 of the training images", "1 to 30", "counts",
            "sets how many optimizer steps an epoch has and how soon a model overfits"),
    Feature("log_n_classes", "size", "log2 of the classes that have a training image", "1 to 15", "counts",
            "more classes need more steps; chance accuracy is one over their number"),
    Feature("log_per_class", "size", "log2 of the median of images a class", "0 to 25", "counts",
            "few images a class call for more epochs and more regularisation"),
    Feature("log_smallest_class", "size", "log2 of the 5 % quantile of images a class", "0 to 25", "counts",
            "the rarest classes are the first to be forgotten at a high learning rate"),
    Feature("class_entropy", "size", "entropy of the class shares / log of the number of classes", "0 to 1", "counts",
            "1 is balanced; imbalance raises the accuracy that is reached by ignoring the images"),
    Feature("largest_class", "size", "share of the largest class", "0 to 1", "counts",
            "the accuracy of always answering the same"),
    Feature("eval_share", "size", "validation images / all images", "0 to 1", "counts",
            "how much is set apart, and so how exact a measured accuracy is"),
)  # fmt: skip


def all_features() -> tuple[Feature, ...]:
    """Return every feature there is, in the order they are documented."""
    from advisor.describe.features.image import IMAGE_FEATURES
    from advisor.describe.features.probe import PROBE_FEATURES
    from advisor.describe.features.structure import STRUCTURE_FEATURES

    return (*SIZE_FEATURES, *IMAGE_FEATURES, *STRUCTURE_FEATURES, *PROBE_FEATURES)


def compute_features(
    sample: Sample, *, probe_seconds: float | None = None, progress: Progress | None = None
) -> dict[str, float]:
    """Return the features of a sample by name; those that are unknown for it are left out.

    Finite numbers, rounded to six significant digits; the same for the same sample on every call.

    Parameters
    ----------
    sample : Sample
        The decoded sample of a dataset.
    probe_seconds : float, optional
        Time allowed for the features of the group ``probe``; by default they are left out.
    progress : callable, optional
        Called as (stage, done, total) while the probe works.

    Raises
    ------
    MissingExtraError
        If a probe is asked for and torch is not installed.
    """
    from threadpoolctl import threadpool_limits

    from advisor.describe.features.image import image_features
    from advisor.describe.features.structure import structure_features

    # One thread: the matrices are small, the sums are then made in the same order everywhere, and threads that wait
    # for each other on a busy machine are far slower than one.
    with threadpool_limits(1):
        values = {**size_features(sample), **image_features(sample), **structure_features(sample)}
    if probe_seconds is not None:
        from advisor.describe.features.probe import probe_features

        values |= probe_features(sample, probe_seconds, progress)
    return {name: float(f"{value:.6g}") for name, value in values.items() if math.isfinite(value)}


def size_features(sample: Sample) -> dict[str, float]:
    """Return the features that need only the counts of the whole dataset; see ``SIZE_FEATURES``."""
    counts = sample.counts[sample.counts > 0]
    n_train, n_eval = int(counts.sum()), int(sample.eval_counts.sum())
    shares = counts / n_train
    return {
        "log_n_train": math.log2(n_train),
        "log_n_classes": math.log2(len(counts)),
        "log_per_class": math.log2(np.median(counts)),
        "log_smallest_class": math.log2(np.quantile(counts, 0.05)),
        "class_entropy": float(-(shares * np.log(shares)).sum() / math.log(len(counts))),
        "largest_class": float(shares.max()),
        "eval_share": n_eval / (n_train + n_eval),
    }
