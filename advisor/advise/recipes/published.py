"""Advice from published recipes: what they say of each hyperparameter under the user's limits, and who says it.

The fixed rule speaks beside the recipes with the weight of one source that fits exactly. Where recipes fit the request
it is one of many; where none is near, or none knows the optimizer, it is what remains.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from advisor.advise.assumes import Assumes
from advisor.advise.recipes.network_settings import SimilarNetworks
from advisor.advise.recipes.recipes import Recipes, Situation, WeightedSources, pretraining_corpus
from advisor.advise.recipes.rule import (
    BASE_BATCH_SIZE,
    MOST_EPOCHS,
    Rule,
    find_rule,
    most_epochs,
    rule_batch_size,
    rule_epochs,
)
from advisor.advise.request import Prefer, Request
from advisor.advise.search.bounds import allowed_bounds
from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import HYPERPARAMETERS, NO_DECAY, TABLE, two_figures
from advisor.space.limits import Limits
from advisor.space.optimizers import (
    MAX_COUPLED_DECAY,
    REFERENCE_BATCH,
    batch_factor,
    is_coupled_adaptive,
    recipe_family,
)

RULE = "the fixed rule"
_RULE_WIDTH = math.log(3) / 1.28
"""A rule is meant within a factor of three, nine times in ten on either side."""
_WIDTH = 0.4
"""A recipe's learning rate or decay is meant within a factor of 1.7, nine times in ten."""
_SPREAD = (0.1, 0.9)
"""The share of what is said that lies below and above the ranges."""
_EPOCHS: Mapping[Prefer, float] = {"accuracy": 0.75, "balanced": 0.5, "speed": 0.25}
"""Which quantile of the recipes' epochs is meant."""
_ALTERNATIVES = (0.5, 0.25, 0.75, 0.1, 0.9)
"""Quantiles of the learning rate, for the first and each further suggestion."""
_STEPS_AN_EPOCH, _STEPS_FINE_TUNING = 30, 10
"""A batch of more than 8 leaves at least so many steps in an epoch; recipes are for larger sets, and leave more.

Fine-tuning of a few hundred images is as good with 32 at a time as with 8 (docs/fine-tuning.md)."""
_OF_IMAGENET = ("batch_size", "epochs")
"""What recipes with layer decay are not asked for: they are all for ImageNet, with a thousand images at a time."""
_MOST_WARMUP = 0.2
"""Largest share of the epochs that is warm-up."""


@dataclass(frozen=True)
class Published:
    """What recipes and the rule advise.

    Attributes
    ----------
    configurations : tuple of Configuration
        Best first; they differ in the learning rate.
    ranges : mapping of str to (low, high)
        The spread of what the sources say, within the limits.
    assumes : Assumes
        The rest of the recipe.
    rule_share : float
        How much of the learning rate the fixed rule decides, 0 to 1.
    sources : tuple of str
        The recipes' sources that weigh most.
    rule : Rule
        The fixed rule.
    response_share : float
        How far the learning rate was moved from there to the optimum on public runs, 0 to 1.
    layer_decay_sources : tuple of str
        Where the layer decay is assumed, the recipes' sources that have it, the nearest first.
    """

    configurations: tuple[Configuration, ...]
    ranges: Mapping[str, tuple[float, float]]
    assumes: Assumes
    rule_share: float
    sources: tuple[str, ...]
    rule: Rule
    response_share: float = 0.0
    layer_decay_sources: tuple[str, ...] = ()


def situation_of(request: Request, n_train: int) -> Situation:
    """Return what decides which recipes are near a request."""
    return Situation(
        log_n_train=math.log2(n_train),
        log_params=math.log2(request.model.num_params),
        log_img_size=math.log2(request.img_size),
        attention=request.model.attention_share,
        corpus=pretraining_corpus(request.tag) if request.pretrained else 0.0,
    )


def lr_sources(
    recipes: Recipes, opt: str, *, pretrained: bool, attention: bool, situation: Situation
) -> WeightedSources:
    """Return what is said of the learning rate at ``REFERENCE_BATCH``, as logarithms."""
    rule = find_rule(opt, pretrained=pretrained, attention=attention)
    at_reference = rule.lr * (REFERENCE_BATCH / BASE_BATCH_SIZE) ** rule.exponent
    return recipes.weighted_sources(
        "reference_lr",
        recipe_family(opt),
        pretrained,
        situation,
        width=_WIDTH,
        same_family=True,
        prior=(RULE, at_reference, _RULE_WIDTH),
    )


def advise_published(recipes: Recipes, request: Request, n_train: int, *, layer_decay: bool = True) -> Published:
    """Return what recipes and the rule advise for a request and a number of training images.

    Under a limit it is what they say within it: recipes for about so many epochs count most where epochs are limited,
    and the learning rate follows the batch size.

    Parameters
    ----------
    recipes : Recipes
        Published recipes.
    request : Request
        What is asked.
    n_train : int
        Training images.
    layer_decay : bool
        Whether layer decay may be assumed, which makes the learning rate that of the last layer. A fixed learning rate
        is taken for that of all layers.

    Raises
    ------
    UsageError
        If a fixed value cannot be met within the dataset and the limits.
    """
    limits = request.limits
    family = recipe_family(request.opt)
    rule = find_rule(request.opt, pretrained=request.pretrained, attention=request.model.is_transformer)
    situation = situation_of(request, n_train)
    ceilings = _ceilings(limits, n_train, _STEPS_FINE_TUNING if request.pretrained else _STEPS_AN_EPOCH)
    similar = SimilarNetworks(recipes, request.model, request.opt, pretrained=request.pretrained, situation=situation)

    def lr_in(one: Situation) -> WeightedSources:
        attention = request.model.is_transformer
        return lr_sources(recipes, request.opt, pretrained=request.pretrained, attention=attention, situation=one)

    layer_wise = None
    if layer_decay and "lr" not in limits.fixed:
        layer_wise = similar.layer_decay(lambda images: lr_in(replace(situation, log_n_train=images)).quantile(0.5))
    lr_factor = 1.0 if layer_wise is None else layer_wise.lr_factor

    def say(value: str, prior: float, width: float, rule_width: float, **how: Any) -> WeightedSources:
        how["layer_decay"] = layer_wise is not None and value not in _OF_IMAGENET
        how["prior"] = (RULE, prior, rule_width)
        return recipes.weighted_sources(value, family, request.pretrained, situation, width=width, **how)

    batch_size = say("batch_size", rule_batch_size(n_train), 0.35, 0.7)
    epochs = say("epochs", rule_epochs(n_train, pretrained=request.pretrained), 0.35, 0.7)
    if request.pretrained:
        epochs = epochs.at_most(math.log(most_epochs(n_train)))
        ceilings["epochs"] = min(ceilings["epochs"], MOST_EPOCHS)
    chosen_batch = int(limits.fixed.get("batch_size", _batch_size(batch_size.quantile(0.5), ceilings)))
    chosen_epochs = int(limits.fixed.get("epochs", _epochs(epochs.quantile(_EPOCHS[request.prefer]), ceilings)))

    situation = replace(situation, log_epochs=math.log2(chosen_epochs))
    lr = lr_in(situation)
    dropout = say("dropout", rule.dropout, 0.05, 0.1, log=False)
    # What recipes say of AdamW's decay is not for an Adam that adds it to the gradient.
    coupled = is_coupled_adaptive(request.opt)
    told = "coupled_decay" if coupled else "decay"
    decay = say(told, max(rule.weight_decay, NO_DECAY), _WIDTH, _RULE_WIDTH, same_family=True)
    most_decay = MAX_COUPLED_DECAY if coupled else math.inf

    def lr_at(quantile: float) -> float:
        rate = math.exp(lr.quantile(quantile)) * batch_factor(family, chosen_batch) * lr_factor
        return limits.fixed.get("lr", two_figures(rate))

    def at(quantile: float) -> dict[str, float]:
        values = {
            "lr": lr_at(quantile),
            "batch_size": _batch_size(batch_size.quantile(quantile), ceilings),
            "epochs": _epochs(epochs.quantile(quantile), ceilings),
            "dropout": round(min(0.9, max(0.0, dropout.quantile(quantile))), 1),
            "weight_decay": min(most_decay, _weight_decay(decay.quantile(quantile))),
        }
        return {**values, **limits.fixed}

    warmup_share = min(_MOST_WARMUP, max(0.0, say("warmup_share", 0.0, 0.02, 0.02, log=False).quantile(0.5)))
    warmup_epochs = min(round(chosen_epochs * warmup_share), math.floor(chosen_epochs * _MOST_WARMUP))
    middle = {**at(0.5), "batch_size": chosen_batch, "epochs": chosen_epochs}
    rates = dict.fromkeys(lr_at(quantile) for quantile in _ALTERNATIVES[: request.top_k])
    configurations = tuple(_configuration({**middle, "lr": rate}) for rate in rates)
    low, high = (at(quantile) for quantile in _SPREAD)
    return Published(
        configurations=configurations,
        ranges={n: (min(low[n], middle[n]), max(high[n], middle[n])) for n in HYPERPARAMETERS},
        assumes=Assumes(
            sched="cosine",
            warmup_epochs=warmup_epochs,
            min_lr=0.0,
            augment="timm-default",
            mixup=round(max(0.0, say("mixup", 0.0, 0.05, 0.05, log=False).quantile(0.5)), 1),
            label_smoothing=round(max(0.0, say("label_smoothing", 0.1, 0.02, 0.02, log=False).quantile(0.5)), 1),
            drop_path=similar.drop_path(),
            layer_decay=None if layer_wise is None else layer_wise.decay,
            layer_decay_lr_factor=lr_factor,
            ema=similar.ema(chosen_epochs * n_train / chosen_batch),
        ),
        rule_share=lr.share_of(RULE),
        sources=tuple(lr.heaviest(3, but=RULE)),
        rule=rule,
        layer_decay_sources=() if layer_wise is None else layer_wise.sources,
    )


def _ceilings(limits: Limits, n_train: int, steps_an_epoch: int) -> dict[str, float]:
    """Return the largest batch and the most epochs; refuse what is fixed above them."""
    allowed = allowed_bounds(None, limits, n_train)
    steps = max(8.0, n_train / steps_an_epoch)
    return {"batch_size": min(allowed["batch_size"][1], steps), "epochs": allowed["epochs"][1]}


def _batch_size(log_value: float, ceilings: Mapping[str, float]) -> int:
    """Return the nearest power of two, or the largest below the ceiling."""
    power = min(round(log_value / math.log(2)), math.floor(math.log2(ceilings["batch_size"])))
    return int(2 ** max(0, power))


def _epochs(log_value: float, ceilings: Mapping[str, float]) -> int:
    return max(1, round(min(math.exp(log_value), ceilings["epochs"])))


def _weight_decay(log_value: float) -> float:
    """Return the decay, or none where it would act like none."""
    return TABLE["weight_decay"].rounded(math.exp(log_value))


def _configuration(values: Mapping[str, float]) -> Configuration:
    return Configuration(
        lr=float(values["lr"]),
        batch_size=int(values["batch_size"]),
        epochs=int(values["epochs"]),
        dropout=float(values["dropout"]),
        weight_decay=float(values["weight_decay"]),
    )
