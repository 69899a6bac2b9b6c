"""Why this advice: how the outcome responds to each hyperparameter here, what it is made of, what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from advisor.advise.explain.contributions import Contributions, contributions
from advisor.advise.explain.responses import Response, respond
from advisor.advise.pipeline import answer, find_grounds
from advisor.advise.prepare import PreparedRequest
from advisor.advise.search.neighbours import most_similar
from advisor.advise.search.predictor import InContext
from advisor.advise.suggestion import SimilarDataset, Suggestion
from advisor.learn.artefact import Artefact, Coverage
from advisor.space.configuration import columns_of
from advisor.space.words import counted

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
        One for each of the hyperparameters; empty where the meta-model has no say.
    contributions : Contributions or None
        What the expected accuracy is made of; None where the meta-model has no say.
    neighbours : tuple of SimilarDataset
        The most similar recorded datasets and the best run there.
    no_response : str
        Why the meta-model has no say and what is known all the same; empty where it has.
    """

    suggestion: Suggestion
    responses: tuple[Response, ...]
    contributions: Contributions | None
    neighbours: tuple[SimilarDataset, ...]
    no_response: str = ""

    def to_document(self) -> dict[str, Any]:
        """Return what ``--format json`` prints: plain values and dataclasses."""
        return {
            "schema": SCHEMA,
            "suggestion": self.suggestion.model_dump(mode="json", by_alias=True),
            "responses": self.responses,
            "contributions": self.contributions,
            "neighbours": [neighbour.model_dump(mode="json") for neighbour in self.neighbours],
            "no_response": self.no_response,
        }


def explain(artefact: Artefact, prepared: PreparedRequest, suggestion: Suggestion | None = None) -> Explanation:
    """Explain the answer to a prepared request.

    Parameters
    ----------
    artefact : Artefact
        The meta-model and what its evidence holds; the one that the request was prepared with.
    prepared : PreparedRequest
        What is asked.
    suggestion : Suggestion, optional
        The answer to the request, if it was given already; by default it is asked for.
    """
    suggestion = answer(artefact, prepared) if suggestion is None else suggestion
    whole, artefact = artefact, artefact.of(prepared.request.pretraining)
    # What is fixed is shown over all its values: a decision has a price too.
    free = prepared.unfixed()
    box = free.box
    if box is None or suggestion.basis != "meta-model":
        neighbours = most_similar(artefact, prepared.request, prepared.dataset, any_optimizer=True)
        return Explanation(suggestion, (), None, neighbours, _no_response(suggestion, prepared.coverage))

    predict = InContext(artefact.model, free.context(box))
    advised = suggestion.best.configuration
    made_of = contributions(artefact.model, predict.matrix(columns_of([advised])))
    if prepared.own_runs and suggestion.best.expected is not None:
        made_of = made_of.moved_to(suggestion.best.expected.top1, OWN_RUNS)
    # One posterior for the advice and the curves.
    conditioned = find_grounds(whole, free).conditioned
    return Explanation(
        suggestion,
        respond(
            artefact.model,
            predict.matrix,
            box,
            advised,
            noise=prepared.noise,
            conditioned=None if conditioned is None else conditioned.predict,
        ),
        made_of,
        most_similar(artefact, prepared.request, prepared.dataset),
    )


_BASES = {
    "meta-model": "the meta-model",
    "response": "public fine-tuning runs and published recipes",
    "recipes": "published recipes and a fixed rule",
    "rule": "a fixed rule",
}


def _no_response(suggestion: Suggestion, coverage: Coverage | None) -> str:
    start = "pretrained weights" if suggestion.pretrained else "scratch"
    seen = (
        "there are no recorded runs"
        if coverage is None
        else f"{counted(coverage.runs, 'run')} on {counted(coverage.groups, 'source')} were recorded"
    )
    basis = _BASES[suggestion.basis]
    return (
        f"The meta-model is not supported here: {seen} with {suggestion.opt} from {start}, and this request lies "
        f"too far from them. It is the advice of {basis}, so there are no curves of this dataset's own to show; drawn "
        "all the same, they would pretend to knowledge. What is known: the values and where they come from, and what "
        "worked on similar datasets with what was recorded."
    )
