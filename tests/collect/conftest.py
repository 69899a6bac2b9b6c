"""A store, a tiny dataset or two and a collection of them that runs in the test's own process."""

import json
from pathlib import Path

import pytest

from advisor.collect.collector import Collection, Summary
from advisor.collect.datasets import prepare
from advisor.collect.engine import Finished
from advisor.collect.planning.plan import Plan
from advisor.collect.training.worker import Job
from advisor.config import Config
from advisor.records.recording import recorder
from advisor.records.store.store import Store


@pytest.fixture
def data_dir(write_images, tmp_path):
    for name, n_train in (("grey", 30), ("other", 24)):
        write_images(tmp_path / "data" / name, n_train=n_train, n_eval=12, pixels=16)
        facts = {"name": name, "group": f"{name}s", "licence": "CC0"}
        (tmp_path / "data" / f"{name}.json").write_text(json.dumps(facts))
    return tmp_path / "data"


@pytest.fixture
def store(monkeypatch):
    # Runs that are trained in this process are recorded into this test's own folder.
    monkeypatch.setattr(recorder, "_recorder", None)
    return Store(Config()["store"])


@pytest.fixture
def collect(data_dir, store, in_this_process, quiet):
    """Train what a plan asks for over the datasets that are there."""

    def train(plan: Plan) -> Summary:
        prepared = prepare(plan.dataset_names(), data_dir, store, None)
        spool = Path(Config()["spool_dir"])
        return Collection(plan, prepared.datasets, prepared.dataset_ids, store, spool).run(in_this_process(), quiet)

    return train


@pytest.fixture(scope="session")
def in_this_process():
    """The class of engines without workers."""
    return InThisProcess


@pytest.fixture
def quiet():
    """Progress that is not shown."""
    return Quiet()


class InThisProcess:
    """An engine without workers; it can lose the tasks whose number it is told."""

    def __init__(self, lose=()):
        self.lose = lose
        self.given: list[Job] = []

    def run(self, function, tasks):
        for number, task in enumerate(tasks):
            self.given.append(task)
            if number not in self.lose:
                function(task)
            yield Finished(task, number in self.lose)


class Quiet:
    def begin(self, what, points, cost):
        pass

    def advance(self, cost):
        pass
