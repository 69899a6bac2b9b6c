"""A request on a described dataset, with everything that decides its answer: memory, speed, time, own runs, novelty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

from advisor.advise.request import DEFAULT_MODEL, Request
from advisor.advise.resources.memory import out_of_memory
from advisor.advise.resources.speed import epochs_within, images_per_second
from advisor.advise.resources.trial import Trial, try_steps
from advisor.advise.search.bounds import Bounds, allowed_bounds
from advisor.advise.search.context import context_of_request, covering
from advisor.advise.search.novelty import Novelty, assess_novelty
from advisor.advise.search.own_runs import matching_runs
from advisor.advise.search.related_runs import RelatedCase, related_cases
from advisor.advise.search.unused_runs import describe_unused_runs
from advisor.learn.artefact import Artefact, Coverage
from advisor.learn.table import Context
from advisor.records.schema import Dataset, Run
from advisor.space.limits import Limits


class Records(Protocol):
    """Recorded runs, as far as a request needs them."""

    def of_model(self, model: str) -> Sequence[Run]:
        """Return the runs of a model, from whatever weights, the latest first."""

    def on_dataset(self, dataset_id: str) -> Sequence[Run]:
        """Return the runs on a dataset."""

    def dataset(self, dataset_id: str) -> Dataset | None:
        """Return the description of a dataset, or None if there is none."""


@dataclass(frozen=True)
class RunList:
    """Recorded runs that are at hand, the latest first, and the datasets that some of them name."""

    runs: Sequence[Run] = ()
    datasets: Sequence[Dataset] = ()

    def of_model(self, model: str) -> Sequence[Run]:
        """Return the runs of a model, from whatever weights."""
        return [run for run in self.runs if (run.model or "").partition(".")[0] == model]

    def on_dataset(self, dataset_id: str) -> Sequence[Run]:
        """Return the runs on a dataset."""
        return [run for run in self.runs if run.dataset_id == dataset_id]

    def dataset(self, dataset_id: str) -> Dataset | None:
        """Return the description of a dataset, or None if there is none."""
        return next((dataset for dataset in self.datasets if dataset.dataset_id == dataset_id), None)


@dataclass(frozen=True)
class PreparedRequest:
    """What `suggest`, `explain`, `report`, `run --suggest` and the Python API all answer from.

    Attributes
    ----------
    request : Request
        What was asked, within the limits that hold here: the user's, tightened by memory and time.
    dataset : Dataset
        The described dataset.
    coverage : Coverage or None
        What the evidence covers for the request's optimizer and weights.
    novelty : Novelty
        How unlike the evidence the request is.
    own_runs : tuple of Run
        Recorded runs of the same dataset, model, optimizer, kind of weights and image size.
    related : tuple of RelatedCase
        Other recorded runs that tell something here; none where the meta-model decides.
    noise : float
        Points of accuracy by which equal runs with other seeds differ.
    images_per_second : float or None
        How fast the model trains here, where that is known.
    notes : tuple of str
        What was found out on the way, in words.
    asked : Limits
        The limits as the user gave them.
    """

    request: Request
    dataset: Dataset
    coverage: Coverage | None
    novelty: Novelty
    own_runs: tuple[Run, ...]
    related: tuple[RelatedCase, ...]
    noise: float
    images_per_second: float | None
    notes: tuple[str, ...]
    asked: Limits

    @cached_property
    def box(self) -> Bounds | None:
        """What is searched: what the evidence covers, cut to the limits; None where it covers nothing."""
        if self.coverage is None:
            return None
        return allowed_bounds(self.coverage.bounds, self.request.limits, self.dataset.n_train)

    def unfixed(self) -> PreparedRequest:
        """Return the same as if no value were fixed."""
        if not self.request.limits.fixed:
            return self
        return replace(self, request=self.request.within(replace(self.request.limits, fixed={})))

    def context(self, box: Bounds) -> Context:
        """Return the context that the meta-model predicts in, for configurations of a box."""
        assert self.coverage is not None
        return context_of_request(self.request, self.dataset, self.coverage, max_epochs=int(box["epochs"][1]))

    def to_document(self) -> dict[str, Any]:
        """Return what was asked and the limits that held, as JSON values for the store; ``prepare_again`` reads it."""
        limits = self.request.limits
        asked = self.request.within(self.asked).to_document()
        return {**asked, "held": {"max_epochs": limits.max_epochs, "max_batch_size": limits.max_batch_size}}


def prepare(artefact: Artefact, request: Request, dataset: Dataset, records: Records) -> PreparedRequest:
    """Find out everything that decides the answer to a request.

    A batch stays below what ran out of memory here, or what fits on the device that is asked for. A time budget becomes
    epochs, by the speed of recorded runs or as measured on the device.

    Parameters
    ----------
    artefact : Artefact
        The meta-model and what its evidence holds.
    request : Request
        What is asked.
    dataset : Dataset
        The described dataset.
    records : Records
        The user's runs. Asked only once the request has proved possible.

    Raises
    ------
    UsageError
        If a fixed value cannot be met within the dataset and the limits, the time does not suffice for an epoch or how
        much it buys is unknown, or the device is not there.
    """
    limits = request.limits
    allowed_bounds(None, limits, dataset.n_train)
    model = request.model.name
    of_model = records.of_model(model)
    notes, measured = [], None
    if not request.model_was_named:
        notes.append(f"no model was named: this is advice for {DEFAULT_MODEL}; name yours with --model")
    if request.device is not None:
        trial = try_steps(request, dataset.n_classes, request.device)
        if isinstance(trial, Trial):
            notes.append(trial.note(limits))
            limits, measured = trial.limit(limits), trial.images_per_second
        else:
            notes.append(trial)
    elif too_large := out_of_memory(of_model, model, request.img_size):
        notes.append(too_large.note(limits))
        limits = too_large.limit(limits)
    speed = images_per_second(of_model, model, request.img_size) or measured
    if limits.max_seconds is not None:
        bought = epochs_within(limits.max_seconds, dataset.n_train, speed, model)
        limits = replace(limits, max_epochs=min(bought, limits.max_epochs or bought))
    return _prepared(artefact, request, limits, dataset, records, speed, notes)


def prepare_again(
    artefact: Artefact, document: Mapping[str, Any], dataset: Dataset, records: Records
) -> PreparedRequest:
    """Return a request that was answered before, as it was prepared then.

    Parameters
    ----------
    artefact : Artefact
        The meta-model.
    document : mapping
        What ``PreparedRequest.to_document`` returned.
    dataset : Dataset
        The described dataset.
    records : Records
        The runs that had ended when it was answered.

    Raises
    ------
    UsageError, KeyError, ValueError
        If another version wrote the document, or it is about a model that this one does not know.
    """
    held = document["held"]
    request = Request.from_document({name: value for name, value in document.items() if name != "held"})
    limits = replace(request.limits, max_epochs=held["max_epochs"], max_batch_size=held["max_batch_size"])
    return _prepared(artefact, request, limits, dataset, records, None, [])


def _prepared(
    artefact: Artefact,
    request: Request,
    limits: Limits,
    dataset: Dataset,
    records: Records,
    speed: float | None,
    notes: Sequence[str],
) -> PreparedRequest:
    artefact = artefact.of(request.pretraining)
    coverage = covering(artefact, request.opt, request.pretraining)
    novelty = assess_novelty(request, dataset, artefact, coverage)
    on_dataset, of_model = records.on_dataset(dataset.dataset_id), records.of_model(request.model.name)
    own_runs = matching_runs(on_dataset, request, dataset)
    related: tuple[RelatedCase, ...] = ()
    if novelty.published_decides:
        elsewhere = [run for run in of_model if run.dataset_id != dataset.dataset_id]
        distances = artefact.dataset_distances
        related = related_cases([*on_dataset, *elsewhere], request, dataset, records.dataset, distances)
    used = {run.run_id for run in (*own_runs, *(run for case in related for run in case.runs))}
    return PreparedRequest(
        request=request.within(limits),
        dataset=dataset,
        coverage=coverage,
        novelty=novelty,
        own_runs=tuple(own_runs),
        related=related,
        noise=artefact.noise or 1.0,
        images_per_second=speed,
        notes=(*notes, *describe_unused_runs(on_dataset, of_model, used, request, dataset)),
        asked=request.limits,
    )
