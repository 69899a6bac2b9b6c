"""Whether a model fits memory and time, and what training it takes: measured, by own runs, or as published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from advisor.advise.prepare import PreparedRequest, Records, prepare
from advisor.advise.request import DEFAULT_MODEL, Request, make_request
from advisor.advise.resources.cost import cost_of, largest_batch, speed_here, training_bytes
from advisor.advise.resources.trial import Trial, try_steps
from advisor.learn.artefact import Artefact
from advisor.records.schema import Dataset, Run

LEAST_EPOCHS, LEAST_BATCH = 10, 8
"""A model that time or memory allows less than that is left out."""
_SLACK = 2.0
"""Factor by which a speed that is scaled from another model's may be off; within it a measurement decides."""


@dataclass(frozen=True)
class ModelLimits:
    """What a model must stay within, beside the limits of its request; None means no limit.

    Attributes
    ----------
    max_params : int or None
        Its parameters.
    max_memory : int or None
        Bytes that training it may take.
    max_seconds : float or None
        Time of the whole training.
    """

    max_params: int | None = None
    max_memory: int | None = None
    max_seconds: float | None = None


class DoesNotFit(Exception):
    """A model does not fit; the message says why."""


@dataclass(frozen=True)
class Fitted:
    """A model that fits.

    Attributes
    ----------
    prepared : PreparedRequest
        The request about it, within the limits.
    speed : float or None
        Images trained in a second; None where it is not known.
    seconds_basis : {"here", "RTX 3090"} or None
        Where it is as fast as that.
    """

    prepared: PreparedRequest
    speed: float | None
    seconds_basis: Literal["here", "RTX 3090"] | None

    def seconds(self, epochs: int) -> float | None:
        """Return how long so many epochs take."""
        return None if self.speed is None else round(epochs * self.prepared.dataset.n_train / self.speed, 1)

    def memory(self, batch_size: int) -> int | None:
        """Return about how many bytes training takes at a batch size."""
        request, n_classes = self.prepared.request, self.prepared.dataset.n_classes
        return training_bytes(request.model, request.img_size, n_classes, request.opt, batch_size)


class Room:
    """The limits that models must fit, and what is known of the machine.

    Parameters
    ----------
    artefact : Artefact
        The meta-model that advises.
    limits : ModelLimits
        What a model must stay within.
    dataset : Dataset
        The described dataset.
    records : Records
        The user's runs.
    timed : iterable of Run
        Those that tell how fast this machine is, the latest first.
    device : str or None
        Where to measure memory and speed, as torch names it.
    """

    def __init__(
        self,
        artefact: Artefact,
        limits: ModelLimits,
        dataset: Dataset,
        records: Records,
        timed: Iterable[Run],
        device: str | None,
    ) -> None:
        self._artefact = artefact
        self._limits = limits
        self._dataset = dataset
        self._records = records
        # How much faster it is here than published.
        self._factor = speed_here(timed)
        if self._factor is None and device is not None:
            self._factor = _measured_factor(device, dataset.n_classes)

    def fit(self, request: Request) -> Fitted:
        """Return the request within the limits, and what is known of its cost.

        Raises
        ------
        DoesNotFit
            If it cannot stay within memory or time.
        UsageError
            If it is impossible whatever the model.
        """
        published = cost_of(request.model, request.img_size).images_per_second
        scaled = published * self._factor if published is not None and self._factor is not None else None
        if scaled is not None and request.device is not None:
            self._epochs(scaled * _SLACK, request)  # not worth measuring otherwise
        prepared = prepare(self._artefact, self._within_memory(request), self._dataset, self._records)
        speed = prepared.images_per_second or scaled
        if self._limits.max_seconds is not None:
            prepared = self._within_time(prepared, speed)
        if speed is None:
            return Fitted(prepared, published, None if published is None else "RTX 3090")
        return Fitted(prepared, speed, "here")

    def _within_memory(self, request: Request) -> Request:
        memory, n_classes = self._limits.max_memory, self._dataset.n_classes
        if memory is None:
            return request
        largest = largest_batch(request.model, request.img_size, n_classes, request.opt, memory)
        if largest is None:
            raise DoesNotFit("how much memory it takes is not known")
        limits = request.limits
        wanted = int(limits.fixed.get("batch_size", min(LEAST_BATCH, limits.max_batch_size or LEAST_BATCH)))
        if largest < wanted:
            raise DoesNotFit(f"a batch of {wanted} takes more than {memory / 2**30:.3g} GiB")
        return request.within(replace(limits, max_batch_size=min(largest, limits.max_batch_size or largest)))

    def _within_time(self, prepared: PreparedRequest, speed: float | None) -> PreparedRequest:
        if speed is None:
            device = prepared.request.device
            raise DoesNotFit(
                "nothing tells how fast it trains on this machine"
                if device is None
                else f"how fast it trains could not be measured on {device}"
            )
        epochs, request = self._epochs(speed, prepared.request), prepared.request
        limits = replace(request.limits, max_epochs=epochs)
        asked = replace(prepared.asked, max_seconds=self._limits.max_seconds)
        return replace(prepared, request=request.within(limits), asked=asked)

    def _epochs(self, speed: float, request: Request) -> int | None:
        """Return the most epochs within time and the request's limits."""
        seconds, limits = self._limits.max_seconds, request.limits
        if seconds is None:
            return limits.max_epochs
        bought = int(seconds * speed / self._dataset.n_train)
        wanted = int(limits.fixed.get("epochs", min(LEAST_EPOCHS, limits.max_epochs or LEAST_EPOCHS)))
        if bought < wanted:
            raise DoesNotFit(f"{wanted} epochs take longer than the time budget")
        return min(bought, limits.max_epochs or bought)


def _measured_factor(device: str, n_classes: int) -> float | None:
    """Return by how much a small model is faster on a device than published; None where nothing was measured."""
    request = make_request(model=DEFAULT_MODEL)
    trial, published = try_steps(request, n_classes, device), cost_of(request.model, request.img_size).images_per_second
    return trial.images_per_second / published if isinstance(trial, Trial) and published is not None else None
