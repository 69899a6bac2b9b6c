"""A store like a user's after a session: advice, a run that followed it, further runs, one that diverged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from advisor.advise.explain.explanation import explain
from advisor.advise.prepare import PreparedRequest, RunList, prepare
from advisor.advise.request import make_request
from advisor.advise.suggestion import Suggestion
from advisor.api import Advisor
from advisor.config import Config
from advisor.records.evidence import load_evidence
from advisor.records.schema import Epoch, Run, Source, Status, StoredSuggestion
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
def store(own_settings, advice, curve, run_of, dataset, prepared, explanation) -> Store:
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


@pytest.fixture(scope="session")
def run_of() -> Callable[..., Run]:
    """Makes a finished run of the advised configuration, but for the given fields."""
    return _run_of


@pytest.fixture(scope="session")
def curve() -> Callable[[str], list[Epoch]]:
    """Makes the three epochs of a run."""
    return _curve


@pytest.fixture(scope="session")
def advice() -> Callable[..., StoredSuggestion]:
    """Makes advice as a store remembers it."""
    return _advice


def _run_of(run_id: str, suggestion: Suggestion, **fields) -> Run:
    followed = Run(
        run_id=run_id, source=Source.API, status=Status.FINISHED, dataset_id=suggestion.dataset.dataset_id,
        dataset_name=suggestion.dataset.name, n_train=1000, n_eval=500, n_classes=suggestion.dataset.n_classes,
        model=suggestion.model, pretrained=False, img_size=32, opt="adamw", metric="eval_top1", final_metric=80.0,
        label_smoothing=0.1, epochs_done=3, started_at=datetime.now(timezone.utc),
        **suggestion.best.configuration.as_dict(),
    )  # fmt: skip
    return replace(followed, **fields)


def _curve(run_id: str) -> list[Epoch]:
    return [
        Epoch(run_id=run_id, epoch=i, train_loss=2.0 - 0.4 * i, eval_loss=2.0 - 0.3 * i, eval_top1=30.0 + 20 * i)
        for i in range(3)
    ]


def _advice(suggestion: Suggestion, prepared: PreparedRequest | None = None) -> StoredSuggestion:
    return StoredSuggestion(
        suggestion_id=suggestion.suggestion_id,
        created_at=datetime.now(timezone.utc) - timedelta(hours=1),
        dataset_id=suggestion.dataset.dataset_id,
        model=suggestion.model,
        suggestion=suggestion.model_dump(mode="json", by_alias=True),
        request=prepared.to_document() if prepared else None,
    )
