"""What the page shows: advice, its explanation, the user's runs with what they suffer from, and how past advice did."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from pydantic import ValidationError

from advisor.advise.diagnose.diagnosis import Diagnosis, diagnose, load_figures
from advisor.advise.explain.explanation import Explanation, explain
from advisor.advise.prepare import prepare_again
from advisor.advise.suggestion import DatasetName, Suggestion
from advisor.config import Config
from advisor.describe.same_images import runs_on
from advisor.errors import UsageError
from advisor.learn.artefact import Artefact
from advisor.records.schema import Dataset, Epoch, Run, Status
from advisor.records.store.selection import Selection
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
    suggestions = store.suggestions()
    shown: list[Run] = []
    on_it = 0

    def each_run() -> Iterator[Run]:
        # One by one, of which the newest are kept: all of a team's would not fit into memory.
        nonlocal on_it
        for run in store.each_run():
            if explanation is None or _is_on(run, explanation.suggestion.dataset):
                on_it += 1
                if on_it <= MOST_RUNS:
                    shown.append(run)
            yield run

    accounted, total = account(each_run(), suggestions), store.count()
    ids = [run.run_id for run in shown]
    epochs = {run_id: list(some) for run_id, some in groupby(store.epochs_of(ids), key=lambda epoch: epoch.run_id)}
    datasets = {dataset.dataset_id: dataset for dataset in store.datasets()}
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
        total_runs=on_it,
        account=accounted,
        other_runs=max(0, total - on_it),
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
        records = _EndedBefore(store, stored.created_at)
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


class _EndedBefore:
    """The runs of a store that had ended at a time."""

    def __init__(self, store: Store, when: datetime) -> None:
        self._store = store
        self._when = when
        self._cache_dir = Config()["cache_dir"]

    def of_model(self, model: str) -> Sequence[Run]:
        """Return the runs of a model, from whatever weights, the latest first."""
        return self._ended(self._store.runs(architecture=model))

    def on_dataset(self, dataset_id: str) -> Sequence[Run]:
        """Return the runs on a dataset."""
        return self._ended(runs_on(self._store, dataset_id, self._cache_dir))

    def dataset(self, dataset_id: str) -> Dataset | None:
        """Return the description of a dataset, or None if there is none."""
        return self._store.dataset(dataset_id)

    def _ended(self, runs: Sequence[Run]) -> list[Run]:
        return [run for run in runs if run.ended_at is not None and run.ended_at <= self._when]


def state(store: Store) -> str:
    """Return a text that changes whenever something that a page shows does."""
    changing = (*store.runs(limit=MOST_RUNS), *store.runs(status=Status.RUNNING))
    parts = [f"{run.run_id} {run.status.value} {run.epochs_done} {run.final_metric}" for run in changing]
    parts += [f"{status.value} {store.count(Selection(status=status))}" for status in Status]
    parts += [suggestion.suggestion_id for suggestion in store.suggestions()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
