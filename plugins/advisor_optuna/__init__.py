"""Optuna: starts a study from advice, searches where the advice says, and takes trials into the records.

``enqueue(study, suggestion)`` makes the top suggestions the study's first trials, ``suggest_values(trial, suggestion)``
draws the hyperparameters within the advised ranges, ``import_study(study)`` records the trials, as does
``advisor records import STORAGE`` for a storage that is a SQLite or a journal file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from advisor import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    import optuna

    from advisor import ImportReport, RunsAt, Suggestion


@hookimpl
def advisor_import_runs(path: Path, world_size: int | None) -> RunsAt | None:
    """Read the trials of all studies in the storage file at ``path``."""
    from advisor_optuna.storage import runs_at

    return runs_at(path, world_size)


def enqueue(study: optuna.Study, suggestion: Suggestion, top: int | None = None) -> int:
    """Make suggestions the next trials of a study; see ``advisor_optuna.search.enqueue``."""
    from advisor_optuna.search import enqueue

    return enqueue(study, suggestion, top)


def distributions(suggestion: Suggestion) -> dict[str, optuna.distributions.BaseDistribution]:
    """Return the hyperparameters as Optuna's distributions; see ``advisor_optuna.search.distributions``."""
    from advisor_optuna.search import distributions

    return distributions(suggestion)


def suggest_values(trial: optuna.Trial, suggestion: Suggestion) -> dict[str, Any]:
    """Return a trial's hyperparameters, within the advised ranges; see ``advisor_optuna.search.suggest_values``."""
    from advisor_optuna.search import suggest_values

    return suggest_values(trial, suggestion)


def import_study(study: optuna.Study, world_size: int | None = None) -> ImportReport:
    """Take the trials of a study into the records; see ``advisor_optuna.storage.import_study``."""
    from advisor_optuna.storage import import_study

    return import_study(study, world_size)
