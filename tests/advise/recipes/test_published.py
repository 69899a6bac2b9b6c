import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advise.recipes.published import advise_published
from advisor.advise.recipes.recipes import shipped_recipes
from advisor.advise.request import make_request
from advisor.errors import UsageError
from advisor.space.optimizers import batch_factor, recipe_family

VIT = "vit_base_patch16_224.augreg_in21k"
MODELS = [VIT, "resnet18", "convnext_tiny", "efficientnet_b0", "vit_large_patch16_224"]
OPTIMIZERS = ["adamw", "sgd", "rmsprop", "lamb", "lion", "adan"]


def advise(model, n_train, opt="adamw", pretrained=True, img_size=None, prefer="balanced", top_k=3, **limits):
    request = make_request(
        model=model, opt=opt, pretrained=pretrained, img_size=img_size, prefer=prefer, top_k=top_k,
        fix=limits.pop("fixed", None), **limits,
    )  # fmt: skip
    return advise_published(shipped_recipes(), request, n_train)


def best(*args, **kwargs):
    return advise(*args, **kwargs).configurations[0]


@pytest.mark.parametrize(
    ("model", "n_train", "opt", "pretrained", "lr", "batch", "epochs", "decay"),
    [
        (VIT, 5000, "adamw", True, (1e-6, 3e-4), (16, 256), (5, 100), (0, 0.1)),
        (VIT, 5000, "sgd", True, (5e-4, 5e-2), (16, 512), (5, 150), (0, 1e-3)),
        ("vit_large_patch16_224", 5000, "adamw", True, (1e-6, 2e-4), (16, 256), (5, 100), (0, 0.1)),
        ("resnet50", 1_281_167, "sgd", False, (0.1, 1.0), (256, 2048), (90, 600), (2e-5, 1e-4)),
        ("resnet50", 1_281_167, "lamb", False, (2e-3, 8e-3), (256, 4096), (100, 600), (0.01, 0.05)),
        ("resnet18", 500, "sgd", True, (1e-4, 1e-2), (8, 64), (10, 200), (0, 1e-3)),
        ("resnet18", 500, "adamw", True, (5e-6, 5e-4), (8, 64), (10, 200), (0, 0.1)),
        ("convnext_tiny", 5000, "adamw", True, (1e-5, 5e-4), (16, 256), (5, 100), (0, 0.1)),
        ("convnext_tiny", 1_281_167, "adamw", False, (5e-4, 4e-3), (512, 4096), (200, 600), (0.02, 0.1)),
        ("efficientnet_b0", 1_281_167, "rmsprop", False, (0.016, 0.1), (256, 1024), (200, 600), (5e-6, 5e-5)),
    ],
)  # fmt: skip
def test_what_practitioners_would_call_sane(model, n_train, opt, pretrained, lr, batch, epochs, decay):
    values = best(model, n_train, opt, pretrained)
    assert lr[0] <= values.lr <= lr[1]
    assert batch[0] <= values.batch_size <= batch[1]
    assert epochs[0] <= values.epochs <= epochs[1]
    assert decay[0] <= values.weight_decay <= decay[1]
    assert 0 <= values.dropout <= 0.3


def test_efficientnet_keeps_its_dropout():
    assert best("efficientnet_b0", 1_281_167, "rmsprop", False).dropout == 0.2


@pytest.mark.parametrize("opt", ["adamw", "sgd"])
@pytest.mark.parametrize("n_train", [5000, 1_281_167])
def test_fine_tuning_is_one_to_two_orders_gentler_than_training_from_scratch(opt, n_train):
    scratch, tuned = (best(VIT, n_train, opt, start, fixed={"batch_size": 64}) for start in (False, True))
    assert 6 <= scratch.lr / tuned.lr <= 100


@pytest.mark.parametrize("opt", ["adam", "nadam", "radam", "adamax", "adopt"])
@pytest.mark.parametrize("pretrained", [False, True])
def test_coupled_decay_is_not_that_of_adamw(opt, pretrained):
    advice = advise("convnext_tiny", 5000, opt, pretrained)
    assert all(0 < values.weight_decay <= 1e-3 for values in advice.configurations)
    assert advice.ranges["weight_decay"][1] <= 1e-3
    assert best("convnext_tiny", 5000, "adamw", pretrained).weight_decay > 1e-3


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("n_train", [1000, 5000, 50_000])
def test_fine_tuning_ends_where_accuracy_has_settled(model, n_train):
    assert best(model, n_train).epochs <= 31
    assert best(model, n_train, prefer="accuracy").epochs <= 45
    assert advise(model, n_train).ranges["epochs"][1] <= 50
    assert best(model, n_train, fixed={"epochs": 90}).epochs == 90


def test_weights_from_unlabelled_images_are_tuned_harder():
    assert best("vit_base_patch16_224.mae", 50_000).lr > best("vit_base_patch16_224.augreg_in21k", 50_000).lr


@given(st.sampled_from(MODELS), st.sampled_from(OPTIMIZERS), st.booleans(), st.sampled_from([4, 16, 64, 1024, 4096]))
@settings(max_examples=60)
def test_the_learning_rate_follows_the_batch_as_recipes_state(model, opt, pretrained, batch):
    reference = best(model, 100_000, opt, pretrained, fixed={"batch_size": 512})
    other = best(model, 100_000, opt, pretrained, fixed={"batch_size": batch})
    # Both are rounded to two figures.
    assert other.lr / reference.lr == pytest.approx(batch_factor(recipe_family(opt), batch), rel=0.11)


@given(
    st.sampled_from(MODELS),
    st.sampled_from(OPTIMIZERS),
    st.booleans(),
    st.integers(2, 2_000_000),
    st.none() | st.integers(1, 500),
    st.none() | st.integers(1, 4096),
    st.dictionaries(st.sampled_from(["lr", "dropout", "weight_decay"]), st.floats(1e-4, 0.4)),
    st.sampled_from(["accuracy", "balanced", "speed"]),
)
@settings(max_examples=150)
def test_every_limit_is_hard(model, opt, pretrained, n_train, max_epochs, max_batch, fixed, prefer):
    advice = advise(
        model, n_train, opt, pretrained, prefer=prefer, max_epochs=max_epochs, max_batch_size=max_batch, fixed=fixed
    )  # fmt: skip
    for values in advice.configurations:
        assert 1 <= values.batch_size <= min(n_train, max_batch or n_train)
        assert 1 <= values.epochs <= (max_epochs or math.inf)
        assert 1e-8 < values.lr < 10
        assert 0 <= values.dropout < 1
        for name, value in fixed.items():
            assert getattr(values, name) == value
    first = advice.configurations[0].as_dict()
    for name, (low, high) in advice.ranges.items():
        assert low <= first[name] <= high
    assert 0 <= advice.rule_share <= 1


@given(st.sampled_from(MODELS), st.sampled_from(["adamw", "sgd", "lamb"]), st.sampled_from([8, 16, 32, 64]))
@settings(max_examples=30)
def test_under_a_smaller_batch_limit_the_learning_rate_follows(model, opt, limit):
    free, limited = best(model, 100_000, opt), best(model, 100_000, opt, max_batch_size=limit)
    assert limited.batch_size == limit < free.batch_size
    assert limited.lr == pytest.approx(
        free.lr * batch_factor(recipe_family(opt), limit) / batch_factor(recipe_family(opt), free.batch_size), rel=0.11
    )


def test_under_few_epochs_short_recipes_weigh_more():
    short = advise(VIT, 5912, max_epochs=5)
    assert "HF model cards (Trainer)" in short.sources
    assert short.configurations[0].epochs == 5
    assert short.configurations[0].lr > best(VIT, 5912).lr


def test_dearer_preferences_take_more_epochs():
    epochs = [best("resnet18", 5000, prefer=prefer).epochs for prefer in ("speed", "balanced", "accuracy")]
    assert epochs == sorted(set(epochs))


def test_further_suggestions_vary_the_learning_rate():
    rates = [values.lr for values in advise(VIT, 5000, top_k=3).configurations]
    assert len(set(rates)) == 3
    assert len(advise(VIT, 5000, top_k=3, fixed={"lr": 1e-4}).configurations) == 1


def test_where_no_recipe_knows_the_optimizer_the_rule_is_alone():
    assert advise(VIT, 5000, "lion").rule_share == 1
    assert advise(VIT, 5000, "lion").sources == ()
    assert advise(VIT, 1_281_167, "adamw", False).rule_share < 0.3


def test_a_fixed_batch_larger_than_the_dataset_is_refused():
    with pytest.raises(UsageError, match="batch_size cannot be 64"):
        advise("resnet18", 50, fixed={"batch_size": 64})


@given(
    st.sampled_from(MODELS),
    st.sampled_from(OPTIMIZERS),
    st.booleans(),
    st.floats(math.log(50), math.log(2e6)),
    st.floats(math.log(32), math.log(512)),
)
@settings(max_examples=100)
def test_nothing_jumps_when_the_dataset_or_the_images_grow_a_little(model, opt, pretrained, log_n, log_size):
    here, there = (
        best(model, round(math.exp(log_n) * by), opt, pretrained, img_size=round(math.exp(log_size) * by))
        for by in (1, 1.02)
    )
    family = recipe_family(opt)
    assert there.batch_size in (here.batch_size, 2 * here.batch_size, here.batch_size // 2)
    rates = [values.lr / batch_factor(family, values.batch_size) for values in (here, there)]
    assert max(rates) / min(rates) <= 1.25
    assert abs(there.epochs - here.epochs) <= 1 + 0.1 * here.epochs
    assert abs(there.dropout - here.dropout) <= 0.1 + 1e-9
    decays = [max(values.weight_decay, 1e-6) for values in (here, there)]
    assert max(decays) / min(decays) <= 1.6
