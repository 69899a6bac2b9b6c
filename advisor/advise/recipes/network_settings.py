"""Layer decay, drop-path and the moving average of weights: what recipes set by the network and its weights.

They are asked apart from the other values. How many images there are hardly matters to whether a recipe has them, and
a recipe for another kind of network says nothing. Networks with batch normalisation get none: with these settings they
are hardly ever published.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from advisor.advise.recipes.recipes import Recipe, Recipes, Situation, once_a_source
from advisor.describe.model_description import ModelDescription
from advisor.learn.table import Floats
from advisor.space.hyperparameters import two_figures
from advisor.space.optimizers import recipe_family

_OTHER_NETWORK = 0.3
"""Weight of recipes for another network of the same kind, as timm's modules tell them apart."""
_LEAST_SOURCES = 2
"""What one source does alone is no custom."""
_EMA_SPANS = 10
"""A moving average must forget the start: the training lasts so many times the steps that it averages over."""


@dataclass(frozen=True)
class LayerDecay:
    """A learning rate that falls from layer to layer.

    Attributes
    ----------
    decay : float
        Factor from each layer to the next one toward the input.
    lr_factor : float
        How many times as high recipes with it set the learning rate, which is that of the last layer.
    sources : tuple of str
        Recipes with it, the nearest first.
    """

    decay: float
    lr_factor: float
    sources: tuple[str, ...]


class SimilarNetworks:
    """Recipes for networks like one, with the same optimizer and start.

    Parameters
    ----------
    recipes : Recipes
        What is known.
    model : ModelDescription
        The network.
    opt : str
        timm's name of the optimizer.
    pretrained : bool
        The start.
    situation : Situation
        Of it the sizes of the network and what its weights were pretrained on count.
    """

    def __init__(
        self, recipes: Recipes, model: ModelDescription, opt: str, *, pretrained: bool, situation: Situation
    ) -> None:
        self._model, start = model, (recipe_family(opt), pretrained)
        of_network = replace(situation, log_n_train=math.nan, log_img_size=math.nan, log_epochs=math.nan)
        alike = [_similarity(model, r) if (r.family, r.pretrained) == start else 0.0 for r in recipes.recipes]
        near = recipes.nearness(of_network) * np.array(alike)
        rows = np.flatnonzero(near)
        self._near = [(recipes.recipes[row], float(near[row])) for row in rows]

    def layer_decay(self, log_lr_without: Callable[[float], float]) -> LayerDecay | None:
        """Return the layer decay that most recipes have; None where most have none.

        Recipes that tell neither layer decay nor drop-path leave the question open. Those with it are all for ImageNet:
        by how much they set the learning rate higher is compared for as many images, and what fewer images do to it is
        left to what is known without layer decay.

        Parameters
        ----------
        log_lr_without : callable
            The logarithm of the learning rate at ``REFERENCE_BATCH`` without it, by ``log_n_train``.
        """
        told, weights = self._weigh(lambda r: r.layer_decay is not None or r.drop_path is not None)
        has = np.array([recipe.layer_decay is not None for recipe in told], dtype=bool)
        users = [recipe for recipe in told if recipe.layer_decay is not None]
        is_known = any(recipe.model is not None and recipe.model.family == self._model.family for recipe in users)
        if not is_known or len({recipe.source for recipe in users}) < _LEAST_SOURCES:
            return None
        weights, others = weights[has], weights[~has]
        if weights.sum() <= others.sum():
            return None
        images = float(np.average([recipe.situation.log_n_train for recipe in users], weights=weights))
        with_it = _median([math.log(recipe.reference_lr) for recipe in users], weights)
        nearest = sorted(zip(weights, users, strict=True), key=lambda pair: -pair[0])
        return LayerDecay(
            decay=_median([recipe.layer_decay or 1.0 for recipe in users], weights),
            lr_factor=two_figures(max(1.0, math.exp(with_it - log_lr_without(images)))),
            sources=tuple(dict.fromkeys(recipe.source for _, recipe in nearest)),
        )

    def drop_path(self) -> float:
        """Return the drop-path rate in the middle of the recipes that tell one and of one source without."""
        told, weights = self._weigh(lambda recipe: recipe.drop_path is not None)
        return _median([0.0, *(recipe.drop_path or 0.0 for recipe in told)], np.array([1.0, *weights]))

    def ema(self, steps: float) -> float | None:
        """Return the decay of the moving average that most of the recipes, and of one source without, have.

        None where most have none, or where a training of so many steps is too short for it.
        """
        told, weights = self._weigh(lambda recipe: recipe.ema is not None)
        has = np.array([recipe.ema != 0 for recipe in told], dtype=bool)
        if weights[has].sum() <= 1 + weights[~has].sum():
            return None
        named, weights = self._weigh(lambda recipe: bool(recipe.ema) and not math.isnan(recipe.ema or 0))
        if not named:
            return None
        decay = _median([recipe.ema or 0.0 for recipe in named], weights)
        return decay if steps * (1 - decay) >= _EMA_SPANS else None

    def _weigh(self, is_asked: Callable[[Recipe], bool]) -> tuple[list[Recipe], Floats]:
        """Return some of the recipes and their weights; a source counts as its nearest recipe does."""
        asked = [(recipe, near) for recipe, near in self._near if is_asked(recipe)]
        recipes = [recipe for recipe, _ in asked]
        return recipes, once_a_source([recipe.source for recipe in recipes], np.array([near for _, near in asked]))


def _similarity(model: ModelDescription, recipe: Recipe) -> float:
    """Return 1 for the same kind of network, less for another of that kind, 0 for all others."""
    other = recipe.model
    if (
        other is None
        or "batch" in (model.norm, other.norm)
        or (model.attention == "none") != (other.attention == "none")
    ):
        return 0.0
    return 1.0 if other.family == model.family else _OTHER_NETWORK


def _median(values: list[float], weights: Floats) -> float:
    """Return the smallest value up to which half of the weight lies."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    return float(values[order[int(np.searchsorted(below, below[-1] / 2))]])
