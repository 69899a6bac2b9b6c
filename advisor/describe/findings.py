"""What is wrong or unusual with a dataset, as sentences for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advisor.describe.features.structure import leaked_share
from advisor.describe.sources.images import few

if TYPE_CHECKING:
    from advisor.describe.fingerprint import Fingerprint
    from advisor.describe.sample import Sample

IMBALANCED = 0.9
"""Class entropy below which a dataset is called imbalanced."""
TINY = 10
"""Training images below which a class is called tiny."""
FEW_EVAL = 1000
"""Validation images below which an accuracy is called inexact: its standard error can exceed 1.6 points."""
SHARE = 0.01
"""Share above which duplicates, leakage and likely wrong labels are mentioned."""


def findings(
    sample: Sample, features: Mapping[str, float], fingerprint: Fingerprint, classes: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the warnings that the counts, the files' digests and the sample give rise to."""
    return (
        *_about_counts(sample, features, classes),
        *_about_repeats(features, fingerprint, leaked_share(sample)),
        *_about_pictures(sample, features, fingerprint),
    )


def _about_counts(sample: Sample, features: Mapping[str, float], classes: tuple[str, ...]) -> list[str]:
    found = []
    counts, eval_counts = sample.counts, sample.eval_counts
    if features["class_entropy"] < IMBALANCED:
        found.append(
            f"Classes are imbalanced: {counts[counts > 0].min()} to {counts.max()} images a class; "
            f"always answering the largest scores {100 * features['largest_class']:.0f} %."
        )
    tiny = np.flatnonzero((counts > 0) & (counts < TINY))
    if len(tiny):
        found.append(f"{_classes(len(tiny))} fewer than {TINY} training images: {_names(tiny, classes)}.")
    if eval_counts.sum() == 0:
        return found
    missing = np.flatnonzero((counts > 0) & (eval_counts == 0))
    unknown = np.flatnonzero((counts == 0) & (eval_counts > 0))
    if len(missing) or len(unknown):
        parts = [f"missing from validation: {_names(missing, classes)}"] if len(missing) else []
        parts += [f"missing from training: {_names(unknown, classes)}"] if len(unknown) else []
        found.append(
            f"The splits have different classes ({'; '.join(parts)}): timm numbers the classes of each split by "
            "itself, so the labels would not match; give both the same with --class-map."
        )
    if eval_counts.sum() < FEW_EVAL:
        error = 50 / np.sqrt(eval_counts.sum())
        found.append(
            f"Validation has {eval_counts.sum()} images: a measured accuracy is uncertain by up to {error:.1f} points."
        )
    return found


def _about_repeats(features: Mapping[str, float], fingerprint: Fingerprint, alike: float) -> list[str]:
    found = []
    if fingerprint.duplicates > SHARE * fingerprint.n_read:
        found.append(f"{fingerprint.duplicates} training files repeat another one byte for byte.")
    if fingerprint.conflicts:
        found.append(f"{fingerprint.conflicts} training files also appear under another class.")
    if fingerprint.leaked:
        found.append(
            f"{fingerprint.leaked} validation files are also training files: validation accuracy is too optimistic."
        )
    if alike > SHARE:
        found.append(f"About {100 * alike:.0f} % of the validation images look almost like a training image.")
    if features.get("near_duplicates", 0) > 10 * SHARE:
        found.append(f"About {100 * features['near_duplicates']:.0f} % of the images have a near-duplicate.")
    return found


def _about_pictures(sample: Sample, features: Mapping[str, float], fingerprint: Fingerprint) -> list[str]:
    found = []
    if fingerprint.n_broken:
        found.append(
            f"{fingerprint.n_broken} of {fingerprint.n_read} files are empty, cannot be opened or are no images."
        )
    if sample.unreadable:
        found.append(f"{len(sample.unreadable)} of {sample.n_drawn} images that were tried cannot be decoded.")
    if features["side_spread"] > 2:
        found.append("Image sizes are mixed: the largest tenth has more than four times the side of the smallest.")
    rotated = sample.train.rotated.mean()
    if rotated > SHARE:
        found.append(f"{100 * rotated:.0f} % of the images ask to be rotated (EXIF); timm shows them as stored.")
    if features.get("noise", 0) > 5 * SHARE:
        found.append(f"About {100 * features['noise']:.0f} % of the images look like those of another class.")
    return found


def _classes(n: int) -> str:
    return f"{n} classes have" if n > 1 else "1 class has"


def _names(indices: NDArray[np.intp], classes: tuple[str, ...]) -> str:
    return few([classes[i] for i in indices])
