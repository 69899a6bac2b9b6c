"""Features of the size of a dataset: how many images and classes there are, and how evenly they are spread."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from advisor.describe.features.spec import Feature

if TYPE_CHECKING:
    from advisor.describe.sample import Sample

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
