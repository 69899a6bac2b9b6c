import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.recipes.recipes import (
    Recipe,
    Recipes,
    Situation,
    WeightedSources,
    pretraining_corpus,
    shipped_recipes,
)
from advisor.space.optimizers import REFERENCE_BATCH

HERE = Situation(log_n_train=12, log_params=24, log_img_size=8, attention=0.0, corpus=0.0)


def recipe(source="paper", lr=1e-3, situation=HERE, family="adam", pretrained=False, **values):
    unknown = dict.fromkeys(("epochs", "dropout", "weight_decay", "warmup_epochs", "mixup", "label_smoothing"))
    return Recipe(
        source=source, family=family, pretrained=pretrained, situation=situation, lr=lr,
        **{"batch_size": REFERENCE_BATCH, **unknown, **values},
    )  # fmt: skip


def lr_of(recipes, situation=HERE, prior=None):
    sources = Recipes(recipes).weighted_sources(
        "reference_lr", "adam", False, situation, width=0.3, same_family=True, prior=prior
    )
    return math.exp(sources.quantile(0.5))


def test_every_shipped_recipe_says_what_it_must():
    recipes = shipped_recipes().recipes
    assert len(recipes) > 400
    for r in recipes:
        assert 0 < r.lr < 10
        assert r.batch_size >= 1
        assert r.warmup_share is None or 0 <= r.warmup_share <= 1
        assert r.dropout is None or 0 <= r.dropout < 1
        assert math.isfinite(r.situation.corpus)
    assert {r.family for r in recipes if r.pretrained} >= {"adam", "sgd", "lamb"}


def test_probes_are_left_out():
    assert "lars" not in {r.family for r in shipped_recipes().recipes}


def test_settings_with_layer_decay_are_read_and_used_only_where_that_is_asked_for():
    recipes = shipped_recipes().recipes
    layer_wise = [r for r in recipes if r.layer_decay is not None]
    assert {"MAE", "BEiT", "ConvNeXt", "EVA-02"} <= {r.source for r in layer_wise}
    assert all(0.5 < r.layer_decay < 1 for r in layer_wise)
    assert {r.layer_decay for r in layer_wise if r.source == "ConvNeXt-V2"} == {0.6, 0.9}  # "0.6 (group)"
    assert any(r.drop_path for r in layer_wise)

    known = Recipes([recipe("a", 1e-4), recipe("b", 1e-2, layer_decay=0.7)])
    for layer_decay, sources in ((False, ("a",)), (True, ("a", "b"))):
        weighted = known.weighted_sources("reference_lr", "adam", False, HERE, width=0.3, layer_decay=layer_decay)
        assert weighted.sources == sources


def test_moving_averages_are_read_as_their_decay():
    told = {r.ema for r in shipped_recipes().recipes if r.ema is not None and not math.isnan(r.ema)}
    assert told == {0.0, 0.995, 0.9995, 0.9999, 0.99995}  # also written as what is left, 0.0005
    assert any(r.ema is not None and math.isnan(r.ema) for r in shipped_recipes().recipes)


def test_a_source_counts_once_however_many_rows_it_has():
    few = [recipe("a", 1e-4), recipe("b", 1e-3), recipe("c", 1e-2)]
    many = [recipe("a", 1e-4)] * 30 + few[1:]
    assert lr_of(many) == pytest.approx(lr_of(few), rel=0.01)


def test_near_recipes_speak_louder():
    far = Situation(log_n_train=20, log_params=30, log_img_size=8, attention=0.3, corpus=4.0)
    recipes = [recipe("near", 1e-3), recipe("far", 1e-5, situation=far)]
    assert lr_of(recipes) > 5e-4
    assert lr_of(recipes, far) < 2e-5


def test_where_no_recipe_is_near_the_prior_decides():
    far = Situation(log_n_train=40, log_params=60, log_img_size=8, attention=0.3, corpus=4.0)
    prior = ("rule", 1e-2, 0.3)
    assert 1e-4 < lr_of([recipe("a", 1e-4)], prior=prior) < 2e-3
    assert lr_of([recipe("a", 1e-4, situation=far)], prior=prior) == pytest.approx(1e-2, rel=0.2)


def test_other_starts_and_where_asked_other_optimizers_are_silent():
    recipes = Recipes([recipe("a", 1e-3), recipe("b", 1.0, family="sgd"), recipe("c", 1e-6, pretrained=True)])
    weighted = recipes.weighted_sources("reference_lr", "adam", False, HERE, width=0.3, same_family=True)
    assert weighted.sources == ("a",)
    weighted = recipes.weighted_sources("batch_size", "adam", False, HERE, width=0.3)
    assert weighted.sources == ("a", "b")


def test_what_is_left_open_neither_counts_nor_breaks():
    unknown = Situation(math.nan, math.nan, math.nan, math.nan, 0.0)
    assert lr_of([recipe("a", 1e-3, situation=unknown)]) == pytest.approx(1e-3, rel=0.01)
    recipes = Recipes([recipe("a", epochs=None), recipe("b", epochs=90)])
    assert recipes.weighted_sources("epochs", "adam", False, HERE, width=0.3).sources == ("b",)


# As far apart as the sources of one optimizer and start are: by factors of up to 150.
@given(st.lists(st.floats(-6, -1), min_size=1, max_size=20), st.data())
def test_quantiles_are_ordered_near_what_is_said_and_slide_with_the_weights(values, data):
    n = len(values)
    weights = np.array(data.draw(st.lists(st.floats(0.1, 1), min_size=n, max_size=n)))
    weighted = WeightedSources(np.array(values), weights, np.full(n, 0.4), ("s",) * n)
    low, middle, high = (weighted.quantile(q) for q in (0.1, 0.5, 0.9))
    assert low <= middle <= high
    assert min(values) - 0.1 <= middle <= max(values) + 0.1
    nudged = WeightedSources(np.array(values), weights * np.linspace(1, 1.001, n), np.full(n, 0.4), ("s",) * n)
    assert abs(nudged.quantile(0.5) - middle) < 0.1


@pytest.mark.parametrize(
    ("name", "corpus"),
    [
        ("augreg_in21k", 1), ("augreg2_in21k_ft_in1k", 0), ("a1_in1k", 0), ("fcmae", 4), ("fcmae_ft_in22k_in1k", 0),
        ("mae", 4), ("dino", 4), ("in12k", 1), ("miil_in21k", 1), ("openai", 4), ("fb_ssl_yfcc100m_ft_in1k", 0),
        ("none", 0), ("in21k (BiT-M)", 1), ("ssl+in21k (MIM m38m)", 1), ("ssl (MoCo v3 300ep)", 4), ("in21k+in1k", 0),
    ],
)  # fmt: skip
def test_the_last_stage_of_pretraining_decides(name, corpus):
    assert pretraining_corpus(name) == corpus
