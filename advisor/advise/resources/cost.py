"""What training a model is expected to take before it was trained here: memory for a batch, time for an image.

Memory is counted: what autograd keeps of each image, the weights, their gradients and the optimizer's state, in single
precision. Time is published, images a second on one RTX 3090 in mixed precision; the user's own runs, of whatever
model, tell how much faster or slower it is here.
"""

from __future__ import annotations

import csv
import functools
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

from advisor.advise.resources.speed import speed_of
from advisor.advise.resources.trial import USABLE_SHARE
from advisor.describe.model import describe_model
from advisor.describe.model_description import ModelDescription
from advisor.errors import UsageError
from advisor.records.schema import Run
from advisor.space.optimizers import FAMILIES

_BYTES = 4
"""Of a number in single precision."""
_MOMENTS = 2
_MOMENTS_OF_SGD = 1


@dataclass(frozen=True)
class Cost:
    """What the table holds of an architecture at its native size; None where it is not known.

    Attributes
    ----------
    saved_bytes : int or None
        Kept for the backward pass, for one image.
    images_per_second : float or None
        Trained on one RTX 3090 in mixed precision.
    """

    saved_bytes: int | None
    images_per_second: float | None


@functools.cache
def _costs() -> Mapping[str, Cost]:
    text = resources.files("advisor._meta_data").joinpath("model_choice/costs.csv").read_text(encoding="utf-8")
    return {
        row["architecture"]: Cost(
            int(row["saved_bytes"]) if row["saved_bytes"] else None,
            float(row["images_per_second"]) if row["images_per_second"] else None,
        )
        for row in csv.DictReader(text.splitlines())
    }


def cost_of(model: ModelDescription, img_size: int) -> Cost:
    """Return what is known of a model at an image size; both grow with the square of the side."""
    known = _costs().get(model.name, Cost(None, None))
    area = (img_size / model.img_size) ** 2
    kept, speed = known.saved_bytes, known.images_per_second
    return Cost(None if kept is None else round(kept * area), None if speed is None else speed / area)


def training_bytes(model: ModelDescription, img_size: int, n_classes: int, opt: str, batch_size: int) -> int | None:
    """Return about how much memory training takes, in bytes; None where it is not known.

    Parameters
    ----------
    model : ModelDescription
    img_size : int
        Side of the images in pixels.
    n_classes : int
        Outputs of the classifier.
    opt : str
        timm's name of the optimizer.
    batch_size : int
        Images at once on the device.
    """
    kept = cost_of(model, img_size).saved_bytes
    return None if kept is None else _fixed_bytes(model, n_classes, opt) + batch_size * kept


def largest_batch(model: ModelDescription, img_size: int, n_classes: int, opt: str, memory: int) -> int | None:
    """Return the largest batch that fits into so many bytes, 0 if none does; None where it is not known."""
    kept = cost_of(model, img_size).saved_bytes
    if kept is None:
        return None
    spare = USABLE_SHARE * memory - _fixed_bytes(model, n_classes, opt)
    return max(0, int(spare // kept))


def _fixed_bytes(model: ModelDescription, n_classes: int, opt: str) -> int:
    moments = _MOMENTS_OF_SGD if opt in FAMILIES["sgd"] else _MOMENTS
    return _BYTES * model.params_with(n_classes) * (2 + moments)


def speed_here(runs: Iterable[Run]) -> float | None:
    """Return by how much training is faster here than published, from own runs of any model; None without any.

    Only the device of the latest run counts: it is where the next one is likeliest to be trained.

    Parameters
    ----------
    runs : iterable of Run
        Runs of the user, the latest first.
    """
    factors: list[float] = []
    device = None
    for run in runs:
        speed = speed_of(run)
        if speed is None or not (run.model and run.img_size):
            continue
        published = _published_speed(run.model, run.img_size)
        if published is None or (factors and run.device != device):
            continue
        device = run.device
        factors.append(speed / published)
    return statistics.median(factors) if factors else None


def _published_speed(name: str, img_size: int) -> float | None:
    try:
        return cost_of(describe_model(name), img_size).images_per_second
    except UsageError:  # a model of the user's own
        return None
