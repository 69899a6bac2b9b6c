"""What is published, as regrets: its own values are best, fewer epochs cost, and mixtures lie between."""

import numpy as np
import pytest

from advisor.advise.recipes.public_runs import advise_without_evidence
from advisor.advise.request import make_request
from advisor.advise.search.priors import AsLearned, AsPublished, Mixed
from advisor.learn.metamodel import Prediction
from advisor.space.configuration import columns_of


@pytest.fixture(scope="module")
def published():
    return advise_without_evidence(make_request(model="resnet50", opt="adamw", pretrained=True), 500)


def columns(published, **changes):
    one = published.configurations[0].as_dict()
    count = max(map(len, changes.values()))
    return {name: np.array(changes.get(name, [value] * count), dtype=np.float64) for name, value in one.items()}


def test_what_is_published_is_best_and_learning_rates_further_away_are_worse(published):
    prior = AsPublished(published)
    best = published.configurations[0]
    assert prior.short(columns_of([best]))[0] == 0
    rising = prior.short(columns(published, lr=[best.lr, best.lr * 2, best.lr * 8, best.lr * 1000]))
    assert list(rising) == sorted(rising)
    assert rising[-1] == pytest.approx(20, rel=0.01)


def test_fewer_epochs_cost_and_more_do_no_harm(published):
    epochs = published.configurations[0].epochs
    some = columns(published, epochs=[epochs / 8, epochs / 4, epochs / 2, epochs, 4 * epochs])
    prior = AsPublished(published)
    short = prior.short(some)
    assert list(short) == sorted(short, reverse=True)
    assert short[2] == pytest.approx(4, rel=0.2)
    assert short[3] == short[4] == 0


def test_after_a_good_run_little_is_left_to_gain(published):
    far = columns(published, lr=[1.0])
    left = [AsPublished(published, best).short(far)[0] for best in (None, 10.0, 90.0, 99.0, 100.0)]
    assert left[0] == left[1] > left[2] > left[3] > left[4] == 0


def test_a_mixture_lies_between_its_parts(published):
    class Flat:
        unit, lengths = 30.0, (1.0,) * 5

        def short(self, hparams):
            return np.full(len(hparams["lr"]), 7.0)

    grid = columns(published, lr=[1e-5, 1e-4, 1e-3])
    part = AsPublished(published)
    assert np.allclose(Mixed(Flat(), part, 0.0).short(grid), 7)
    assert np.allclose(Mixed(Flat(), part, 1.0).short(grid), part.short(grid))
    assert np.allclose(Mixed(Flat(), part, 0.25).short(grid), 0.75 * 7 + 0.25 * part.short(grid))
    assert Mixed(Flat(), part, 0.25).unit == 0.75 * 30 + 0.25 * part.unit


def test_what_was_learned_is_scaled_to_points(published):
    class Learned:
        def __call__(self, hparams):
            top1 = 90 - 20 * self.regret(hparams)
            return Prediction(self.regret(hparams), np.zeros_like(top1), top1, top1, top1)

        def regret(self, hparams):
            return np.abs(np.log10(hparams["lr"]) + 3)

    bounds = {name: (value, value) for name, value in published.configurations[0].as_dict().items()}
    prior = AsLearned(Learned(), {**bounds, "lr": (1e-5, 1e-1)})
    assert prior.unit == pytest.approx(20, rel=0.1)
    assert prior.short(columns(published, lr=[1e-3, 1e-4])) == pytest.approx([0, prior.unit], abs=1e-9)
