"""How like the evidence a dataset is: distances between dataset descriptions, and novelty made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from advisor.learn.table import Floats
from advisor.records.schema import Dataset

_CLIP = 3.0
"""One odd feature must not decide alone; differences count up to three times the usual one."""


@dataclass(frozen=True)
class DatasetDistances:
    """The datasets of the evidence as points, and how far apart they usually are.

    Attributes
    ----------
    names : tuple of str, length f
        The features compared.
    points : ndarray of shape (m, f)
        Features of the m datasets; NaN where unknown.
    scale : ndarray of shape (f,)
        Interquartile range of each feature over the datasets.
    reference : float
        The distance below which nothing is novel: 90 % of the datasets have a neighbour of another group within it.
    """

    names: tuple[str, ...]
    points: Floats
    scale: Floats
    reference: float

    @classmethod
    def of(cls, datasets: Sequence[Dataset]) -> DatasetDistances:
        """Learn from the datasets of the evidence, in their order."""
        names = tuple(sorted({name for dataset in datasets for name in dataset.features}))
        points = np.array([[d.features.get(name, np.nan) for name in names] for d in datasets])
        quartiles = np.nanpercentile(points, [25, 75], axis=0)
        spread = quartiles[1] - quartiles[0]
        # A feature that does not vary over the evidence cannot be scaled, and is not compared.
        scale = np.where(spread > 0, spread, np.nan)
        plain = cls(names, points, scale, reference=1.0)
        groups = np.array([d.group for d in datasets])
        nearest = [
            float(plain.distances(dataset.features)[groups != dataset.group].min())
            for dataset in datasets
            if (groups != dataset.group).any()
        ]
        reference = float(np.quantile(nearest, 0.9)) if nearest else 1.0
        return cls(names, points, scale, reference)

    def distances(self, features: Mapping[str, float]) -> Floats:
        """Return the distance to each dataset: the mean clipped difference in interquartile ranges; shape (m,)."""
        return self._apart(self.points, features)

    def between(self, one: Mapping[str, float], other: Mapping[str, float]) -> float:
        """Return the distance between two datasets, in those within which most have a neighbour."""
        point = np.array([[one.get(name, np.nan) for name in self.names]])
        return float(self._apart(point, other)[0] / self.reference)

    def novelty(self, features: Mapping[str, float]) -> float:
        """Return 0 where the nearest dataset is as near as usual, 1 where it is twice that far or more."""
        return float(np.clip(self.distances(features).min() / self.reference - 1, 0, 1))

    def similarities(self, features: Mapping[str, float]) -> Floats:
        """Return the similarity to each dataset, exp(-distance / reference), in (0, 1]; shape (m,)."""
        return np.asarray(np.exp(-self.distances(features) / self.reference))

    def _apart(self, points: Floats, features: Mapping[str, float]) -> Floats:
        query = np.array([features.get(name, np.nan) for name in self.names])
        difference = np.minimum(np.abs(points - query) / self.scale, _CLIP)
        known = np.isfinite(difference)
        total = np.where(known, difference, 0.0).sum(axis=1)
        return np.asarray(np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), _CLIP))
