"""Runs of the user that are not of the case at hand, and how much they tell of it.

They tell of what is published, not of the meta-model: the errors of recipes in one case are much like those in related
ones, those of the meta-model hardly are (``research.ablations.related_runs``, docs/own-runs.md).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from advisor.advise.request import Request, make_request
from advisor.errors import AdvisorError
from advisor.learn.novelty import DatasetDistances
from advisor.learn.usable_runs import is_comparable, is_evidence
from advisor.records.schema import Dataset, Run

OTHER_MODEL, OTHER_OPTIMIZER, OTHER_SIZE, LIKE_DATASET = (
    "another model",
    "another optimizer",
    "another image size",
    "a like dataset",
)
CORRELATIONS = {OTHER_MODEL: 0.7, OTHER_OPTIMIZER: 0.7, OTHER_SIZE: 0.7}
"""Between the errors of what is published here and there; several differences multiply."""
_REACH = 3.0
"""Distances, in those that are usual in the evidence, over which the correlation with another dataset falls to 1/e."""
_LEAST = 0.25
"""A case that is correlated less is left out."""
_MOST_RUNS = 200
"""The nearest so many count; more would slow the answer and change little."""


@dataclass(frozen=True)
class RelatedCase:
    """Runs of one case that is related to the case at hand.

    Attributes
    ----------
    runs : tuple of Run
        At least one.
    dataset : Dataset
        What they were trained on.
    request : Request
        What they were trained as, without limits.
    differences : tuple of str
        In what the case differs: keys of ``CORRELATIONS``, ``LIKE_DATASET``.
    correlation : float
        Between errors there and here, 0 to 1.
    """

    runs: tuple[Run, ...]
    dataset: Dataset
    request: Request
    differences: tuple[str, ...]
    correlation: float


def correlation_of(differences: Iterable[str], distance: float = 0.0) -> float:
    """Return how much the errors of what is published are correlated between two cases.

    Parameters
    ----------
    differences : iterable of str
        In what the cases differ.
    distance : float
        Between their datasets, in those that are usual.
    """
    return math.prod(CORRELATIONS.get(one, 1.0) for one in differences) * math.exp(-distance / _REACH)


def related_cases(
    runs: Iterable[Run],
    request: Request,
    dataset: Dataset,
    described: Callable[[str], Dataset | None],
    distances: DatasetDistances,
) -> tuple[RelatedCase, ...]:
    """Return the cases among recorded runs that tell something of a request, the nearest first.

    On the same dataset another model, optimizer or image size is related; on another dataset the same model and
    optimizer are. The kind of weights is always the same.

    Parameters
    ----------
    runs : iterable of Run
        Recorded runs; those of the case itself are passed over.
    request : Request
        What is asked.
    dataset : Dataset
        The described dataset.
    described : callable
        From the id of a dataset to its description, or None.
    distances : DatasetDistances
        How far apart datasets usually are.
    """
    by_case: dict[tuple[str, str, str, int], list[Run]] = {}
    for run in runs:
        if run.dataset_id is not None and run.pretraining is request.pretraining and is_evidence(run):
            key = (run.dataset_id, architecture_of(run), str(run.opt), run.img_size or request.img_size)
            by_case.setdefault(key, []).append(run)
    found = []
    for (dataset_id, model, opt, img_size), alike in by_case.items():
        there = dataset if dataset_id == dataset.dataset_id else described(dataset_id)
        if there is None:
            continue
        differences = tuple(
            name
            for name, differs in (
                (OTHER_MODEL, model != request.model.name),
                (OTHER_OPTIMIZER, opt != request.opt),
                (OTHER_SIZE, img_size != request.img_size),
                (LIKE_DATASET, there is not dataset),
            )
            if differs
        )
        if not differences or (LIKE_DATASET in differences and {OTHER_MODEL, OTHER_OPTIMIZER} & {*differences}):
            continue
        correlation = correlation_of(differences, distances.between(dataset.features, there.features))
        alike = [run for run in alike if is_comparable(run, there)]
        if correlation < _LEAST or not alike:
            continue
        try:
            trained_as = make_request(
                model=alike[0].model, opt=opt, pretrained=request.pretrained, img_size=img_size, prefer=request.prefer
            )
        except AdvisorError:  # a model that timm does not know here
            continue
        found.append(RelatedCase(tuple(alike), there, trained_as, differences, correlation))
    return _nearest(sorted(found, key=lambda case: -case.correlation))


def describe_related_runs(cases: Sequence[RelatedCase]) -> str:
    """Say how many runs of which other cases the advice uses."""
    counts: Counter[str] = Counter()
    for case in cases:
        counts[" and ".join(case.differences)] += len(case.runs)
    named = ", ".join(f"{count} with {what}" for what, count in counts.most_common())
    return f"uses runs of yours that are near, as far as such runs tell: {named}"


def architecture_of(run: Run) -> str:
    """Return the model of a run without the tag of its weights."""
    return str(run.model).partition(".")[0]


def _nearest(cases: list[RelatedCase]) -> tuple[RelatedCase, ...]:
    """Return the first cases that hold no more than ``_MOST_RUNS`` runs together, at least one."""
    count = 0
    kept: list[RelatedCase] = []
    for case in cases:
        count += len(case.runs)
        if kept and count > _MOST_RUNS:
            break
        kept.append(case)
    return tuple(kept)
