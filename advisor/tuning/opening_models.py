"""Begins a tuning over several models, or takes one up: which models, and what is expected of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.advise.models.candidates import candidate_of, named_models
from advisor.advise.models.fitting import ModelLimits
from advisor.advise.prepare import PreparedRequest
from advisor.advise.suggestion import Suggestion
from advisor.api import Advisor
from advisor.errors import UsageError
from advisor.learn.artefact import Artefact
from advisor.learn.curve_model import shipped_curve_model
from advisor.learn.model_choice import Candidate, shipped_model_choice
from advisor.records.schema import Dataset
from advisor.tuning.models import Compare, ExpectedOfModels, ModelPart, Reached
from advisor.tuning.outlook import WIDTH, Expected
from advisor.tuning.training.script import TunedScript

MOST = 3
"""Models that are tuned over where none are named."""
_UNKNOWN = 10.0
"""Points by which a model may be off of which nothing is published."""


@dataclass(frozen=True)
class BegunModel:
    """A model as a tuning began with it.

    Attributes
    ----------
    model : str
        timm's name.
    suggestion : Suggestion
        The advice for it.
    seconds : float or None
        Of an epoch on a machine whose speed is published, or here; None where neither is known.
    """

    model: str
    suggestion: Suggestion
    seconds: float | None

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        suggestion = self.suggestion.model_dump(mode="json", by_alias=True)
        return {"model": self.model, "suggestion": suggestion, "seconds": self.seconds}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> BegunModel:
        """Return what ``to_document`` gave."""
        return cls(document["model"], Suggestion.model_validate(document["suggestion"]), document["seconds"])


def begin_models(named: str, tuned: TunedScript, adviser: Advisor, say: Callable[[str], None]) -> list[BegunModel]:
    """Return the models to tune over, the most promising first.

    Raises
    ------
    UsageError
        If the script takes no model, its command line sets one or trains from scratch, or no model is known.
    """
    arguments = tuned.arguments
    if "model" not in arguments.options or "model" in arguments.decided:
        raise UsageError(
            "models cannot be chosen",
            cause="the script's command line names one, or takes none",
            hint="leave --model out of it, or --models before it",
        )
    asked = tuned.of_model("resnet18").asked()
    if not asked["pretrained"]:
        raise UsageError(
            "models are compared for fine-tuning only",
            cause="no evidence tells how they compare from scratch",
            hint="add --pretrained to the script's arguments, or name a model with --model",
        )
    dataset = adviser.describe(asked.pop("dataset"), class_map=asked.pop("class_map")).dataset
    asked.pop("model")
    ranking = adviser.rank(named_models(named), ModelLimits(), asked, dataset, top_k=MOST).ranking
    for one in ranking.left_out:
        if one.model is not None:
            say(f"{one.model} is left out: {one.reason}")
    return [
        BegunModel(one.model, one.suggestion, None if one.seconds is None else one.seconds / one.suggestion.best.epochs)
        for one in ranking.models
    ]


def open_models(
    documents: Sequence[Mapping[str, Any]],
    prepare: Callable[[str], tuple[TunedScript, PreparedRequest]],
    artefact: Artefact,
) -> tuple[ExpectedOfModels, dict[str, tuple[TunedScript, Suggestion]]]:
    """Return what is expected of the models that a tuning began with, and what trains each.

    Parameters
    ----------
    documents : sequence of mapping
        The models, as they were kept.
    prepare : callable
        Returns what trains a model, and what is asked for it.
    artefact : Artefact
        The meta-model.
    """
    parts: dict[str, ModelPart] = {}
    ways: dict[str, tuple[TunedScript, Suggestion]] = {}
    for one in map(BegunModel.from_document, documents):
        script, prepared = prepare(one.model)
        parts[one.model] = ModelPart(Expected(artefact, prepared, one.suggestion, shipped_curve_model()), one.seconds)
        ways[one.model] = script, one.suggestion
    return ExpectedOfModels(parts, _comparing(list(parts), prepared.dataset)), ways


def _comparing(models: Sequence[str], dataset: Dataset) -> Compare:
    """Return what compares models by what the trained ones came to, as ``advisor suggest --models`` does."""
    choice = shipped_model_choice()
    known = {name: one for name in models if (one := candidate_of(name)) is not None}

    def compare(reached: Reached) -> dict[str, tuple[float, float]]:
        own: list[tuple[Candidate, float]] = [(known[name], top1) for name, top1 in reached.items() if name in known]
        found = choice.expect(list(known.values()), dataset.n_train, dataset.n_classes, own)
        told = {name: (one.top1, (one.high - one.low) / WIDTH) for name, one in zip(known, found, strict=True)}
        least = min((top1 for top1, _ in told.values()), default=50.0)
        return {name: told.get(name, (least, _UNKNOWN)) for name in models}

    return compare
