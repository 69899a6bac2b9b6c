"""A store like a user's after a sitting: advice, a run that followed it, further runs, one that diverged."""

from __future__ import annotations

import pytest
from advised_runs import advice, curve, run_of

from advisor.advise.explain.explanation import explain
from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.api import Advisor
from advisor.config import Config
from advisor.records.evidence import load_evidence
from advisor.records.schema import Epoch, Status
from advisor.records.store.store import Store

HOSTILE = "</script><script>alert(1)</script>"
"""A name that somebody's folder could have."""


@pytest.fixture(scope="session")
def artefact():
    return Advisor().artefact


@pytest.fixture(scope="session")
def dataset():
    return load_evidence().datasets[0]


@pytest.fixture(scope="session")
def prepared(artefact, dataset):
    request = make_request(model="test_resnet", pretrained=False, img_size=32, max_epochs=10)
    return prepare(artefact, request, dataset, RunList())


@pytest.fixture(scope="session")
def explanation(artefact, prepared):
    return explain(artefact, prepared)


@pytest.fixture
def store(own_settings, dataset, prepared, explanation) -> Store:
    suggestion = explanation.suggestion
    store = Store(Config()["store"])
    store.put_dataset(dataset)
    store.save_suggestion(advice(suggestion, prepared))
    runs = [
        run_of("01followed", suggestion, name="first", suggestion_id=suggestion.suggestion_id),
        run_of("02other", suggestion, name=HOSTILE, lr=0.5, final_metric=20.0),
        run_of("03diverged", suggestion, status=Status.DIVERGED, lr=10.0, final_metric=None),
    ]
    nan = Epoch(run_id="03diverged", epoch=0, train_loss=float("nan"), eval_top1=10.0)
    store.add_runs(runs, [*curve("01followed"), *curve("02other"), nan])
    return store
