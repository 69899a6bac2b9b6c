"""Trials that an engine's workers train: told through the folders that both sides share."""

import os
import threading
import time

import pytest

from advisor.collect.engine import Finished
from advisor.config import Config
from advisor.errors import AdvisorError
from advisor.tuning import tuner
from advisor.tuning.clock import Budget
from advisor.tuning.opening import open_tuning
from advisor.tuning.training.placed import Placement, Placer, train_here
from advisor.tuning.tuner import Tuner

pytestmark = pytest.mark.slow


class Threads:
    """An engine whose workers are threads of this process; it can lose the calls whose number it is told."""

    def __init__(self, lose=()):
        self.lose, self.made, self.lock = lose, 0, threading.Lock()

    def places(self, gpus):
        return 2

    def place(self, function, task, *, gpus=0):
        with self.lock:
            number, self.made = self.made, self.made + 1
        if number in self.lose:
            return Finished(task, died=True)
        function(task)
        return Finished(task)


@pytest.fixture
def placed(tmp_path, words, script):
    def tune(engine, budget):
        said = []
        opened = open_tuning(script, words, tmp_path / "tuning", said.append)
        start = Placer(engine, 0).start
        return Tuner(opened.plan(budget), opened, [None, None], said.append, start).run(), said

    return tune


def test_trials_are_trained_by_workers_within_the_budget(placed):
    ending, _ = placed(Threads(), Budget(epochs=12))
    assert 0 < sum(trial.done + trial.lost for trial in ending.trials) <= 12
    assert any(trial.ended for trial in ending.trials)


def test_a_lost_worker_loses_no_trial(placed):
    ending, said = placed(Threads(lose={0}), Budget(epochs=5, trials=1))
    (trial,) = ending.trials
    assert trial.ended
    assert any("killed by signal 9" in line for line in said)


def test_what_is_told_reaches_the_worker(placed, monkeypatch):
    monkeypatch.setenv("TUNED_SECONDS", "1.0")
    told = []

    class Told(Threads):
        def place(self, function, task, *, gpus=0):
            began = time.monotonic()
            finished = super().place(function, task)
            told.append(time.monotonic() - began)
            return finished

    ending, _ = placed(Told(), Budget(seconds=20.0))
    assert told
    assert all(trial.run is None or trial.run.pid != os.getpid() for trial in ending.trials)


class Full(Threads):
    """An engine whose only room is taken, until it is told otherwise."""

    def __init__(self):
        super().__init__()
        self.room, self.began = threading.Event(), []

    def place(self, function, task, *, gpus=0):
        self.room.wait()
        finished = super().place(function, task)
        self.began.append(task)
        return finished


def test_who_waits_for_room_does_not_hang(placed, monkeypatch):
    engine = Full()
    monkeypatch.setattr(tuner, "LEAST_SECONDS", 0.5)
    monkeypatch.setattr(tuner, "FIRST_EPOCH_SECONDS", 0.5)
    threading.Timer(4.0, lambda: (monkeypatch.undo(), engine.room.set())).start()
    ending, said = placed(engine, Budget(epochs=5, trials=1))
    (trial,) = ending.trials
    assert trial.error is None, said
    assert trial.ended
    assert trial.starting < trial.seconds


def test_who_waits_for_room_is_given_up_with_the_budget_and_trains_nothing_later(placed):
    engine = Full()
    ending, said = placed(engine, Budget(seconds=3.0))
    assert all(trial.error is None and not trial.done for trial in ending.trials), said
    engine.room.set()
    while not engine.began:
        time.sleep(0.05)
    assert not any((task.folder / "train.log").exists() for task in engine.began)


def test_a_folder_that_is_not_shared_is_explained(tmp_path):
    marker = tmp_path / "spool" / "shared-with-workers"
    placement = Placement((), tmp_path, Config().environment(), tmp_path, marker)
    with pytest.raises(AdvisorError, match="is not there on"):
        train_here(placement)
