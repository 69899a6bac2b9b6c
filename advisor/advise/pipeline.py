"""The answer to a checked request: what was learned, what is published, or something between, and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from advisor.advise.recipes.published import Published, advise_published
from advisor.advise.recipes.recipes import shipped_recipes
from advisor.advise.request import Request
from advisor.advise.search.context import context_of_request
from advisor.advise.search.neighbours import most_similar
from advisor.advise.search.novelty import Doubt, blend, blend_ranges, judge
from advisor.advise.search.own_runs import (
    Heeding,
    configuration_of,
    heard,
    heeding_published,
    runs_to_heed,
    search_heeding,
)
from advisor.advise.search.predictor import InContext, Predict
from advisor.advise.search.search import Found, allowed_bounds, search
from advisor.advise.suggestion import Assumes, DatasetName, Expected, MetaModelName, Suggested, Suggestion
from advisor.learn.artefact import Artefact, Covered
from advisor.learn.metamodel import LEVEL, Prediction
from advisor.records.schema import HYPERPARAMETERS, Dataset, Run, new_id
from advisor.space.configuration import Configuration, Limits, columns_of

OwnRecords = Callable[[], Iterable[Run]]
Basis = Literal["meta-model", "recipes", "rule"]
Confidence = Literal["high", "medium", "low"]

_ENOUGH_GROUPS = 10
"""A claim for a context needs so many independent sources of data there."""
_NAMED_SOURCES = 6
_WORTH_NAMING = 0.005


@dataclass(frozen=True)
class _Learned:
    """What the meta-model advises, and the meta-model itself, for expectations of other values."""

    covered: Covered
    found: Found
    predict: Predict
    heeded: list[Run]

    def expect(self, configurations: tuple[Configuration, ...]) -> list[Expected]:
        prediction = self.predict(columns_of(list(configurations)))
        return [_expected(prediction, row) for row in range(len(configurations))]


def answer(artefact: Artefact, request: Request, dataset: Dataset, own: OwnRecords = tuple) -> Suggestion:
    """Return the suggestion for a request and a described dataset.

    Parameters
    ----------
    artefact : Artefact
        The meta-model and what its evidence holds.
    request : Request
        What is asked.
    dataset : Dataset
        The described dataset.
    own : callable
        Returns runs of the user, of which those on this dataset with this model, optimizer and start are heeded. Asked
        only once the request has proved possible.

    Raises
    ------
    UsageError
        If a fixed value cannot be met within the dataset and the limits.
    """
    covered = artefact.covering(request.opt, request.pretrained)
    doubt = judge(request, dataset, artefact, covered)
    share = doubt.published_share
    noise = artefact.noise or 1.0
    own = cache(own)
    learned = _learn(artefact, request, dataset, covered, own) if covered is not None and share < 1 else None
    heeded = learned.heeded if learned else []
    published = advise_published(shipped_recipes(), request, dataset.n_train) if share > 0 else None
    if published is not None and (runs := runs_to_heed(own(), request, dataset, augmented=None)):
        published, heeded = heeding_published(published, runs, request, dataset, noise), runs

    trained = {configuration_of(run) for run in heeded}
    configurations, ranges = _combine(learned, published, share, request, trained)
    rule_share = published.rule_share if published else 0.0
    weights: dict[Basis, float] = {
        "meta-model": 1 - share,
        "recipes": share * (1 - rule_share),
        "rule": share * rule_share,
    }
    basis = max(weights, key=lambda name: weights[name])
    if learned is not None and basis == "meta-model":
        assumes = _recorded_assumes(learned.covered)
        expected = learned.expect(configurations)
        suggestions = tuple(Suggested.of(c, expected=e) for c, e in zip(configurations, expected, strict=True))
    else:
        # Far from the evidence an expectation is worth nothing, even where the values still owe something to it.
        assert published is not None
        assumes = published.assumes
        suggestions = tuple(Suggested.of(c) for c in configurations)

    warnings = [*doubt.reasons]
    if published is not None and share > _WORTH_NAMING:
        warnings.append(_who_speaks(weights, published, request))
    if heeded:
        warnings.append(heard(heeded, configurations[0] in trained, noise))
    if learned is not None:
        warnings += _unmet(request.limits, suggestions[0], learned.covered)
        warnings.append(_learned_from(artefact, learned.covered))
    return Suggestion(  # type: ignore[call-arg]  # mypy does not see that the aliased schema has a default
        suggestion_id=new_id(),
        dataset=DatasetName(
            dataset_id=dataset.dataset_id, name=dataset.name, n_train=dataset.n_train, n_classes=dataset.n_classes
        ),
        model=request.name,
        opt=request.opt,
        pretrained=request.pretrained,
        img_size=request.img_size,
        assumes=assumes,
        suggestions=suggestions,
        ranges=ranges,
        confidence=_confidence(doubt, basis, covered),
        basis=basis,
        novelty=round(doubt.novelty, 3),
        evidence=most_similar(artefact, request, dataset) if learned else (),
        warnings=tuple(warnings),
        metamodel=MetaModelName(version=artefact.version, runs=artefact.runs, datasets=len(artefact.known)),
    )


def _learn(artefact: Artefact, request: Request, dataset: Dataset, covered: Covered, own: OwnRecords) -> _Learned:
    bounds = allowed_bounds(covered.bounds, request.limits, dataset.n_train)
    context = context_of_request(request, dataset, covered, max_epochs=int(bounds["epochs"][1]))
    predict: Predict = InContext(artefact.model, context)
    noise = artefact.noise or 1.0
    heeded = runs_to_heed(own(), request, dataset, context.case.augmented)
    if not heeded:
        found = search(predict, bounds, prefer=request.prefer, noise=noise, top_k=request.top_k)
        return _Learned(covered, found, predict, heeded)
    heeds = Heeding(predict, heeded, bounds, dataset.n_classes, noise)
    allowed = allowed_bounds(dict.fromkeys(HYPERPARAMETERS, (0.0, math.inf)), request.limits, dataset.n_train)
    found = search_heeding(heeds, allowed, bounds, prefer=request.prefer, top_k=request.top_k)
    return _Learned(covered, found, heeds, heeded)


def _combine(
    learned: _Learned | None,
    published: Published | None,
    share: float,
    request: Request,
    trained: Collection[Configuration],
) -> tuple[tuple[Configuration, ...], dict[str, tuple[float, float]]]:
    """Return the configurations, best first, and the ranges, where what is published has a share."""
    if learned is None:
        assert published is not None
        return published.configurations, dict(published.ranges)
    if published is None:
        return learned.found.configurations, learned.found.ranges
    last = len(published.configurations) - 1
    blended = [
        # What was measured on this dataset stays what was measured.
        one
        if one in trained
        else blend(one, published.configurations[min(i, last)], share, request.opt, request.limits)
        for i, one in enumerate(learned.found.configurations)
    ]
    ranges = blend_ranges(learned.found.ranges, published.ranges, share, blended[0])
    return tuple(dict.fromkeys(blended)), ranges


def _confidence(doubt: Doubt, basis: Basis, covered: Covered | None) -> Confidence:
    if basis != "meta-model" or doubt.novelty > 0.5 or covered is None:
        return "low"
    return "high" if doubt.novelty <= 0.1 and covered.groups >= _ENOUGH_GROUPS else "medium"


def _who_speaks(weights: Mapping[Basis, float], published: Published, request: Request) -> str:
    """Say what the values rest on, and how much on each."""
    start = "pretrained weights" if request.pretrained else "scratch"
    rule = f"a fixed rule ({published.rule.source})"
    if weights["rule"] == 1:
        return (
            f"no published recipe with {request.opt} from {start} is known either: the learning rate is that of {rule}"
        )
    parts = {
        "meta-model": "the meta-model",
        "recipes": f"published recipes (nearest: {', '.join(published.sources)})",
        "rule": rule,
    }
    spoken = [f"{weight:.0%} on {parts[name]}" for name, weight in weights.items() if weight > _WORTH_NAMING]
    return f"the values rest {', '.join(spoken)}"


def _learned_from(artefact: Artefact, covered: Covered) -> str:
    """Say what kind of evidence the meta-model learned from in a context."""
    groups = sorted(
        {
            known.dataset.group
            for known in artefact.known
            if any((best["opt"], best["pretrained"]) == (covered.opt, covered.pretrained) for best in known.best)
        }
    )
    more = f" and {len(groups) - _NAMED_SOURCES} more" if len(groups) > _NAMED_SOURCES else ""
    (small, large), (few, many) = covered.img_size, covered.num_params
    return (
        f"learned from {covered.runs:,} runs on {covered.groups} sources of data ({', '.join(groups[:_NAMED_SOURCES])}"
        f"{more}), at {small} to {large} pixels, with models of {few:,} to {many:,} parameters"
    )


def _unmet(limits: Limits, best: Suggested, covered: Covered) -> list[str]:
    """Name the limits that allow more than the evidence reaches, where the advice sits at its edge."""
    high = covered.bounds["epochs"][1]
    if best.epochs == high and (limits.max_epochs or math.inf) > high and "epochs" not in limits.fixed:
        return [f"the evidence ends at {high:g} epochs; more may help"]
    return []


def _recorded_assumes(covered: Covered) -> Assumes:
    """Return the rest of the recipe that was recorded; what a run left empty is what timm takes that for."""
    blank: dict[str, Any] = {"sched": "none", "augment": "none"}
    return Assumes(**{name: value or blank.get(name, 0.0) for name, value in covered.assumes.items()})


def _expected(prediction: Prediction, row: int) -> Expected:
    return Expected(
        top1=round(float(prediction.top1[row]), 1),
        low=round(float(prediction.low[row]), 1),
        high=round(float(prediction.high[row]), 1),
        level=LEVEL,
    )
