"""Moves what recipes advise for fine-tuning toward what public GPU runs showed, by how near a request is to them."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from importlib import resources
from pathlib import Path

from advisor.advise.recipes.fine_tuning import describe_fine_tuning
from advisor.advise.recipes.published import Published, advise_published
from advisor.advise.recipes.recipes import shipped_recipes
from advisor.advise.request import Request
from advisor.learn.response import FineTuning, ResponseModel
from advisor.records.schema import Pretraining
from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import two_figures

_TENTH = 1.2816
"""Standard deviations below which nine tenths of a normal distribution lie."""
_LEAST_WIDTH = 0.5
"""An optimum is not known better than within a factor of 1.6, whatever the draws agree on."""
_RECIPES_NEAR = 0.08
"""How near recipes are to any request, on the scale of the runs' ``nearness``: most are for larger sets and batches."""
_SECOND_CHANCES = (3.0, 1 / 3, 10.0, 0.1)
"""Factors of the learning rate to try if the first disappoints; too low is what is advised too often."""
_DECAY_STEPS = (1.0, 0.3, 0.1, 0.03, 0.01)
_AS_GOOD = 0.005
"""Share of the accuracy that the largest weight decay may cost."""


@functools.cache
def shipped_response() -> ResponseModel:
    """Return the response model that ships, read on first use."""
    return ResponseModel.load(Path(str(resources.files("advisor._meta_data") / "response")))


def advise_without_evidence(request: Request, n_train: int, *, layer_decay: bool = True) -> Published:
    """Return what recipes, the rule and, for a start from ImageNet weights, public runs advise.

    Parameters
    ----------
    request : Request
        What is asked.
    n_train : int
        Training images.
    layer_decay : bool
        See ``advise_published``.
    """
    published = advise_published(shipped_recipes(), request, n_train, layer_decay=layer_decay)
    if request.pretraining is Pretraining.IMAGENET:
        return follow_public_runs(published, request, n_train)
    return published


def follow_public_runs(
    published: Published, request: Request, n_train: int, response: ResponseModel | None = None
) -> Published:
    """Return what is published with its learning rate and weight decay moved toward the optimum on public runs.

    The nearer the request is to these runs, the farther: the logarithm of the learning rate goes by the share that
    their ``nearness`` has beside that of recipes. Batch size, epochs and dropout stay, and so does what is fixed.
    These runs had no layer decay: where it is assumed, their optimum is raised as recipes with it raise the rate.

    Parameters
    ----------
    published : Published
        What recipes and the rule advise for a start from ImageNet weights.
    request : Request
        What is asked.
    n_train : int
        Training images.
    response : ResponseModel, optional
        By default the shipped one.
    """
    response = shipped_response() if response is None else response
    best, fixed = published.configurations[0], request.limits.fixed
    case = describe_fine_tuning(
        request.model,
        shipped_recipes(),
        opt=request.opt,
        n_train=n_train,
        batch_size=best.batch_size,
        epochs=best.epochs,
        tag=request.tag,
        img_size=request.img_size,
    )
    near = response.nearness(case)
    share = near / (near + _RECIPES_NEAR)
    optimum = response.optimum(case)
    middle = optimum.median + math.log(published.assumes.layer_decay_lr_factor)
    decay = best.weight_decay
    if "weight_decay" not in fixed:
        decay = _largest_harmless_decay(decay, math.exp(optimum.median), case, response)
    factor = 1.0
    low, high = published.ranges["lr"]
    if "lr" not in fixed:
        factor = (math.exp(middle) / best.lr) ** share
        width = _TENTH * max(optimum.spread, _LEAST_WIDTH)
        low, high = (
            math.exp((1 - share) * math.log(end) + share * (middle + step))
            for end, step in ((low, -width), (high, width))
        )

    def moved(one: Configuration) -> Configuration:
        rate = one.lr if "lr" in fixed else two_figures(one.lr * factor)
        return replace(one, lr=rate, weight_decay=decay)

    first = moved(best)
    rates = (first.lr,) if "lr" in fixed else (first.lr, *(two_figures(first.lr * step) for step in _SECOND_CHANCES))
    configurations = tuple(replace(first, lr=rate) for rate in rates[: request.top_k])
    decays = published.ranges["weight_decay"]
    return replace(
        published,
        configurations=configurations,
        ranges={
            **published.ranges,
            "lr": (min(two_figures(low), first.lr), max(two_figures(high), first.lr)),
            "weight_decay": (min(decays[0], decay), max(decays[1], decay)),
        },
        response_share=share,
    )


def _largest_harmless_decay(decay: float, lr: float, case: FineTuning, response: ResponseModel) -> float:
    """Return the largest share of a weight decay that costs next to nothing on public runs."""
    steps = [two_figures(decay * step) for step in _DECAY_STEPS]
    reached = [response.relative_accuracy(lr, step, case).median for step in steps]
    return next(step for step, accuracy in zip(steps, reached, strict=True) if accuracy >= max(reached) - _AS_GOOD)
