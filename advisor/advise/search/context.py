"""Where the meta-model is supported by evidence, and the context that a request is predicted in."""

from __future__ import annotations

from dataclasses import replace

from advisor.advise.request import Request
from advisor.learn.artefact import Artefact, Coverage
from advisor.learn.table import Case, Context
from advisor.records.schema import Dataset, Pretraining
from advisor.space.optimizers import FAMILIES, MAX_COUPLED_DECAY, is_coupled_adaptive, optimizer_family

FEW_GROUPS = 6
"""Below so many independent sources a context is answered otherwise: the model cannot know what holds elsewhere."""


def is_supported(coverage: Coverage | None) -> bool:
    """Return whether a context is supported: whether enough independent sources were recorded in it."""
    return coverage is not None and coverage.groups >= FEW_GROUPS


def covering(artefact: Artefact, opt: str, pretraining: Pretraining) -> Coverage | None:
    """Return what the evidence covers for an optimizer and a kind of pretraining; None if nothing was recorded.

    An optimizer of too few sources is covered by what most was recorded of its family, if that is supported: the
    learning rates of one serve the other where both were recorded (docs/fine-tuning.md). Its weight decay is bounded
    where it is coupled.

    Parameters
    ----------
    artefact : Artefact
        The evidence.
    opt : str
        timm's name of the optimizer.
    pretraining : Pretraining
        What the training starts from.
    """
    own = artefact.covering(opt, pretraining)
    if own is None or is_supported(own):
        return own
    family = [artefact.covering(member, pretraining) for member in FAMILIES[optimizer_family(opt)]]
    known = max((each for each in family if each is not None), key=lambda each: each.groups)
    if not is_supported(known):
        return own
    low, high = known.bounds["weight_decay"]
    most = min(high, MAX_COUPLED_DECAY) if is_coupled_adaptive(opt) else high
    return replace(known, bounds={**known.bounds, "weight_decay": (low, most)})


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
