"""A fine-tuning as the response model takes it: its optimum starts at the learning rate of published recipes."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

from advisor.advise.recipes.published import lr_sources
from advisor.advise.recipes.recipes import Recipes, Situation, pretraining_corpus
from advisor.describe.model_description import ModelDescription
from advisor.learn.response import FineTuning, model_kind
from advisor.space.optimizers import batch_factor, recipe_family


def describe_fine_tuning(
    model: ModelDescription,
    recipes: Recipes,
    *,
    opt: str,
    n_train: int,
    batch_size: int,
    share_trained: float = 1.0,
    epochs: int | None = None,
    tag: str | None = None,
    img_size: int | None = None,
) -> FineTuning:
    """Return a fine-tuning with the learning rate that recipes give it.

    Recipes are asked about a hybrid of convolution and attention as about a convolutional network: few are for
    hybrids, and on public runs their best rates are nearer to those (docs/response-model.md).

    Parameters
    ----------
    model : ModelDescription
        The model.
    recipes : Recipes
        Published recipes.
    opt : str
        timm's name of the optimizer.
    n_train, batch_size : int
        Training images and global batch size.
    share_trained : float
        Share of the layers that is trained.
    epochs : int, optional
        Planned epochs, where they are known.
    tag : str, optional
        Which weights, as timm's tags say it; by default the model's first.
    img_size : int, optional
        Side of the training images in pixels; by default the native size.
    """
    kind, side = model_kind(model), img_size or model.img_size
    seen = replace(model, attention_share=0.0) if kind == "hybrid" else model
    situation = Situation(
        log_n_train=math.log2(n_train),
        log_params=math.log2(model.num_params),
        log_img_size=math.log2(side),
        attention=seen.attention_share,
        corpus=pretraining_corpus(next(iter(model.pretrained_tags), "") if tag is None else tag),
        log_epochs=math.log2(epochs) if epochs else math.nan,
    )
    reference = _reference_lr(recipes, opt, seen.is_transformer, situation)
    return FineTuning(
        n_train=n_train,
        num_params=model.num_params,
        img_size=side,
        pretrain_img_size=model.img_size,
        kind=kind,
        opt=opt,
        batch_size=batch_size,
        recipe_lr=math.exp(reference) * batch_factor(recipe_family(opt), batch_size),
        share_trained=share_trained,
    )


@functools.lru_cache(maxsize=4096)
def _reference_lr(recipes: Recipes, opt: str, attention: bool, situation: Situation) -> float:
    return lr_sources(recipes, opt, pretrained=True, attention=attention, situation=situation).quantile(0.5)
