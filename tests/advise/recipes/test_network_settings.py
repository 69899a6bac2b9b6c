"""Layer decay, drop-path and the moving average: who gets them, and what becomes of the learning rate."""

import math
from dataclasses import replace

import pytest

from advisor.advise.recipes.network_settings import SimilarNetworks
from advisor.advise.recipes.public_runs import follow_public_runs
from advisor.advise.recipes.published import advise_published, situation_of
from advisor.advise.recipes.recipes import Recipe, Recipes, shipped_recipes
from advisor.advise.request import make_request

WITH_LAYER_DECAY = [
    "vit_base_patch16_224.mae", "vit_small_patch16_224.dino", "beit_base_patch16_224", "convnext_tiny",
    "convnext_base.fb_in22k", "convnextv2_tiny.fcmae",
]  # fmt: skip
NO_LAYER_DECAY = ["vit_base_patch16_224", "deit_base_patch16_224", "swin_tiny_patch4_window7_224"]
CONVOLUTIONAL = ["resnet50", "resnet18", "efficientnet_b0", "mobilenetv3_small_100", "mobilevit_s"]


def asked(model, opt="adamw", pretrained=True, **limits):
    return make_request(
        model=model, opt=opt, pretrained=pretrained, img_size=None, prefer="balanced", top_k=1,
        fix=limits.pop("fix", None), **limits,
    )  # fmt: skip


def advise(model, n_train=2_000, batch=32, opt="adamw", public_runs=False, **how):
    request = asked(model, opt, fix={"batch_size": batch})
    published = advise_published(shipped_recipes(), request, n_train, **how)
    return follow_public_runs(published, request, n_train) if public_runs else published


@pytest.mark.parametrize("model", WITH_LAYER_DECAY)
def test_networks_that_are_fine_tuned_with_layer_decay_get_it(model):
    assumes = advise(model).assumes
    assert 0.6 <= assumes.layer_decay <= 0.9
    assert 0.1 <= assumes.drop_path <= 0.3
    assert advise(model).layer_decay_sources


@pytest.mark.parametrize("model", NO_LAYER_DECAY)
def test_where_most_recipes_have_one_learning_rate_for_all_layers_the_advice_has(model):
    advice = advise(model)
    assert (advice.assumes.layer_decay, advice.assumes.layer_decay_lr_factor) == (None, 1)
    assert advice.assumes.drop_path == 0.1
    assert advice.configurations == advise(model, layer_decay=False).configurations


@pytest.mark.parametrize("model", CONVOLUTIONAL)
@pytest.mark.parametrize("opt", ["adamw", "sgd", "lamb", "adan"])
def test_networks_with_batch_normalisation_get_none(model, opt):
    for n_train in (300, 1_281_167):
        assumes = advise(model, n_train, opt=opt).assumes
        assert (assumes.drop_path, assumes.layer_decay, assumes.layer_decay_lr_factor, assumes.ema) == (
            0,
            None,
            1,
            None,
        )


@pytest.mark.parametrize(
    ("model", "batch", "low", "high"),
    [
        # BEiT v2's 5e-4 and MAE's 2e-3 at batch 1024, layer decay 0.65.
        ("vit_base_patch16_224.mae", 1024, 5e-4, 2e-3),
        # ConvNeXt's 5e-5 at batch 512, layer decay 0.8.
        ("convnext_base.fb_in22k", 512, 4e-5, 1e-4),
        # ConvNeXt V2's 3.2e-3 at batch 1024, layer decay 0.9.
        ("convnextv2_tiny.fcmae", 1024, 1e-3, 4e-3),
    ],
)
def test_on_imagenet_the_learning_rate_is_the_published_one(model, batch, low, high):
    for public_runs in (False, True):
        assert (
            low
            <= advise(model, 1_281_167, batch, public_runs=public_runs).configurations[0].lr
            <= high * 2**public_runs
        )


def test_without_layer_decay_the_learning_rate_of_a_transformer_is_that_of_public_runs():
    assert 0.2e-4 <= advise("vit_base_patch16_224", public_runs=True).configurations[0].lr <= 1.1e-4


@pytest.mark.parametrize("model", WITH_LAYER_DECAY)
@pytest.mark.parametrize("public_runs", [False, True])
def test_fewer_images_do_to_the_learning_rate_what_they_do_without_layer_decay(model, public_runs):
    layer_wise, alike = (advise(model, public_runs=public_runs, layer_decay=has) for has in (True, False))
    factor = layer_wise.assumes.layer_decay_lr_factor
    assert factor >= 1
    assert layer_wise.configurations[0].lr == pytest.approx(alike.configurations[0].lr * factor, rel=0.1)
    assert layer_wise.ranges["lr"][1] > alike.ranges["lr"][1] or factor < 1.1
    assert alike.assumes.layer_decay is None


def test_a_fixed_learning_rate_is_that_of_all_layers():
    request = asked("convnext_tiny", fix={"lr": 1e-4})
    assert advise_published(shipped_recipes(), request, 2_000).assumes.layer_decay is None


@pytest.mark.parametrize("epochs", [1, 2, 4, 5, 9, 30])
def test_warm_up_is_at_most_a_fifth_of_the_epochs(epochs):
    request = asked("vit_base_patch16_224.mae", fix={"epochs": epochs})
    assert advise_published(shipped_recipes(), request, 100_000).assumes.warmup_epochs <= epochs / 5


CONVNEXT = asked("convnext_tiny")


def recipe(source, **settings):
    return Recipe(
        source=source, family="adam", pretrained=True, situation=situation_of(CONVNEXT, 10_000), lr=1e-3,
        batch_size=512, epochs=30, dropout=None, weight_decay=None, warmup_epochs=None, mixup=None,
        label_smoothing=None, model=CONVNEXT.model, **settings,
    )  # fmt: skip


def similar(*recipes):
    return SimilarNetworks(
        Recipes(recipes), CONVNEXT.model, "adamw", pretrained=True, situation=situation_of(CONVNEXT, 500)
    )


def layer_decay(*recipes):
    return similar(*recipes).layer_decay(lambda images: math.log(2e-4))


def test_the_majority_of_the_sources_decides():
    has, also, none = recipe("a", layer_decay=0.7), recipe("b", layer_decay=0.8), recipe("c", drop_path=0.1)
    found = layer_decay(has, also, none)
    assert (found.decay, found.lr_factor, set(found.sources)) == (0.7, 5.0, {"a", "b"})
    assert layer_decay(has, also, none, recipe("d", drop_path=0.2)) is None
    # A source counts once, one alone is no custom, and who tells neither leaves it open.
    assert layer_decay(has, also, none, recipe("c", drop_path=0.2)) is not None
    assert layer_decay(has, recipe("a", layer_decay=0.8)) is None
    assert layer_decay(has, also, recipe("e"), recipe("f"), recipe("g")) is not None


def test_recipes_for_other_networks_are_silent():
    others = [replace(recipe(name, layer_decay=0.7, drop_path=0.3), model=asked("resnet50").model) for name in "abc"]
    assert layer_decay(*others) is None
    assert similar(*others).drop_path() == 0
    near = [replace(one, model=asked("mixer_b16_224").model) for one in others]
    assert layer_decay(*near) is None  # none is for a ConvNeXt
    assert layer_decay(*near, recipe("d", layer_decay=0.8)) is not None


def test_drop_path_is_in_the_middle_with_one_voice_for_none():
    assert similar(recipe("a", drop_path=0.2)).drop_path() == 0
    assert similar(recipe("a", drop_path=0.2), recipe("b", drop_path=0.3)).drop_path() == 0.2
    assert similar().drop_path() == 0


def test_a_moving_average_needs_most_recipes_and_a_long_training():
    averaged = similar(recipe("a", ema=0.999), recipe("b", ema=math.nan), recipe("c"))
    assert averaged.ema(10_000) == 0.999
    assert averaged.ema(9_000) is None
    assert similar(recipe("a", ema=0.999), recipe("b", ema=math.nan), recipe("c", ema=0.0)).ema(1e6) is None
    assert similar(recipe("a", ema=math.nan), recipe("b", ema=math.nan)).ema(1e6) is None
