"""Why this advice: how the expected outcome responds to each of the five here, what it is made of, what was seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from advisor.advise.explain.contributions import Contributions, contributions
from advisor.advise.explain.responses import Response, respond
from advisor.advise.pipeline import OwnRecords, answer
from advisor.advise.request import Request
from advisor.advise.search.context import context_of_request
from advisor.advise.search.neighbours import most_similar
from advisor.advise.search.own_runs import Heeding, runs_to_heed
from advisor.advise.search.predictor import InContext
from advisor.advise.search.search import allowed_bounds
from advisor.advise.suggestion import Evidence, Suggestion
from advisor.learn.artefact import Artefact, Covered
from advisor.records.schema import Dataset
from advisor.space.configuration import columns_of

SCHEMA = "advisor.explanation/1"
OWN_RUNS = "what your own runs on this dataset showed"


@dataclass(frozen=True)
class Explanation:
    """Why a suggestion is what it is.

    Attributes
    ----------
    suggestion : Suggestion
        What is explained.
    responses : tuple of Response
        One for each of the five; empty where the meta-model has no say.
    contributions : Contributions or None
        What the expected accuracy is made of; None where the meta-model has no say.
    neighbours : tuple of Evidence
        The most similar recorded datasets and the best run there.
    silence : str
        Why the meta-model has no say and what is known all the same; empty where it has.
    """

    suggestion: Suggestion
    responses: tuple[Response, ...]
    contributions: Contributions | None
    neighbours: tuple[Evidence, ...]
    silence: str = ""

    def to_document(self) -> dict[str, Any]:
        """Return what ``--format json`` prints: plain values and dataclasses."""
        return {
            "schema": SCHEMA,
            "suggestion": self.suggestion.model_dump(mode="json", by_alias=True),
            "responses": self.responses,
            "contributions": self.contributions,
            "neighbours": [neighbour.model_dump(mode="json") for neighbour in self.neighbours],
            "silence": self.silence,
        }


def explain(
    artefact: Artefact,
    request: Request,
    dataset: Dataset,
    suggestion: Suggestion | None = None,
    own: OwnRecords = tuple,
) -> Explanation:
    """Explain a suggestion.

    Parameters
    ----------
    artefact : Artefact
        The meta-model and what its evidence holds.
    request : Request
        What is asked.
    dataset : Dataset
        The described dataset.
    suggestion : Suggestion, optional
        The answer to the request, if it was given already; by default it is asked for.
    own : callable
        Returns runs of the user, to be heeded as ``answer`` heeds them.

    Raises
    ------
    UsageError
        If a fixed value cannot be met within the dataset and the limits.
    """
    suggestion = answer(artefact, request, dataset, own) if suggestion is None else suggestion
    covered = artefact.covering(request.opt, request.pretrained)
    if covered is None or suggestion.basis != "meta-model":
        neighbours = most_similar(artefact, request, dataset, any_context=True)
        return Explanation(suggestion, (), None, neighbours, _silence(suggestion, covered))

    # What is fixed is shown over all its values: a decision has a price too.
    free = replace(request.limits, fixed={})
    bounds = allowed_bounds(covered.bounds, free, dataset.n_train)
    context = context_of_request(request, dataset, covered, max_epochs=int(bounds["epochs"][1]))
    predict = InContext(artefact.model, context)
    noise, advised = artefact.noise or 1.0, suggestion.best.configuration
    made_of = contributions(artefact.model, predict.matrix(columns_of([advised])))
    heeds = None
    if heeded := runs_to_heed(own(), request, dataset, context.case.augmented):
        heeds = Heeding(predict, heeded, bounds, dataset.n_classes, noise)
        if suggestion.best.expected is not None:
            made_of = made_of.moved_to(suggestion.best.expected.top1, OWN_RUNS)
    return Explanation(
        suggestion,
        respond(artefact.model, predict.matrix, bounds, advised, noise=noise, heeds=heeds),
        made_of,
        most_similar(artefact, request, dataset),
    )


def _silence(suggestion: Suggestion, covered: Covered | None) -> str:
    start = "pretrained weights" if suggestion.pretrained else "scratch"
    seen = (
        "there are no recorded runs"
        if covered is None
        else f"{covered.runs:,} runs on {covered.groups} source{'' if covered.groups == 1 else 's'} were recorded"
    )
    spoken = "published recipes and a fixed rule" if suggestion.basis == "recipes" else "a fixed rule"
    return (
        f"The meta-model has no say here: {seen} with {suggestion.opt} from {start}, and this request lies too far "
        f"from them. The advice is that of {spoken}, so there are no curves of this dataset's own to show; drawn all "
        "the same, they would pretend to knowledge. What is known: the values and where they come from, and what "
        "worked on similar datasets with what was recorded."
    )
