"""The features of a dataset that advice may lean on: all there are, and their values for a sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from advisor.describe.features.size import SIZE_FEATURES, size_features

if TYPE_CHECKING:
    from advisor.describe.features.spec import Feature
    from advisor.describe.sample import Progress, Sample


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
