"""A store, a tiny dataset or two and a collection of them that runs in the test's own process."""

import json
from pathlib import Path

import pytest
from collection_stand_ins import InThisProcess, Quiet
from small_images import write_images

from advisor.collect.collector import Collection, Summary
from advisor.collect.datasets import prepare
from advisor.collect.planning.plan import Plan
from advisor.config import Config
from advisor.records.recording import recorder
from advisor.records.store.store import Store


@pytest.fixture
def data_dir(tmp_path):
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
def collect(data_dir, store):
    """Train what a plan asks for over the datasets that are there."""

    def train(plan: Plan) -> Summary:
        prepared = prepare(plan.dataset_names(), data_dir, store, None)
        spool = Path(Config()["spool_dir"])
        return Collection(plan, prepared.datasets, prepared.dataset_ids, store, spool).run(InThisProcess(), Quiet())

    return train
