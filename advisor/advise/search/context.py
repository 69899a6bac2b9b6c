"""Where the meta-model is supported by evidence, and the context that a request is predicted in."""

from __future__ import annotations

from advisor.advise.request import Request
from advisor.learn.artefact import Coverage
from advisor.learn.table import Case, Context
from advisor.records.schema import Dataset

FEW_GROUPS = 6
"""Below so many independent sources a context is answered otherwise: the model cannot know what holds elsewhere."""


def is_supported(coverage: Coverage | None) -> bool:
    """Return whether a context is supported: whether enough independent sources were recorded in it."""
    return coverage is not None and coverage.groups >= FEW_GROUPS


def context_of_request(request: Request, dataset: Dataset, coverage: Coverage, max_epochs: int) -> Context:
    """Return the context to predict in: the request on a dataset, trained by the recipe that was mostly recorded."""
    augmented = coverage.assumes["augment"] not in (None, "none")
    return Context(
        case=Case(
            dataset.dataset_id, request.model.name, request.opt, request.pretraining, augmented, request.img_size
        ),
        n_train=dataset.n_train,
        n_classes=dataset.n_classes,
        warmup_epochs=coverage.assumes["warmup_epochs"] or 0.0,
        max_epochs=max_epochs,
        dataset_features=dataset.features,
        model_features=request.model.features(request.img_size),
    )
