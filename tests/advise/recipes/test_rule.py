import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.recipes.rule import apply_rule, find_rule, rule_batch_size, rule_epochs
from advisor.errors import UsageError
from advisor.space.optimizers import optimizer_family

OPTIMIZERS = ["adamw", "sgd", "momentum", "rmsproptf", "lamb", "lion", "adan"]


@given(
    st.sampled_from(OPTIMIZERS),
    st.booleans(),
    st.booleans(),
    st.integers(1, 2_000_000),
    st.none() | st.integers(1, 500),
    st.none() | st.integers(1, 4096),
)
def test_it_always_answers_within_the_limits_and_the_dataset(opt, pretrained, attention, n, max_epochs, max_batch):
    values = apply_rule(
        opt, pretrained=pretrained, attention=attention, n_train=n, max_epochs=max_epochs, max_batch_size=max_batch
    )
    assert 1 <= values.batch_size <= min(n, max_batch or n)
    assert 1 <= values.epochs <= (max_epochs or 80)
    assert 1e-7 < values.lr < 1


@pytest.mark.parametrize("opt", OPTIMIZERS)
@pytest.mark.parametrize("attention", [False, True])
def test_fine_tuning_is_gentler_than_training_from_scratch(opt, attention):
    scratch = find_rule(opt, pretrained=False, attention=attention)
    tuned = find_rule(opt, pretrained=True, attention=attention)
    assert scratch.lr / 100 <= tuned.lr <= scratch.lr / 5
    assert scratch.source
    assert tuned.source


def test_a_large_pretrained_transformer_on_few_photographs_gets_what_practitioners_use():
    adamw = apply_rule("adamw", pretrained=True, attention=True, n_train=5000)
    sgd = apply_rule("sgd", pretrained=True, attention=True, n_train=5000)
    assert 1e-6 <= adamw.lr <= 3e-4
    assert 5e-4 <= sgd.lr <= 5e-2


@pytest.mark.parametrize("opt", ["adam", "nadam", "radam", "adamax", "adopt"])
@pytest.mark.parametrize("pretrained", [False, True])
def test_coupled_decay_is_not_that_of_adamw(opt, pretrained):
    assert find_rule(opt, pretrained=pretrained, attention=False).weight_decay <= 1e-3
    assert find_rule("adamw", pretrained=pretrained, attention=False).weight_decay == 0.05


@given(st.integers(1, 2_000_000))
def test_fine_tuning_ends_where_accuracy_has_settled(n):
    assert rule_epochs(n, pretrained=True) <= (31 if n >= 1000 else 50)
    assert rule_epochs(n, pretrained=False) == 80


def test_the_batch_leaves_steps_in_an_epoch():
    assert rule_batch_size(60) == 8
    assert rule_batch_size(5000) == 64
    assert rule_batch_size(5000, max_batch_size=16) == 16


def test_an_unknown_optimizer_is_refused_with_the_known_ones():
    with pytest.raises(UsageError) as caught:
        optimizer_family("adamv")
    assert "adamw" in caught.value.hint
