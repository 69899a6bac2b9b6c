"""What a plan lets be trained: within the budget beside what is in training, and below a batch that is too large."""

from dataclasses import replace

import numpy as np
import pytest

from advisor.records.schema import Epoch, Run, Source, Status
from advisor.space.configuration import Configuration
from advisor.tuning.clock import Budget
from advisor.tuning.decision import Options
from advisor.tuning.outlook import Outlook
from advisor.tuning.plan import Plan
from advisor.tuning.session import Session
from advisor.tuning.trials import Trial

EPOCHS = 4


class Expected:
    """Expects the same of everything: ten points more than was reached."""

    noise = 1.0

    def __init__(self, *candidates):
        self.candidates = candidates

    def look(self, trials, costs, *, running=(), resumes=True):
        options = [*trials, *self.candidates]
        cost = [
            *(costs.until_end(trial, running=trial.number in running, resumes=resumes) for trial in trials),
            *(one.epochs * costs.an_epoch for one in self.candidates),
        ]
        reached = [getattr(one, "reached", None) for one in options]
        n = len(options)
        return Outlook(
            Options(
                mean=np.full(n, 80.0),
                deviation=np.full(n, 5.0),
                hope=np.full(n, np.inf),
                seconds=np.array(cost, float),
                reached=np.array([np.nan if one is None else one for one in reached]),
                is_open=np.array([getattr(one, "waits", True) for one in options]),
            ),
            trials,
            self.candidates,
        )


def configuration(batch_size):
    return Configuration(0.001, batch_size, EPOCHS, 0.0, 0.05)


@pytest.fixture
def plan(tmp_path, store):
    """Make a plan of trials, of each the epochs that are trained and the status of its run."""

    def make(budget, *trials, candidates=(32,)):
        session = Session(tmp_path / "mine")
        session.create({})
        for number, (done, status) in enumerate(trials):
            trial = Trial(number, configuration(64))
            session.save(trial)
            run = Run(
                run_id=f"run{number}", source=Source.API, status=status, name=session.run_name(trial), n_classes=4,
                batch_size=64, out_of_memory=status is Status.FAILED,
            )  # fmt: skip
            store.add_runs([run], [Epoch(run_id=run.run_id, epoch=i, eval_top1=70.0, seconds=9.0) for i in range(done)])
        return Plan(session, store, Expected(*map(configuration, candidates)), budget, resumes=True)

    return make


def begun(plan, taken=()):
    return plan.choose(plan.look(taken), taken).row


def test_no_trial_is_begun_that_cannot_end_beside_those_in_training(plan):
    found = plan(Budget(epochs=8), (1, Status.RUNNING))
    assert found.costs.left == 7
    assert begun(found, taken=(0,)) == 1  # three epochs are left to the other, four are enough
    found.budget = Budget(epochs=7)
    assert begun(found, taken=(0,)) is None


def test_time_passes_for_all_in_training_at_once(plan):
    found = plan(Budget(seconds=9.0 * 5), (1, Status.RUNNING))
    assert begun(found, taken=(0,)) == 1


def test_a_batch_that_ran_out_of_memory_is_not_tried_by_the_next_call_either(plan):
    found = plan(Budget(), (0, Status.FAILED), candidates=(64, 48, 32))
    outlook = found.look()
    open_rows = [row for row in range(1, 4) if found.choose(_only(outlook, row)).row == row]
    assert [outlook.candidates[row - 1].batch_size for row in open_rows] == [32]


def _only(outlook, row):
    """Return an outlook in which one row alone is open."""
    is_open = np.arange(len(outlook.options.mean)) == row
    return replace(outlook, options=replace(outlook.options, is_open=is_open))
