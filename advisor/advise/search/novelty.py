"""Doubt: how unlike the evidence a request is, and how far advice then moves toward what is published."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from advisor.advise.recipes.recipes import batch_factor, recipe_family
from advisor.advise.request import Request
from advisor.advise.search.context import has_say
from advisor.learn.artefact import Artefact, Covered
from advisor.records.schema import Dataset
from advisor.space.configuration import NO_DECAY, Configuration, Limits

_WORTH_NAMING = 0.1
_FREE_OCTAVES = 0.25
_FAR_OCTAVES = 4.0
"""Factors of two by which a model or image size lies outside the evidence, until nothing of it is left."""


@dataclass(frozen=True)
class Doubt:
    """How unlike the evidence a request is.

    Attributes
    ----------
    novelty : float
        0 like the evidence, 1 nothing like it.
    reasons : tuple of str
        Why, in words; empty where it is like the evidence.
    """

    novelty: float
    reasons: tuple[str, ...]

    @property
    def published_share(self) -> float:
        """The share of the advice that recipes and the rule have: 3 n² - 2 n³ of the novelty n.

        It is 0 and level at 0, half at a half, 1 and level at 1: nothing jumps where novelty begins or is complete.
        """
        n = self.novelty
        return n * n * (3 - 2 * n)


def judge(request: Request, dataset: Dataset, artefact: Artefact, covered: Covered | None) -> Doubt:
    """Return the doubt about a request.

    The dataset counts by its distance to the nearest recorded one; a model or an image size outside what was recorded
    adds a quarter for every factor of two.

    Parameters
    ----------
    request : Request
        What is asked.
    dataset : Dataset
        The described dataset.
    artefact : Artefact
        The evidence.
    covered : Covered or None
        What the evidence holds for the request's optimizer and start.
    """
    start = "pretrained weights" if request.pretrained else "scratch"
    if covered is None:
        return Doubt(1.0, (f"no recorded run used {request.opt} from {start}",))
    if not has_say(covered):
        sources = "one source" if covered.groups == 1 else f"{covered.groups} sources"
        return Doubt(1.0, (f"runs with {request.opt} from {start} were recorded on {sources} of data only",))
    novelty = artefact.familiarity.novelty(dataset.features)
    reasons = ["this dataset is unlike those in the evidence"] if novelty > _WORTH_NAMING else []
    for what, value, (low, high) in (
        ("model size", request.model.params_with(dataset.n_classes), covered.num_params),
        ("image size", request.img_size, covered.img_size),
    ):
        outside = max(0.0, math.log2(value / high), math.log2(low / value))
        if outside > _FREE_OCTAVES:
            novelty += (outside - _FREE_OCTAVES) / _FAR_OCTAVES
            reasons.append(f"{what} {value:,} lies outside the evidence ({low:,} to {high:,})")
    return Doubt(min(1.0, novelty), tuple(reasons))


def blend(learned: Configuration, published: Configuration, share: float, opt: str, limits: Limits) -> Configuration:
    """Return the configuration between what was learned and what is published.

    Learning rate, batch size, epochs and weight decay are taken between by factors, dropout by differences. Both
    learning rates are first brought to the batch size between, as the optimizer's recipes scale them.

    Parameters
    ----------
    learned, published : Configuration
        The two ends, each within the limits.
    share : float
        Of what is published, 0 to 1.
    opt : str
        timm's name of the optimizer.
    limits : Limits
        What is fixed stays exactly.
    """
    if share == 0:
        return learned
    if share == 1:
        return published

    family = recipe_family(opt)
    batch_size = learned.batch_size
    if learned.batch_size != published.batch_size:
        batch_size = int(2 ** round(math.log2(_between(learned.batch_size, published.batch_size, share))))
        smaller, larger = sorted((learned.batch_size, published.batch_size))
        batch_size = min(max(batch_size, smaller), larger)

    def lr_there(end: Configuration) -> float:
        return end.lr * batch_factor(family, batch_size) / batch_factor(family, end.batch_size)

    decay = _between(max(learned.weight_decay, NO_DECAY), max(published.weight_decay, NO_DECAY), share)
    return Configuration(
        lr=limits.fixed.get("lr", float(f"{_between(lr_there(learned), lr_there(published), share):.2g}")),
        batch_size=batch_size,
        epochs=round(_between(learned.epochs, published.epochs, share)),
        dropout=limits.fixed.get("dropout", round((1 - share) * learned.dropout + share * published.dropout, 1)),
        weight_decay=limits.fixed.get("weight_decay", 0.0 if decay < 10 * NO_DECAY else float(f"{decay:.2g}")),
    )


def blend_ranges(
    learned: Mapping[str, tuple[float, float]],
    published: Mapping[str, tuple[float, float]],
    share: float,
    best: Configuration,
) -> dict[str, tuple[float, float]]:
    """Return the ranges between, each end like the values, wide enough to hold the best configuration."""
    ranges = {}
    for name, value in best.as_dict().items():
        low, high = (_end(name, one, other, share) for one, other in zip(learned[name], published[name], strict=True))
        ranges[name] = (min(low, value), max(high, value))
    return ranges


def _end(name: str, one: float, other: float, share: float) -> float:
    if one == other:
        return one
    if name == "dropout":
        return round((1 - share) * one + share * other, 1)
    end = float(f"{_between(max(one, NO_DECAY), max(other, NO_DECAY), share):.2g}")
    if name in ("batch_size", "epochs"):
        return float(round(end))
    return 0.0 if name == "weight_decay" and end < 10 * NO_DECAY else end


def _between(one: float, other: float, share: float) -> float:
    """Return the value between two by factors."""
    return math.exp((1 - share) * math.log(one) + share * math.log(other))
