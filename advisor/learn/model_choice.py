"""How accurate models become on a dataset before any of them was trained there, learned from public GPU runs.

The logit of what a good fine-tuning of a model reaches is linear in the logarithms of images per class and of classes,
in the model's published ImageNet accuracy, and has a term for every family and every architecture that was recorded,
and for the dataset. All of them are Gaussian, so what is not known of a model or a dataset widens the interval, and
what own runs on the dataset reached tells about the other models there. Fitting is in ``research/model_choice``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np

from advisor.checked_json import read_checked, write_checked
from advisor.learn.table import Floats

SCHEMA = "advisor.model-choice/1"
FILE = "model.json"
_FOLDER = "model_choice"
LEVEL = 0.8
_QUANTILE = 1.2815515655446004
"""Standard deviations on either side of the mean between which a normal variable lies with probability ``LEVEL``."""
SMOOTH = ("one", "images per class", "classes", "ImageNet accuracy")
"""Names of the first weights; those of families and of architectures follow."""
_LEAST, _MOST = 0.01, 0.995
ALIKE = 0.1
"""Expectations that are nearer on the scale of the logit are taken as equal (docs/models.md)."""
_OWN_NOISE = 0.01
"""Variance between an own run and what it shows of its model, on the scale of the logit."""

Basis = Literal["own runs", "recorded runs", "runs of its family", "ImageNet accuracy"]


def to_scale(top1: Floats) -> Floats:
    """Return accuracies in percent as logits, a little apart from both ends."""
    share = np.clip(np.asarray(top1, dtype=np.float64) / 100, _LEAST, _MOST)
    return np.asarray(np.log(share / (1 - share)))


def from_scale(value: float) -> float:
    """Return the accuracy in percent that a logit stands for."""
    return 100 / (1 + math.exp(-value))


@dataclass(frozen=True)
class Candidate:
    """A pretrained model as far as it tells how good it will be.

    Attributes
    ----------
    name : str
        timm's name with the tag of the weights.
    architecture : str
        The same without the tag.
    family : str
        The timm module that defines it.
    imagenet_top1 : float
        Published accuracy of the weights on ImageNet's validation images, in percent.
    """

    name: str
    architecture: str
    family: str
    imagenet_top1: float


@dataclass(frozen=True)
class Expectation:
    """Top-1 accuracy in percent that is expected of a model, the interval of probability ``LEVEL``, and why."""

    top1: float
    low: float
    high: float
    basis: Basis


@dataclass(frozen=True)
class Variances:
    """Variances of the terms that are not the same for all, and of what nothing explains, on the scale of the logit."""

    dataset: float
    family: float
    architecture: float
    rest: float


@dataclass(frozen=True)
class ModelChoice:
    """Expects accuracies of models on a dataset that none of them was trained on.

    Attributes
    ----------
    families, architectures : sequence of str
        Those that were recorded, each with a weight of its own.
    mean : ndarray of shape (w,)
        Expected weights: ``SMOOTH``, then those of ``families`` and of ``architectures``.
    covariance : ndarray of shape (w, w)
        How well they are known.
    variances : Variances
        Of what was not recorded.
    provenance : mapping
        Where the runs are from, their licence, how many there are, and ``n_train``: the extent of their datasets.
    """

    families: Sequence[str]
    architectures: Sequence[str]
    mean: Floats
    covariance: Floats
    variances: Variances
    provenance: Mapping[str, Any]

    def is_recorded(self, candidate: Candidate) -> bool:
        """Return whether more than the ImageNet accuracy tells of a model: it or one of its family was recorded."""
        return candidate.family in self.families

    def expect(
        self,
        candidates: Sequence[Candidate],
        n_train: int,
        n_classes: int,
        own: Sequence[tuple[Candidate, float]] = (),
    ) -> list[Expectation]:
        """Return what a good fine-tuning of each model is expected to reach.

        Parameters
        ----------
        candidates : sequence of Candidate
            The models.
        n_train, n_classes : int
            Training images and classes of the dataset.
        own : sequence of (Candidate, float)
            Models that were trained on the dataset, and the best top-1 accuracy in percent of each.
        """
        if not candidates:
            return []
        about = np.array([design_row(c, n_train, n_classes, self.families, self.architectures) for c in candidates])
        mean, variance = about @ self.mean, self._variance(candidates, about)
        if own:
            trained = [candidate for candidate, _ in own]
            seen = np.array([design_row(c, n_train, n_classes, self.families, self.architectures) for c in trained])
            among = self._covariance(trained, seen, trained, seen) + _OWN_NOISE * np.eye(len(own))
            across = self._covariance(candidates, about, trained, seen)
            gain = np.linalg.solve(among, across.T).T
            mean = mean + gain @ (to_scale(np.array([top1 for _, top1 in own])) - seen @ self.mean)
            variance = variance - np.sum(gain * across, axis=1)
        named = {candidate.name for candidate, _ in own}
        return [
            Expectation(
                top1=from_scale(float(middle)),
                low=from_scale(float(middle - _QUANTILE * spread)),
                high=from_scale(float(middle + _QUANTILE * spread)),
                basis="own runs" if candidate.name in named else self._basis(candidate),
            )
            for candidate, middle, spread in zip(candidates, mean, np.sqrt(np.maximum(variance, 0)), strict=True)
        ]

    def _basis(self, candidate: Candidate) -> Basis:
        if candidate.architecture in self.architectures:
            return "recorded runs"
        return "runs of its family" if candidate.family in self.families else "ImageNet accuracy"

    def _variance(self, candidates: Sequence[Candidate], x: Floats) -> Floats:
        """Return the variance of what is reached by each model."""
        var = self.variances
        new_family, new_architecture = self._are_new(candidates)
        of_weights = np.sum(x @ self.covariance * x, axis=1)
        return np.asarray(
            of_weights + var.dataset + var.family * new_family + var.architecture * new_architecture + var.rest
        )

    def _covariance(self, left: Sequence[Candidate], x: Floats, right: Sequence[Candidate], z: Floats) -> Floats:
        """Return how what is reached by the models on the left and on the right varies together, on one dataset."""
        var = self.variances
        new_family, new_architecture = (new[:, None] for new in self._are_new(left))
        family, architecture, name = (_same(of, left, right) for of in ("family", "architecture", "name"))
        result = x @ self.covariance @ z.T + var.dataset
        result += var.family * new_family * family + var.architecture * new_architecture * architecture
        return np.asarray(result + var.rest * name)

    def _are_new(self, candidates: Sequence[Candidate]) -> tuple[Floats, Floats]:
        """Return 1 for each model whose family, and whose architecture, was not recorded.

        What was recorded has its variance in that of the weights.
        """
        families, architectures = set(self.families), set(self.architectures)
        return (
            np.array([float(one.family not in families) for one in candidates]),
            np.array([float(one.architecture not in architectures) for one in candidates]),
        )

    def save(self, folder: Path) -> None:
        """Write ``model.json`` into ``folder``."""
        write_checked(folder / FILE, self._content())

    def _content(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "provenance": self.provenance,
            "families": list(self.families),
            "architectures": list(self.architectures),
            "variances": {name: _short(value) for name, value in vars(self.variances).items()},
            "mean": [_short(value) for value in self.mean],
            "covariance": [[_short(value) for value in row] for row in self.covariance],
        }

    @classmethod
    def load(cls, folder: Path) -> ModelChoice:
        """Read what ``save`` wrote.

        Raises
        ------
        AdvisorError
            If the file is missing, changed since it was written, or of another schema.
        """
        hint = "restore it from the distribution, or fit it again with `make -C research model-choice`"
        content = read_checked(folder / FILE, SCHEMA, "model of models", hint)
        return cls(
            families=content["families"],
            architectures=content["architectures"],
            mean=np.array(content["mean"]),
            covariance=np.array(content["covariance"]),
            variances=Variances(**content["variances"]),
            provenance=content["provenance"],
        )


def best_first(candidates: Sequence[Candidate], expectations: Sequence[Expectation]) -> list[int]:
    """Return the positions of models, the one to train first before the others.

    Of those expected to be as good as the best that is left, the one with the highest ImageNet accuracy is next.
    """
    scale = to_scale(np.array([expectation.top1 for expectation in expectations]))
    left = np.argsort(-scale, kind="stable").tolist()
    order: list[int] = []
    while left:
        alike = [at for at in left if scale[at] >= scale[left[0]] - ALIKE]
        order.append(max(alike, key=lambda at: candidates[at].imagenet_top1))
        left.remove(order[-1])
    return order


@functools.cache
def shipped_model_choice() -> ModelChoice:
    """Return the one that ships, read once."""
    return ModelChoice.load(Path(str(resources.files("advisor._meta_data") / _FOLDER)))


def design_row(
    candidate: Candidate, n_train: int, n_classes: int, families: Sequence[str], architectures: Sequence[str]
) -> list[float]:
    """Return what each weight is multiplied with.

    Sizes are decades from 100 images a class and from 40 classes, the ImageNet accuracy tens of points from 80 %.
    """
    return [
        1.0,
        math.log10(n_train / n_classes / 100),
        math.log10(n_classes / 40),
        (candidate.imagenet_top1 - 80) / 10,
        *(float(candidate.family == family) for family in families),
        *(float(candidate.architecture == architecture) for architecture in architectures),
    ]


def _same(attribute: str, left: Sequence[Candidate], right: Sequence[Candidate]) -> Floats:
    names = [np.array([getattr(one, attribute) for one in side]) for side in (left, right)]
    return np.asarray(names[0][:, None] == names[1], dtype=np.float64)


def _short(value: float) -> float:
    return float(f"{value:.6g}")
