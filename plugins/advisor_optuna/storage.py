"""Finds studies: in a storage file, and in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor import ImportedRun, MissingExtraError, RunsAt, Skipped, import_runs
from advisor_optuna.trials import records

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage

    from advisor import ImportReport

_SQLITE = b"SQLite format 3\x00"
_TABLES = {"studies", "trials", "trial_params", "trial_values"}
_MINIMIZE = "the study minimises; only an accuracy, which is maximised, can be recorded"
_SEVERAL = "the study has several objectives; which is the accuracy cannot be told"


def runs_at(path: Path, world_size: int | None) -> RunsAt | None:
    """Return the trials of the studies in a storage file; None if it is none.

    Parameters
    ----------
    path : Path
        A SQLite file of ``RDBStorage``, or the file of a ``JournalFileBackend``; neither is written to.
    world_size : int, optional
        Devices of trials that do not tell theirs.
    """
    if not path.is_file():
        return None
    is_database = _is_database(path)
    if not is_database and not _is_journal(path):
        return None
    return RunsAt(items=_of_file(path, is_database, world_size), whole_tree=True)


def import_study(study: optuna.Study, world_size: int | None = None) -> ImportReport:
    """Take the trials of a study, wherever it is kept, into the configured store of records.

    Parameters
    ----------
    study : optuna.Study
    world_size : int, optional
        Devices of trials that do not tell theirs.

    Returns
    -------
    ImportReport
        What was taken and what not; importing again adds nothing twice.
    """
    return import_runs(_of_study(study._storage, study._study_id, "memory", world_size))


def _of_file(path: Path, is_database: bool, world_size: int | None) -> Iterator[ImportedRun | Skipped]:
    try:
        storage = _open(path, is_database)
    except MissingExtraError as error:
        yield Skipped(path=str(path), reason=f"{error}; {error.hint}")
        return
    for study in storage.get_all_studies():
        yield from _of_study(storage, study._study_id, str(path), world_size)


def _open(path: Path, is_database: bool) -> BaseStorage:
    try:
        from optuna import storages
    except ModuleNotFoundError as error:
        raise MissingExtraError("optuna", "optuna", "read an Optuna storage") from error
    if is_database:
        url = f"sqlite:///file:{path.absolute().as_posix()}?mode=ro&uri=true"
        return storages.RDBStorage(url, skip_compatibility_check=True)
    return storages.JournalStorage(storages.journal.JournalFileBackend(str(path)))


def _of_study(
    storage: BaseStorage, study_id: int, where: str, world_size: int | None
) -> Iterator[ImportedRun | Skipped]:
    name = storage.get_study_name_from_id(study_id)
    directions = [direction.name for direction in storage.get_study_directions(study_id)]
    if directions != ["MAXIMIZE"]:
        yield Skipped(path=f"{where}, study {name}", reason=_MINIMIZE if len(directions) == 1 else _SEVERAL)
        return
    about = storage.get_study_user_attrs(study_id)
    yield from records(name, about, storage.get_all_trials(study_id, deepcopy=False), where, world_size)


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return False
    return names >= _TABLES


def _is_journal(path: Path) -> bool:
    with path.open("rb") as file:
        line = file.readline(100_000)
    try:
        first: Any = json.loads(line)
    except ValueError:
        return False
    return isinstance(first, dict) and {"op_code", "worker_id"} <= first.keys()
