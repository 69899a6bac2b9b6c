"""What the page shows: advice, its explanation, the user's runs with what they suffer from, and how past advice did."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from pydantic import ValidationError

from advisor.advise.diagnose.diagnosis import Diagnosis, diagnose, load_figures
from advisor.advise.explain.explanation import Explanation, explain
from advisor.advise.prepare import RunList, prepare_again
from advisor.advise.suggestion import DatasetName, Suggestion
from advisor.errors import UsageError
from advisor.learn.artefact import Artefact
from advisor.records.schema import Epoch, Run
from advisor.records.store.store import Store
from advisor.report.past_advice import Account, account

MOST_RUNS = 200
"""The newest runs that a page shows with their curves; more would make it slow."""


@dataclass(frozen=True)
class ShownRun:
    """A run with its curve and its diagnosis."""

    run: Run
    epochs: Sequence[Epoch]
    diagnosis: Diagnosis


@dataclass(frozen=True)
class Contents:
    """All that a page shows.

    Attributes
    ----------
    explanation : Explanation or None
        The advice and why; None where no advice was asked for or given.
    runs : sequence of ShownRun
        The newest runs.
    total_runs : int
        How many there are on this dataset; on all of them, where no advice is shown.
    account : Account
        How past advice did, over all runs.
    other_runs : int
        How many there are on other datasets.
    """

    explanation: Explanation | None
    runs: Sequence[ShownRun]
    total_runs: int
    account: Account
    other_runs: int = 0


def gather(store: Store, artefact: Artefact, explanation: Explanation | None) -> Contents:
    """Return what there is to show now.

    Parameters
    ----------
    store : Store
        The user's records.
    artefact : Artefact
        The meta-model, for what changes are expected to give.
    explanation : Explanation or None
        The advice that the page is about.
    """
    all_runs = store.runs()
    runs = all_runs if explanation is None else [r for r in all_runs if _is_on(r, explanation.suggestion.dataset)]
    shown = runs[:MOST_RUNS]
    ids = [run.run_id for run in shown]
    epochs = {run_id: list(some) for run_id, some in groupby(store.epochs_of(ids), key=lambda epoch: epoch.run_id)}
    datasets = {dataset.dataset_id: dataset for dataset in store.datasets()}
    suggestions = store.suggestions()
    given = {suggestion.suggestion_id: suggestion for suggestion in suggestions}
    figures = load_figures()

    def show(run: Run) -> ShownRun:
        curve = epochs.get(run.run_id, [])
        dataset = datasets.get(run.dataset_id) if run.dataset_id else None
        suggestion = given.get(run.suggestion_id) if run.suggestion_id else None
        diagnosis = diagnose(run, curve, figures=figures, artefact=artefact, dataset=dataset, suggestion=suggestion)
        return ShownRun(run, curve, diagnosis)

    return Contents(
        explanation=explanation,
        runs=[show(run) for run in shown],
        total_runs=len(runs),
        account=account(all_runs, suggestions),
        other_runs=len(all_runs) - len(runs),
    )


def _is_on(run: Run, dataset: DatasetName) -> bool:
    """Tell whether a run was on a dataset; before its images are described only the name tells."""
    return run.dataset_id == dataset.dataset_id if run.dataset_id else run.dataset_name == dataset.name


def newest_advice(store: Store, artefact: Artefact) -> Explanation | None:
    """Return the newest remembered advice, explained where its dataset is described in the store; None without any."""
    for stored in store.suggestions():
        try:
            suggestion = Suggestion.model_validate(stored.suggestion)
        except ValidationError:  # made by another version
            continue
        dataset = store.dataset(suggestion.dataset.dataset_id)
        if dataset is None:
            return Explanation(suggestion, (), None, suggestion.evidence, no_response=_UNDESCRIBED)
        if stored.request is None:
            return Explanation(suggestion, (), None, suggestion.evidence, no_response=_UNASKED)
        # The advice as it was given: runs that came after it did not make it.
        records = RunList(_ended_before(store, stored.created_at), store.datasets())
        try:
            prepared = prepare_again(artefact, stored.request, dataset, records)
        except (UsageError, KeyError, ValueError):  # asked of another version, for a model that this one does not know
            continue
        return explain(artefact, prepared, suggestion)
    return None


_UNDESCRIBED = (
    "The dataset of this advice is not among the records, so how it responds cannot be drawn; name its folder with "
    "--dataset, or record a run on it."
)
_UNASKED = (
    "An older version gave this advice and did not keep what was asked, so how the dataset responds is not drawn."
)


def _ended_before(store: Store, when: datetime) -> list[Run]:
    return [run for run in store.runs() if run.ended_at is not None and run.ended_at <= when]


def state(store: Store) -> str:
    """Return a text that changes whenever something that a page shows does."""
    parts = [f"{run.run_id} {run.status.value} {run.epochs_done} {run.final_metric}" for run in store.runs()]
    parts += [suggestion.suggestion_id for suggestion in store.suggestions()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
