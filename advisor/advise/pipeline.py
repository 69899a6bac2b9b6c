"""The answer to a prepared request: what was learned, what is published, or something between, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from advisor.advise.assumes import Assumes
from advisor.advise.blend import blend, blend_ranges
from advisor.advise.prepare import PreparedRequest
from advisor.advise.recipes.public_runs import advise_without_evidence
from advisor.advise.recipes.published import Published, advise_published
from advisor.advise.recipes.recipes import shipped_recipes
from advisor.advise.search.conditioning import Conditioned, condition
from advisor.advise.search.neighbours import most_similar
from advisor.advise.search.own_runs import configuration_of, describe_own_runs
from advisor.advise.search.predictor import InContext, Predict
from advisor.advise.search.related_runs import describe_related_runs
from advisor.advise.search.search import SearchResult, retries, search
from advisor.advise.suggestion import DatasetName, Expected, MetaModelName, Suggested, Suggestion
from advisor.learn.artefact import Artefact, Coverage
from advisor.learn.metamodel import LEVEL, Prediction
from advisor.records.schema import Run, new_id
from advisor.space.configuration import Configuration, columns_of
from advisor.space.hyperparameters import LABELS, format_number, two_figures
from advisor.space.limits import Limits

Basis = Literal["meta-model", "response", "recipes", "rule"]
Confidence = Literal["high", "medium", "low"]

_ENOUGH_GROUPS = 10
"""A claim for a context needs so many independent sources of data there."""
_NAMED_SOURCES = 6
_FAR, _FAR_FROM_PUBLISHED = 3.0, 30.0
"""Factors beyond the recorded and the published values from which on a fixed value is far outside what is known."""
_FAR_DROPOUT = 0.2
_WIDE_INTERVAL = 40.0
"""Points of top-1; who is told no more than that is not told it with high confidence."""
_ENOUGH_OWN_RUNS = 3
"""So many own runs show the level of a dataset well enough for expectations without the meta-model."""
_WORTH_NAMING = 0.005


@dataclass(frozen=True)
class Grounds:
    """What the answer to a prepared request rests on.

    Attributes
    ----------
    share : float
        Of what is published, 0 to 1; the meta-model has the rest.
    published : Published or None
        What recipes, the rule and public runs advise; None where they have no share.
    learned : Predict or None
        What the meta-model expects; None where it has no share.
    conditioned : Conditioned or None
        What is expected given own runs; None without any.
    """

    share: float
    published: Published | None
    learned: Predict | None
    conditioned: Conditioned | None


def find_grounds(artefact: Artefact, prepared: PreparedRequest) -> Grounds:
    """Return what the answer to a prepared request rests on; ``artefact`` is the one it was prepared with."""
    artefact, share, box = artefact.of(prepared.request.pretraining), prepared.novelty.published_share, prepared.box
    published = _published(prepared, share) if share > 0 else None
    learned = InContext(artefact.model, prepared.context(box)) if box is not None and share < 1 else None
    conditioned = None
    if prepared.own_runs or prepared.related:
        conditioned = condition(
            prepared.own_runs,
            prepared.related,
            learned,
            published,
            share,
            box=box if learned else None,
            request=prepared.request,
            dataset=prepared.dataset,
            noise=prepared.noise,
        )
    return Grounds(share, published, learned, conditioned)


def answer(artefact: Artefact, prepared: PreparedRequest) -> Suggestion:
    """Return the suggestion for a prepared request.

    Parameters
    ----------
    artefact : Artefact
        The meta-model and what its evidence holds; the one that the request was prepared with.
    prepared : PreparedRequest
        What is asked.
    """
    request, dataset, noise = prepared.request, prepared.dataset, prepared.noise
    grounds = find_grounds(artefact, prepared)
    share, published, learned = grounds.share, grounds.published, grounds.learned
    artefact = artefact.of(request.pretraining)
    predict: Predict | None = learned
    if grounds.conditioned is not None:
        found = grounds.conditioned.search(request)
        configurations, ranges = found.configurations, found.ranges
        # Without a run of the case itself nothing tells the level but the meta-model.
        predict = grounds.conditioned.predict if prepared.own_runs else learned
    else:
        configurations, ranges = _combine(prepared, grounds)
    weights = _weights(published, share)
    basis = _basis(weights)
    coverage = prepared.coverage if learned else None
    epochs = configurations[0].epochs
    assumes = _recorded_assumes(coverage, epochs) if coverage and basis == "meta-model" else None
    if assumes is None:
        assert published is not None
        assumes = published.assumes
    # Far from the evidence an expectation is worth nothing, even where the values still owe something to it.
    is_expected = predict is not None and (basis == "meta-model" or len(prepared.own_runs) >= _ENOUGH_OWN_RUNS)
    expected = _expect(predict, configurations) if predict and is_expected else [None] * len(configurations)
    suggestions = tuple(Suggested.of(c, expected=e) for c, e in zip(configurations, expected, strict=True))

    far = _far_from_known(prepared)
    confidence, reason = _confidence(prepared, basis, far, expected[0])
    warnings = [*far, *prepared.notes, *prepared.novelty.reasons]
    if published is not None and share > _WORTH_NAMING:
        warnings.append(_basis_in_words(weights, published, request.opt, request.pretrained))
    if published is not None and assumes.layer_decay is not None:
        warnings.append(_layer_decay_in_words(assumes, published))
    if own_runs := prepared.own_runs:
        again = configurations[0] in {configuration_of(run) for run in own_runs}
        warnings.append(describe_own_runs(own_runs, again, noise))
    if prepared.related:
        warnings.append(describe_related_runs(prepared.related))
    if coverage is not None:
        warnings += _unmet(request.limits, suggestions[0], coverage)
        warnings.append(_learned_from(artefact, coverage))
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
        suggestions=tuple(_timed(s, dataset.n_train, prepared.images_per_second) for s in suggestions),
        ranges=ranges,
        confidence=confidence,
        confidence_reason=reason,
        basis=basis,
        basis_weights={name: round(weight, 3) for name, weight in weights.items() if weight > _WORTH_NAMING},
        novelty=round(prepared.novelty.value, 3),
        evidence=most_similar(artefact, request, dataset) if learned else (),
        warnings=tuple(warnings),
        metamodel=MetaModelName(version=artefact.version, runs=artefact.runs, datasets=len(artefact.known)),
    )


def _published(prepared: PreparedRequest, share: float) -> Published:
    """Return what recipes, the rule and, for fine-tuning, public runs advise.

    Layer decay is assumed as own runs have it. Recorded runs have none, and without it is what they outweigh.
    """
    request, n_train = prepared.request, prepared.dataset.n_train
    own = prepared.own_runs or [run for case in prepared.related for run in case.runs]
    layer_wise = not own or sum(_has_layer_decay(run) for run in own) > len(own) / 2

    published = advise_without_evidence(request, n_train, layer_decay=layer_wise)
    if published.assumes.layer_decay is not None and _basis(_weights(published, share)) == "meta-model":
        return advise_without_evidence(request, n_train, layer_decay=False)
    return published


def _has_layer_decay(run: Run) -> bool:
    return run.extra.get("layer_decay") not in (None, 1)


def _combine(
    prepared: PreparedRequest, grounds: Grounds
) -> tuple[tuple[Configuration, ...], dict[str, tuple[float, float]]]:
    """Return the configurations, best first, and the ranges, where there are no own runs."""
    request, share, published = prepared.request, grounds.share, grounds.published
    opt, limits, pretrained = request.opt, request.limits, request.pretrained
    if grounds.learned is None:
        assert published is not None
        return published.configurations, dict(published.ranges)
    found = _search(grounds.learned, prepared)
    if published is None:
        return found.configurations, found.ranges
    first, *others = found.configurations
    last = len(published.configurations) - 1
    blended = [blend(first, published.configurations[0], share, opt, limits)]
    for i, one in enumerate(others, 1):
        if pretrained:
            # Second chances keep their distance from the first.
            rate = blended[0].lr if "lr" in limits.fixed else two_figures(blended[0].lr * one.lr / first.lr)
            size = blended[0].batch_size if one.batch_size == first.batch_size else one.batch_size
            blended.append(replace(blended[0], lr=rate, batch_size=size))
        else:
            blended.append(blend(one, published.configurations[min(i, last)], share, opt, limits))
    ranges = blend_ranges(found.ranges, published.ranges, share, blended[0])
    return tuple(dict.fromkeys(blended)), ranges


def _search(learned: Predict, prepared: PreparedRequest) -> SearchResult:
    """Return what the meta-model advises."""
    request, box = prepared.request, prepared.box
    assert box is not None
    found = search(learned, box, prefer=request.prefer, noise=prepared.noise, top_k=request.top_k)
    if not request.pretrained:
        return found
    best = found.configurations[0]
    return replace(found, configurations=(best, *retries(learned, best, box, request.top_k - 1)))


def _expect(predict: Predict, configurations: tuple[Configuration, ...]) -> list[Expected]:
    prediction = predict(columns_of(list(configurations)))
    return [_expected(prediction, row) for row in range(len(configurations))]


def _weights(published: Published | None, share: float) -> dict[Basis, float]:
    """Return how much of the values rests on each basis; the sum is 1."""
    response_share = published.response_share if published else 0.0
    rule_share = published.rule_share if published else 0.0
    rest = share * (1 - response_share)
    return {
        "meta-model": 1 - share,
        "response": share * response_share,
        "recipes": rest * (1 - rule_share),
        "rule": rest * rule_share,
    }


def _basis(weights: Mapping[Basis, float]) -> Basis:
    return max(weights, key=lambda name: weights[name])


def _confidence(
    prepared: PreparedRequest, basis: Basis, far: Sequence[str], expected: Expected | None
) -> tuple[Confidence, str]:
    """Return how far the advice can be trusted, and why, in words."""
    novelty, coverage, own = prepared.novelty, prepared.coverage, len(prepared.own_runs)
    if far:
        return "low", "a fixed value lies far from anything known"
    if own >= _ENOUGH_OWN_RUNS:
        return "medium", f"it follows {own} runs of yours on this dataset"
    if basis != "meta-model" or novelty.value > 0.5 or coverage is None:
        return "low", "; ".join(novelty.reasons) or "nothing like this was recorded"
    of_what = "this optimizer and start" if coverage.opt == prepared.request.opt else f"{coverage.opt} and this start"
    sources = f"{coverage.runs:,} runs on {coverage.groups} sources of data were recorded with {of_what}"
    doubts = []
    for name, value in prepared.request.limits.fixed.items():
        low, high = coverage.bounds[name]
        if not low <= value <= high:
            span = f"{format_number(low)} to {format_number(high)}"
            doubts.append(f"{LABELS[name]} is fixed outside what was recorded ({span})")
    if expected is not None and expected.high - expected.low > _WIDE_INTERVAL:
        doubts.append(f"it can end anywhere from {expected.low:.0f} to {expected.high:.0f} %")
    if not doubts and novelty.value <= 0.1 and coverage.groups >= _ENOUGH_GROUPS:
        return "high", f"{sources}, on datasets and models like these"
    return "medium", "; ".join([*novelty.reasons, *doubts, sources])


def _far_from_known(prepared: PreparedRequest) -> list[str]:
    """Name the values that are fixed far outside what was recorded or published."""
    if not prepared.request.limits.fixed:
        return []
    request, found = prepared.request, []
    if prepared.coverage is not None:
        known, factor = prepared.coverage.bounds, _FAR
    else:
        # What is fixed cannot vouch for itself.
        free = request.within(replace(request.limits, fixed={}))
        n_train, factor = prepared.dataset.n_train, _FAR_FROM_PUBLISHED
        known = advise_published(shipped_recipes(), free, n_train, layer_decay=False).ranges
    for name, value in request.limits.fixed.items():
        low, high = known[name]
        is_far = value > high + _FAR_DROPOUT if name == "dropout" else value > factor * high or 0 < value < low / factor
        if is_far:
            span = f"{format_number(low)} to {format_number(high)}"
            found.append(f"{LABELS[name]} {format_number(value)} is far outside what is known ({span})")
    return found


def _basis_in_words(weights: Mapping[Basis, float], published: Published, opt: str, pretrained: bool) -> str:
    """Say what the values rest on, and how much on each."""
    start = "pretrained weights" if pretrained else "scratch"
    rule = f"a fixed rule ({published.rule.source})"
    if weights["rule"] == 1:
        return f"no published recipe with {opt} from {start} is known either: the learning rate is that of {rule}"
    parts = {
        "meta-model": "the meta-model",
        "response": "public fine-tuning runs on GPUs",
        "recipes": f"published recipes (nearest: {', '.join(published.sources)})",
        "rule": rule,
    }
    named = [f"{weight:.0%} on {parts[name]}" for name, weight in weights.items() if weight > _WORTH_NAMING]
    return f"the values rest {', '.join(named)}"


def _layer_decay_in_words(assumes: Assumes, published: Published) -> str:
    """Say what layer decay does to the learning rate, and who has it."""
    return (
        f"the learning rate is that of the last layer and falls by {assumes.layer_decay:g} a layer, as in recipes for "
        f"such networks ({', '.join(published.layer_decay_sources[:3])}); without layer decay divide it by "
        f"{assumes.layer_decay_lr_factor:g}"
    )


def _learned_from(artefact: Artefact, coverage: Coverage) -> str:
    """Say what kind of evidence the meta-model learned from in a context."""
    groups = artefact.groups_in(coverage)
    more = f" and {len(groups) - _NAMED_SOURCES} more" if len(groups) > _NAMED_SOURCES else ""
    named = ", ".join(groups[:_NAMED_SOURCES]) + more
    (small, large), (few, many) = coverage.img_size, coverage.num_params
    return (
        f"learned from {coverage.runs:,} runs on {coverage.groups} sources of data ({named}), "
        f"at {small} to {large} pixels, with models of {few:,} to {many:,} parameters"
    )


def _unmet(limits: Limits, best: Suggested, coverage: Coverage) -> list[str]:
    """Name the limits that allow more than the evidence reaches, where the advice sits at its edge."""
    high = coverage.bounds["epochs"][1]
    if best.epochs == high and (limits.max_epochs or math.inf) > high and "epochs" not in limits.fixed:
        return [f"the evidence ends at {high:g} epochs; more may help"]
    return []


def _recorded_assumes(coverage: Coverage, epochs: int) -> Assumes:
    """Return the rest of the recipe that was recorded; what a run left empty is what timm takes that for.

    A warm-up as long as the training would never reach the learning rate.
    """
    blank: dict[str, Any] = {"sched": "none", "augment": "none"}
    assumes = Assumes(**{name: value or blank.get(name, 0.0) for name, value in coverage.assumes.items()})
    return assumes.model_copy(update={"warmup_epochs": min(assumes.warmup_epochs, float(epochs - 1))})


def _expected(prediction: Prediction, row: int) -> Expected:
    return Expected(
        top1=round(float(prediction.top1[row]), 1),
        low=round(float(prediction.low[row]), 1),
        high=round(float(prediction.high[row]), 1),
        level=LEVEL,
    )


def _timed(suggested: Suggested, n_train: int, speed: float | None) -> Suggested:
    """Return a suggestion with expected seconds, where the speed is known."""
    if speed is None:
        return suggested
    return suggested.model_copy(update={"expected_seconds": round(suggested.epochs * n_train / speed, 1)})
