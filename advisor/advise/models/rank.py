"""Ranks models for a described dataset before any was trained there: what is expected, what it takes, its values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.advise.models.candidates import all_models, candidate_of
from advisor.advise.models.fitting import DoesNotFit, Fitted, ModelLimits, Room
from advisor.advise.models.ranking import LeftOut, ModelRanking, RankedModel
from advisor.advise.pipeline import answer
from advisor.advise.prepare import PreparedRequest, Records
from advisor.advise.request import Request, make_request
from advisor.advise.suggestion import DatasetName, Expected
from advisor.describe.model import describe_model
from advisor.errors import UsageError
from advisor.learn.artefact import Artefact
from advisor.learn.model_choice import LEVEL, Candidate, Expectation, ModelChoice, best_first, shipped_model_choice
from advisor.learn.usable_runs import is_comparable, is_evidence
from advisor.records.schema import Dataset, Pretraining, Run
from advisor.space.words import counted

_NAMED_REASONS = 3


@dataclass(frozen=True)
class RankedRequests:
    """A ranking, and the prepared request that the values of each of its models answer, in its order."""

    ranking: ModelRanking
    prepared: tuple[PreparedRequest, ...]


def rank_models(
    artefact: Artefact,
    names: Sequence[str],
    limits: ModelLimits,
    options: Mapping[str, Any],
    dataset: Dataset,
    records: Records,
    *,
    top_k: int,
) -> RankedRequests:
    """Rank models by the accuracy that is expected of them, the best that fits first.

    Parameters
    ----------
    artefact : Artefact
        The meta-model that advises the values.
    names : sequence of str
        timm's names, all of which are shown; none for every model whose accuracy on ImageNet is published.
    limits : ModelLimits
        What a model must stay within.
    options : mapping
        What ``make_request`` takes, but for the model and the time.
    dataset : Dataset
        The described dataset.
    records : Records
        The user's runs.
    top_k : int
        How many of all models are shown.

    Raises
    ------
    UsageError
        If no model fits, or what is asked is impossible for all of them.
    """
    if options.get("pretrained") is False:
        raise UsageError(
            "models are ranked for fine-tuning only",
            cause="no evidence tells how they compare from scratch",
            hint="leave --scratch out, or name a model with --model",
        )
    choice, left_out = shipped_model_choice(), list[LeftOut]()
    requests = list(_requests(names or all_models(limits.max_params), limits, options, left_out))
    own = _own_results(records.on_dataset(dataset.dataset_id), dataset)
    ordered = _by_expectation(choice, requests, dataset, own)
    room = Room(artefact, limits, dataset, records, _timed_runs(records, dataset, names), options.get("device"))
    found: list[tuple[RankedModel, PreparedRequest]] = []
    for request, expectation in ordered:
        if not names and len(found) == top_k:
            break
        try:
            fitted = room.fit(request)
        except DoesNotFit as reason:
            left_out.append(LeftOut(model=request.name, reason=str(reason)))
            continue
        found.append((_ranked(artefact, fitted, expectation), fitted.prepared))
    if not found:
        common = Counter(one.reason for one in left_out).most_common(_NAMED_REASONS)
        raise UsageError(
            "none of these models fits",
            cause="; ".join(reason for reason, _ in common),
            hint="raise a limit, or name other models with --models"
            + ("" if options.get("device") else ", or measure this machine with --device"),
        )
    models = [model for model, _ in found]
    ranking = ModelRanking(  # type: ignore[call-arg]  # mypy does not see that the aliased schema has a default
        dataset=DatasetName(
            dataset_id=dataset.dataset_id, name=dataset.name, n_train=dataset.n_train, n_classes=dataset.n_classes
        ),
        models=tuple(models),
        left_out=tuple(left_out if names else _counted(left_out)),
        warnings=tuple(_warnings(models, own, dataset.n_train, choice.provenance["n_train"])),
    )
    return RankedRequests(ranking, tuple(prepared for _, prepared in found))


def _requests(
    names: Sequence[str], limits: ModelLimits, options: Mapping[str, Any], left_out: list[LeftOut]
) -> Iterator[Request]:
    """Yield the requests about models that have weights and are small enough; name the others in ``left_out``."""
    for name in names:
        model = describe_model(name)
        if not model.has_pretrained:
            left_out.append(LeftOut(model=name, reason="timm has no pretrained weights for it"))
        elif limits.max_params is not None and model.num_params > limits.max_params:
            reason = f"it has more than {limits.max_params / 1e6:g} million parameters"
            left_out.append(LeftOut(model=name, reason=reason))
        else:
            yield make_request(**{**options, "model": name, "pretrained": True})


def _own_results(runs: Sequence[Run], dataset: Dataset) -> list[tuple[Candidate, float]]:
    """Return the best accuracy that own runs of models reached on the dataset from pretrained weights."""
    best: dict[Candidate, float] = {}
    for run in runs:
        usable = run.pretraining is Pretraining.IMAGENET and is_evidence(run) and is_comparable(run, dataset)
        trained = candidate_of(str(run.model)) if usable else None
        if trained is not None and run.final_metric is not None:
            best[trained] = max(run.final_metric, best.get(trained, 0.0))
    return list(best.items())


def _by_expectation(
    choice: ModelChoice, requests: Sequence[Request], dataset: Dataset, own: Sequence[tuple[Candidate, float]]
) -> list[tuple[Request, Expectation | None]]:
    """Return the requests, the most promising model first; those of which nothing is published last."""
    pairs = [(request, candidate_of(request.name)) for request in requests]
    known = [(request, one) for request, one in pairs if one is not None]
    candidates = [one for _, one in known]
    expected = choice.expect(candidates, dataset.n_train, dataset.n_classes, own)
    ordered: list[tuple[Request, Expectation | None]] = [
        (known[at][0], expected[at]) for at in best_first(candidates, expected)
    ]
    return [*ordered, *((request, None) for request, one in pairs if one is None)]


def _timed_runs(records: Records, dataset: Dataset, names: Sequence[str]) -> list[Run]:
    """Return runs that tell how fast this machine is, the latest first: on the dataset, or of named models."""
    runs = [*records.on_dataset(dataset.dataset_id)]
    runs += [run for name in names for run in records.of_model(describe_model(name).name)]
    return sorted({run.run_id: run for run in runs}.values(), key=lambda run: run.run_id, reverse=True)


def _ranked(artefact: Artefact, fitted: Fitted, expectation: Expectation | None) -> RankedModel:
    request = fitted.prepared.request
    suggestion = answer(artefact, fitted.prepared)
    trained = candidate_of(request.name)
    return RankedModel(
        model=request.name,
        num_params=request.model.num_params,
        img_size=request.img_size,
        imagenet_top1=None if trained is None else trained.imagenet_top1,
        expected=None if expectation is None else _expected(expectation),
        basis=None if expectation is None else expectation.basis,
        seconds=fitted.seconds(suggestion.best.epochs),
        seconds_basis=fitted.seconds_basis,
        memory_bytes=fitted.memory(suggestion.best.batch_size),
        suggestion=suggestion,
    )


def _expected(expectation: Expectation) -> Expected:
    rounded = {name: round(getattr(expectation, name), 1) for name in ("top1", "low", "high")}
    return Expected(**rounded, level=LEVEL)


def _counted(left_out: Sequence[LeftOut]) -> list[LeftOut]:
    """Return the reasons why models are left out, each once with how many it holds for."""
    reasons = Counter(one.reason for one in left_out)
    return [LeftOut(model=None, reason=f"{counted(n, 'model')}: {reason}") for reason, n in reasons.most_common()]


def _warnings(
    models: Sequence[RankedModel], own: Sequence[tuple[Candidate, float]], n_train: int, recorded: tuple[int, int]
) -> Iterator[str]:
    """Yield what must be known to read the ranking; ``recorded`` is the extent of the datasets that it rests on."""
    fewest, most = recorded
    if not fewest <= n_train <= most:
        yield f"how models compare was recorded on {fewest:,} to {most:,} training images: on {n_train:,} it is a guess"
    bases = {model.basis for model in models}
    if bases == {"ImageNet accuracy"} and not own:
        yield (
            "neither these models nor others of their families were recorded, and nothing then ranks better than the "
            "highest published ImageNet accuracy that fits: this is that order"
        )
    elif "ImageNet accuracy" in bases:
        yield (
            "of families that were not recorded only ImageNet tells: with such among them, this order beats the "
            "highest ImageNet accuracy by more than luck only up to 10 million parameters (docs/models.md)"
        )
    if None in bases:
        yield "of some weights no ImageNet accuracy is published: they come last, and nothing is expected of them"
    if own:
        yield f"uses what {counted(len(own), 'model')} of yours reached on this dataset"
    if any(model.seconds_basis == "RTX 3090" for model in models):
        yield (
            "times are those on one RTX 3090 in mixed precision, as timm published its speed: a recorded run on this "
            "dataset, or --device, tells those here"
        )
    if any(model.img_size != describe_model(model.model).img_size for model in models):
        yield "accuracies are expected at the size that the weights take by default, which is not the one asked for"
