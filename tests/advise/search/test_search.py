import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advise.search.bounds import allowed_bounds
from advisor.advise.search.search import search
from advisor.errors import UsageError
from advisor.learn.metamodel import Prediction
from advisor.space.configuration import columns_of
from advisor.space.limits import Limits

EVIDENCE = {
    "lr": (1e-5, 1e-1),
    "batch_size": (8.0, 512.0),
    "epochs": (2.0, 40.0),
    "dropout": (0.0, 0.6),
    "weight_decay": (0.0, 0.5),
}


class Says:
    """Predictions by a formula."""

    def __init__(self, formula):
        self.formula = formula

    def __call__(self, hparams):
        return self.formula(hparams)

    def regret(self, hparams):
        return self.formula(hparams).regret


@Says
def bowl(hparams):
    """Best at lr 2e-3, batch 32, no dropout; every doubling of the epochs gains less than the last."""
    regret = np.log10(hparams["lr"] / 2e-3) ** 2 + 0.05 * np.log2(hparams["batch_size"] / 32) ** 2
    regret = regret + hparams["dropout"] + 1.0 / hparams["epochs"]
    top1 = 90 - 20 * regret
    return Prediction(regret, np.zeros_like(regret), top1, top1 - 5, top1 + 5)


def test_it_finds_the_optimum():
    found = search(bowl, EVIDENCE, prefer="accuracy", noise=0.5, top_k=1)
    best = found.configurations[0]
    assert 1e-3 <= best.lr <= 4e-3
    assert best.batch_size in (16, 32, 64)
    assert best.epochs == 40
    assert best.dropout <= 0.1


def test_dearer_preferences_take_more_epochs():
    epochs = {
        prefer: search(bowl, EVIDENCE, prefer=prefer, noise=0.5, top_k=1).configurations[0].epochs
        for prefer in ("speed", "balanced", "accuracy")
    }
    assert epochs["speed"] <= epochs["balanced"] <= epochs["accuracy"]
    assert epochs["balanced"] < 40


def test_what_epochs_may_cost_is_measured_over_the_whole_box():
    """Best minus median among candidates that are all near the best is no unit: any loss would seem to be noise."""
    noise = 0.5
    scores = {}
    for prefer in ("balanced", "accuracy"):
        found = search(bowl, EVIDENCE, prefer=prefer, noise=noise, top_k=1)
        scores[prefer] = bowl(columns_of(list(found.configurations))).top1[0]
    assert scores["balanced"] >= scores["accuracy"] - 2 * noise


def test_suggestions_are_distinct_and_the_best_lies_within_its_ranges():
    found = search(bowl, EVIDENCE, prefer="balanced", noise=0.5, top_k=3)
    assert len(set(found.configurations)) == 3
    for name, (low, high) in found.ranges.items():
        assert low <= getattr(found.configurations[0], name) <= high


def test_an_optimum_that_survives_a_factor_of_two_beats_a_needle():
    @Says
    def needle(hparams):
        log_lr = np.log10(hparams["lr"])
        wide = 0.2 + 0.1 * (log_lr + 3) ** 2
        regret = np.where(np.abs(log_lr + 1.5) < 0.02, 0.0, wide)
        return Prediction(regret, regret * 0, 90 - 20 * regret, regret, regret)

    best = search(needle, EVIDENCE, prefer="accuracy", noise=0.1, top_k=1).configurations[0]
    assert best.lr < 1e-2


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 100_000),
    st.none() | st.integers(1, 100),
    st.none() | st.integers(1, 1000),
    st.dictionaries(st.sampled_from(["lr", "dropout", "weight_decay"]), st.floats(1e-4, 0.4)),
    st.sampled_from(["accuracy", "balanced", "speed"]),
)
def test_every_limit_is_hard(n_train, max_epochs, max_batch_size, fixed, prefer):
    limits = Limits(max_epochs=max_epochs, max_batch_size=max_batch_size, fixed=fixed)
    found = search(bowl, allowed_bounds(EVIDENCE, limits, n_train), prefer=prefer, noise=0.5, top_k=3)
    for configuration in found.configurations:
        assert 1 <= configuration.batch_size <= min(n_train, max_batch_size or n_train)
        assert 1 <= configuration.epochs <= min(40, max_epochs or 40)
        for name, value in fixed.items():
            assert getattr(configuration, name) == value


def test_a_fixed_batch_larger_than_the_dataset_is_refused():
    with pytest.raises(UsageError, match="batch_size cannot be 64"):
        allowed_bounds(EVIDENCE, Limits(fixed={"batch_size": 64}), n_train=50)


@given(st.sampled_from([8, 16, 32, 64, 128]))
@settings(max_examples=5)
def test_under_a_limit_the_advice_is_the_best_within_it_not_a_clipped_one(max_batch):
    @Says
    def follows(hparams):
        """The best learning rate is 2e-3 at a batch of 256, and follows it."""
        regret = np.log10(hparams["lr"] / 2e-3 * 256 / hparams["batch_size"]) ** 2
        regret = regret + 0.05 * np.log2(hparams["batch_size"] / 256) ** 2 + 1.0 / hparams["epochs"]
        return Prediction(regret, regret * 0, 90 - 20 * regret, regret, regret)

    box = allowed_bounds(EVIDENCE, Limits(max_batch_size=max_batch), n_train=5000)
    best = search(follows, box, prefer="accuracy", noise=0.1, top_k=1).configurations[0]
    assert best.batch_size == max_batch
    assert 2e-3 * max_batch / 256 / 2 <= best.lr <= 2e-3 * max_batch / 256 * 2


def test_the_rest_is_advised_around_what_is_fixed():
    @Says
    def follows(hparams):
        regret = np.log10(hparams["lr"] / 2e-3 * 256 / hparams["batch_size"]) ** 2 + 1.0 / hparams["epochs"]
        return Prediction(regret, regret * 0, 90 - 20 * regret, regret, regret)

    box = allowed_bounds(EVIDENCE, Limits(fixed={"lr": 2.5e-4}), n_train=5000)
    best = search(follows, box, prefer="accuracy", noise=0.1, top_k=1).configurations[0]
    assert best.lr == 2.5e-4
    assert best.batch_size == 32
