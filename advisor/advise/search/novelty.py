"""Novelty: how unlike the evidence a request is, and how far advice then moves toward what is published."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from advisor.advise.request import Request
from advisor.advise.search.context import is_supported
from advisor.describe.model import describe_model
from advisor.describe.model_description import ModelDescription
from advisor.errors import UsageError
from advisor.learn.artefact import Artefact, Coverage
from advisor.learn.response import Kind, model_kind
from advisor.records.schema import Dataset, Pretraining

_STARTS = {
    Pretraining.NONE: "scratch",
    Pretraining.IMAGENET: "ImageNet weights",
    Pretraining.OTHER: "weights that are not of ImageNet",
}
_WORTH_NAMING = 0.1
_FREE_OCTAVES = 0.25
_FAR_OCTAVES = 4.0
"""Factors of two by which a model or image size lies outside the evidence, until nothing of it is left."""
_OF_FAMILY = 0.1
"""Novelty of an optimizer that is advised from what another of its family was recorded with."""
_OTHER_KIND = 0.5
_OTHER_NORM = 0.25
"""Novelty of a model that is not made of what recorded ones are, or of that with another normalisation: guesses, as no
run says how far what holds for one kind of layers holds for another."""
_KINDS: dict[Kind, str] = {
    "convolution": "convolutional models",
    "attention": "transformers",
    "hybrid": "models of convolution and attention",
}


@dataclass(frozen=True)
class Novelty:
    """How unlike the evidence a request is.

    Attributes
    ----------
    value : float
        0 like the evidence, 1 nothing like it.
    reasons : tuple of str
        Why, in words; empty where it is like the evidence.
    """

    value: float
    reasons: tuple[str, ...]

    @property
    def published_share(self) -> float:
        """The share of the advice that recipes and the rule have: 3 n² - 2 n³ of the novelty n.

        It is 0 and level at 0, half at a half, 1 and level at 1: nothing jumps where novelty begins or is complete.
        """
        n = self.value
        return n * n * (3 - 2 * n)

    @property
    def published_decides(self) -> bool:
        """Whether the advice rests for the larger part on what is published."""
        return self.published_share >= 0.5


def assess_novelty(request: Request, dataset: Dataset, artefact: Artefact, coverage: Coverage | None) -> Novelty:
    """Return how unlike the evidence a request is.

    The dataset counts by its distance to the nearest recorded one; a model or an image size outside what was recorded
    adds a quarter for every factor of two, and so does a model made of other layers.

    Parameters
    ----------
    request : Request
        What is asked.
    dataset : Dataset
        The described dataset.
    artefact : Artefact
        The evidence.
    coverage : Coverage or None
        What the evidence holds for the request's optimizer and start.
    """
    start = _STARTS[request.pretraining]
    if coverage is None:
        return Novelty(1.0, (f"no recorded run used {request.opt} from {start}",))
    if not is_supported(coverage):
        sources = "one source" if coverage.groups == 1 else f"{coverage.groups} sources"
        return Novelty(1.0, (f"runs with {request.opt} from {start} were recorded on {sources} of data only",))
    novelty = artefact.dataset_distances.novelty(dataset.features)
    reasons = ["this dataset is unlike those in the evidence"] if novelty > _WORTH_NAMING else []
    if coverage.opt != request.opt:
        novelty += _OF_FAMILY
        reasons.append(f"{request.opt} was recorded on few sources: it gets what holds for {coverage.opt}")
    for what, value, (low, high) in (
        ("model size", request.model.params_with(dataset.n_classes), coverage.num_params),
        ("image size", request.img_size, coverage.img_size),
    ):
        outside = max(0.0, math.log2(value / high), math.log2(low / value))
        if outside > _FREE_OCTAVES:
            novelty += (outside - _FREE_OCTAVES) / _FAR_OCTAVES
            reasons.append(f"{what} {value:,} lies outside the evidence ({low:,} to {high:,})")
    other, made_of = _made_of_other_layers(request.model, coverage.models)
    return Novelty(min(1.0, novelty + other), (*reasons, *made_of))


def _made_of_other_layers(model: ModelDescription, recorded: Sequence[str]) -> tuple[float, tuple[str, ...]]:
    """Return the novelty of what a model is made of against recorded ones, and the reason, if there is any."""
    known = {(model_kind(each), each.norm) for each in _described(recorded)}
    kind = model_kind(model)
    if not known or (kind, model.norm) in known:
        return 0.0, ()
    if any(kind == each for each, _ in known):
        return _OTHER_NORM, (f"no {_KINDS[kind]} with {model.norm} norm were recorded",)
    return _OTHER_KIND, (f"no {_KINDS[kind]} were recorded",)


def _described(names: Sequence[str]) -> Iterator[ModelDescription]:
    for name in names:
        # A model of one's own that neither the table nor timm knows says nothing here.
        with contextlib.suppress(UsageError):
            yield describe_model(name)
