"""What the trials of an Optuna study mean as records. Optuna is not imported here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from advisor import ImportedRun, Skipped, Source, Status, imported_run
from advisor_timm.importing.aliases import timm_arguments
from advisor_timm.importing.history import fields_of_arguments, planned_epochs
from advisor_timm.importing.percent import problem

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SUGGESTION_ATTRIBUTE = "advisor.suggestion_id"
_STATUS = {
    "COMPLETE": Status.FINISHED,
    "PRUNED": Status.INTERRUPTED,
    "FAIL": Status.FAILED,
    "RUNNING": Status.STALE,
}
_OF_THE_RECORD = ("dataset_id", "n_train", "n_eval")


def records(
    name: str, about: Mapping[str, Any], trials: Iterable[FrozenTrial], path: str, world_size: int | None
) -> Iterator[ImportedRun | Skipped]:
    """Yield the record of each trial that has begun, or why it is none.

    Parameters
    ----------
    name : str
        The study's.
    about : mapping
        The study's user attributes: what its trials have in common, such as ``model``, ``opt`` and ``dataset``.
    trials : iterable of FrozenTrial
        Values, and those reported in between by epochs, are top-1 accuracies on the evaluation split; where none of
        the whole study exceeds 1 they are fractions.
    path : str
        Where the study was read.
    world_size : int, optional
        Devices, where the attributes do not tell; by default one, so that a batch size is the global one.
    """
    begun = [trial for trial in trials if trial.state.name in _STATUS]
    known = [value for trial in begun for value in (trial.values or [])[:1] + list(trial.intermediate_values.values())]
    scale = 100.0 if known and all(not value > 1 for value in known if math.isfinite(value)) else 1.0
    for trial in begun:
        where = f"{path}, study {name}, trial {trial.number}"
        try:
            yield _record(trial, name, about, where, world_size, scale)
        except Exception as error:  # isolation: whatever one trial holds must not lose the others
            yield Skipped(path=where, reason=f"cannot be read: {type(error).__name__}: {error}")


def _record(
    trial: FrozenTrial, name: str, about: Mapping[str, Any], where: str, world_size: int | None, scale: float
) -> ImportedRun | Skipped:
    arguments = timm_arguments({**about, **trial.user_attrs, **trial.params})
    followed = arguments.pop(SUGGESTION_ATTRIBUTE, None)
    planned = planned_epochs(arguments)
    rows = _rows(trial, planned, scale)
    wrong = problem(rows, ())
    if wrong is not None:
        return Skipped(path=where, reason=wrong)
    fields = fields_of_arguments(arguments, world_size or 1) | {
        "name": f"{name} {trial.number}",
        "study": name,
        "epochs": planned,
        "status": _STATUS[trial.state.name],
        "started_at": trial.datetime_start,
        "ended_at": trial.datetime_complete,
        "suggestion_id": followed,
        **{field: arguments[field] for field in _OF_THE_RECORD if field in arguments},
    }
    # A study begun again under the same name has other trials of the same numbers.
    identity = (name, trial.number, trial.datetime_start)
    return imported_run(Source.OPTUNA, identity, fields, rows, path=where)


def _rows(trial: FrozenTrial, planned: int | None, scale: float) -> list[dict[str, Any]]:
    """Return one row an epoch; of a trial that reported none, its first epoch without and its last with the value."""
    reported = sorted(trial.intermediate_values.items())
    if reported:
        first = 1 if reported[0][0] == 1 else 0
        return [{"epoch": step - first, "eval_top1": scale * value} for step, value in reported if step >= first]
    if not trial.values:
        return []
    last = {"epoch": (planned or 1) - 1, "eval_top1": scale * trial.values[0]}
    return [last] if last["epoch"] == 0 else [{"epoch": 0}, last]
