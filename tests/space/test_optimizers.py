import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import UsageError
from advisor.space.optimizers import (
    COUPLED_DECAY,
    FAMILIES,
    REFERENCE_BATCH,
    batch_exponent,
    batch_factor,
    is_coupled_adaptive,
    optimizer_family,
    optimizer_names,
    recipe_family,
)


def test_every_optimizer_is_of_one_family():
    names = optimizer_names()
    assert len(names) == len(set(names))
    assert {optimizer_family(name) for name in names} == set(FAMILIES)
    assert optimizer_family("AdamW") == "adam"
    with pytest.raises(UsageError) as refused:
        optimizer_family("adamv")
    assert str(refused.value) == "no advice for the optimizer 'adamv': it is unknown here"
    assert refused.value.hint == f"--opt one of: {', '.join(names)}"


def test_coupled_optimizers_are_known_ones():
    assert set(optimizer_names()) >= COUPLED_DECAY
    assert is_coupled_adaptive("Adam")
    assert not is_coupled_adaptive("adamw")
    assert not is_coupled_adaptive("sgd")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("opt", [name for name in optimizer_names() if name not in FAMILIES["sgd"]])
def test_which_optimizers_of_timm_couple_the_decay(opt):
    """A weight without a gradient moves by the learning rate where its decay is taken for one, and by far less else."""
    torch = pytest.importorskip("torch")
    optim = pytest.importorskip("timm.optim")
    if tuple(int(part) for part in pytest.importorskip("timm").__version__.split(".")[:1]) < (1,):
        pytest.skip("older timm has other optimizers")
    lr, decay = 1e-3, 1e-2
    weight = torch.nn.Parameter(torch.ones(4, 4))
    optimizer = optim.create_optimizer_v2([weight], opt=opt, lr=lr, weight_decay=decay)
    for _ in range(200):  # until running means of the gradient have forgotten where they started
        before = weight.detach().clone()
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
    moved = float((before - weight.detach()).abs().mean())
    # LAMB brings its whole step, decay included, to the size of the weights; its gradient is normalised before.
    if optimizer_family(opt) == "lamb":
        assert opt not in COUPLED_DECAY
    else:
        assert (moved > 10 * lr * decay) == (opt in COUPLED_DECAY)


def test_families_of_recipes():
    assert recipe_family("adamw") == recipe_family("adam") == "adam"
    assert recipe_family("rmsproptf") == "rmsprop"
    assert recipe_family("momentum") == recipe_family("") == "sgd"
    assert recipe_family("adan") == "adan"


@given(st.sampled_from(["adam", "adan", "lamb", "sgd", "rmsprop"]), st.integers(1, 8192))
def test_the_learning_rate_grows_with_the_batch_at_most_linearly(family, batch):
    assert batch_factor(family, REFERENCE_BATCH) == 1
    assert batch_exponent(family, batch) in (0.5, 1.0)
    assert 2**0.5 - 1e-9 <= batch_factor(family, 2 * batch) / batch_factor(family, batch) <= 2 + 1e-9


@pytest.mark.parametrize(
    ("family", "batch", "exponent"),
    [
        ("sgd", 8, 1.0),
        ("rmsprop", 8, 1.0),
        ("adam", 512, 0.5),
        ("adam", 513, 1.0),
        ("adan", 513, 0.5),
        ("lamb", 8192, 0.5),
    ],
)
def test_linearly_for_sgd_and_for_adam_beyond_the_reference_else_by_the_root(family, batch, exponent):
    assert batch_exponent(family, batch) == exponent
    assert batch_factor(family, batch) == pytest.approx((batch / REFERENCE_BATCH) ** exponent)
