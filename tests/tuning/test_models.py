"""Several models in one tuning: which comes first, what one result says of the others, and what their epochs cost."""

import math

import numpy as np
import pytest

from advisor.records.schema import Epoch, Run, Source
from advisor.space.configuration import Configuration
from advisor.tuning.clock import Costs
from advisor.tuning.decision import Options, choose
from advisor.tuning.models import ExpectedOfModels, ModelPart
from advisor.tuning.outlook import Outlook
from advisor.tuning.trials import Trial

NOISE = 0.5


class Part:
    """What is expected of two configurations of a model: the second ends two points below the first."""

    noise = NOISE

    def __init__(self, held=-math.inf):
        self.held = held

    def look(self, trials, costs, *, running=(), resumes=True):
        candidates = [Configuration(lr, 32, 4, 0.0, 0.05) for lr in (0.001, 0.01)]
        known = [trial.reached for trial in trials]
        mean = np.array([*known, *(np.array([0.0, -2.0]) + (max(known) if known else 0.0))])
        n = len(trials)
        reached = np.array([*known, np.nan, np.nan])
        is_open = np.array([not trial.ended for trial in trials] + [True, True])
        options = Options(
            mean, np.full(n + 2, 1.0), np.full(n + 2, np.inf), np.full(n + 2, 4 * costs.an_epoch), reached, is_open
        )
        return Outlook(options, trials, candidates)

    def forecast(self, trial):
        return trial.reached, 0.0


def compare(reached):
    """Expect 80 and 90 %; what one is above that so is the other."""
    above = [top1 - {"small": 80.0, "large": 90.0}[name] for name, top1 in reached.items()]
    shift = float(np.mean(above)) if above else 0.0
    return {"large": (90.0 + shift, 3.0), "small": (80.0 + shift, 3.0)}


@pytest.fixture
def expected():
    return ExpectedOfModels({"large": ModelPart(Part(), 8.0), "small": ModelPart(Part(), 2.0)}, compare)


def ended(number, model, top1, seconds):
    run = Run(run_id=f"run{number}", source=Source.API, n_classes=4)
    epochs = tuple(Epoch(run_id=run.run_id, epoch=i, eval_top1=top1, seconds=seconds) for i in range(4))
    return Trial(number, Configuration(0.003, 32, 4, 0.0, 0.05), run=run, epochs=epochs, model=model)


def test_before_any_trial_the_best_of_the_most_promising_model_comes_first(expected):
    outlook = expected.look([], Costs(1.0, 0.0, 1e9))
    assert outlook.options.mean.tolist() == [90.0, 88.0, 80.0, 78.0]
    assert [outlook.model_of(row) for row in range(4)] == ["large", "large", "small", "small"]
    row = choose(outlook.options, NOISE, 1e9).row
    assert outlook.model_of(row) == "large"


def test_what_one_model_comes_to_says_what_the_others_will(expected):
    outlook = expected.look([ended(0, "small", 70.0, 1.0)], Costs(1.0, 0.0, 1e9))
    assert outlook.options.mean.tolist() == [70.0, 80.0, 78.0, 70.0, 68.0]
    assert outlook.options.reached[0] == 70.0
    assert outlook.options.deviation[1] > outlook.options.deviation[3]


def test_what_was_reached_earlier_says_as_much_as_a_trial():
    parts = {"large": ModelPart(Part(), 8.0), "small": ModelPart(Part(held=70.0), 2.0)}
    outlook = ExpectedOfModels(parts, compare).look([], Costs(1.0, 0.0, 1e9))
    assert outlook.options.mean[:2].tolist() == [80.0, 78.0]


def test_epochs_of_an_untried_model_cost_in_proportion(expected):
    outlook = expected.look([ended(0, "small", 70.0, 1.5)], Costs(1.5, 0.0, 1e9))
    assert outlook.options.seconds[1] == pytest.approx(4 * 1.5 * 8.0 / 2.0)
    assert outlook.options.seconds[3] == pytest.approx(4 * 1.5)


def test_where_epochs_are_counted_all_cost_the_same(expected):
    outlook = expected.look([ended(0, "small", 70.0, 1.5)], Costs(1.0, 0.0, 100.0, in_seconds=False))
    assert set(outlook.options.seconds[1:]) == {4.0}


def test_rows_are_in_the_order_of_the_trials(expected):
    trials = [ended(0, "small", 70.0, 1.0), ended(1, "large", 75.0, 4.0), ended(2, "small", 60.0, 1.0)]
    outlook = expected.look(trials, Costs(1.0, 0.0, 1e9))
    assert outlook.options.reached[:3].tolist() == [70.0, 75.0, 60.0]
    assert len(outlook.candidates) == 4


def test_what_is_asked_of_a_model_is_asked_of_its_own_trials():
    asked = []
    part = Part()
    part.expect = lambda trials, hparams, model: asked.append((len(trials), model))
    several = ExpectedOfModels({"large": ModelPart(part, None), "small": ModelPart(part, None)}, compare)
    several.expect([ended(0, "small", 70.0, 1.0), ended(1, "large", 75.0, 4.0)], {}, "small")
    assert asked == [(1, "small")]
