"""Runs that followed advice, and the advice as a store remembers it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from advisor.advise.prepare import PreparedRequest
from advisor.advise.suggestion import Suggestion
from advisor.records.schema import Epoch, Run, Source, Status, StoredSuggestion


def run_of(run_id: str, suggestion: Suggestion, **fields) -> Run:
    """A finished run of the advised configuration, but for the given fields."""
    followed = Run(
        run_id=run_id, source=Source.API, status=Status.FINISHED, dataset_id=suggestion.dataset.dataset_id,
        dataset_name=suggestion.dataset.name, n_train=1000, n_eval=500, n_classes=suggestion.dataset.n_classes,
        model=suggestion.model, pretrained=False, img_size=32, opt="adamw", metric="eval_top1", final_metric=80.0,
        label_smoothing=0.1, epochs_done=3, started_at=datetime.now(timezone.utc),
        **suggestion.best.configuration.as_dict(),
    )  # fmt: skip
    return replace(followed, **fields)


def curve(run_id: str) -> list[Epoch]:
    return [
        Epoch(run_id=run_id, epoch=i, train_loss=2.0 - 0.4 * i, eval_loss=2.0 - 0.3 * i, eval_top1=30.0 + 20 * i)
        for i in range(3)
    ]


def advice(suggestion: Suggestion, prepared: PreparedRequest | None = None) -> StoredSuggestion:
    return StoredSuggestion(
        suggestion_id=suggestion.suggestion_id,
        created_at=datetime.now(timezone.utc) - timedelta(hours=1),
        dataset_id=suggestion.dataset.dataset_id,
        model=suggestion.model,
        suggestion=suggestion.model_dump(mode="json", by_alias=True),
        request=prepared.to_document() if prepared else None,
    )
