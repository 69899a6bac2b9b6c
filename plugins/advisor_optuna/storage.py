"""Finds studies: in a storage file, and in memory."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from advisor import ImportedRun, MissingExtraError, RunsAt, Skipped, import_runs, open_bounded
from advisor_optuna.trials import records

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage

    from advisor import ImportReport

_SQLITE = b"SQLite format 3\x00"
_TABLES = {"studies", "trials", "trial_params", "trial_values"}
_UPGRADE_SECONDS = 300
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
        import optuna  # noqa: F401
    except ModuleNotFoundError:
        missing = MissingExtraError("optuna", "optuna", "read an Optuna storage")
        yield Skipped(path=str(path), reason=f"{missing}; {missing.hint}")
        return
    try:
        with _open_database(path) if is_database else _open_journal(path) as storage:
            if isinstance(storage, str):
                yield Skipped(path=str(path), reason=storage)
                return
            for study in storage.get_all_studies():
                yield from _of_study(storage, study._study_id, str(path), world_size)
    except Exception as error:  # isolation: on a damaged file Optuna raises anything, from KeyError to AssertionError
        said = " ".join(str(error).split()) or type(error).__name__
        yield Skipped(path=str(path), reason=f"Optuna cannot read it, so it is damaged: {said}")


@contextmanager
def _open_journal(path: Path) -> Iterator[BaseStorage]:
    """Give the storage in the file of a journal."""
    from optuna import storages

    yield storages.JournalStorage(storages.journal.JournalFileBackend(str(path)))


@contextmanager
def _open_database(path: Path) -> Iterator[BaseStorage | str]:
    """Give the storage in a SQLite file, or why it cannot be read.

    One of an older schema is brought up to date in a copy; the file itself is not written to.
    """
    import optuna
    from optuna import storages

    known = storages.RDBStorage("sqlite://")
    schema, version = _written_by(path)
    if schema == known.get_head_version():
        yield storages.RDBStorage(_url(path, read_only=True), skip_compatibility_check=True)
    elif schema is not None and schema not in known.get_all_versions():
        yield f"written by Optuna {version}, which is newer than the one installed: pip install --upgrade optuna"
    else:
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "copy.db"
            if _upgraded(path, copy):
                yield storages.RDBStorage(_url(copy))
            else:
                yield f"written by Optuna {version}, which Optuna {optuna.__version__} cannot bring up to date"


def _upgraded(path: Path, copy: Path) -> bool:
    """Copy a storage, bring the copy up to date, and return whether that could be done.

    In a process of its own, since migrating sets up logging for the whole process again; in the copy's folder, so that
    no module of the current folder is taken for Optuna's.
    """
    with closing(_connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    code = "import sys, optuna; optuna.storages.RDBStorage(sys.argv[1], skip_compatibility_check=True).upgrade()"
    command = [sys.executable, "-c", code, _url(copy)]
    try:
        done = subprocess.run(
            command, cwd=copy.parent, stdin=subprocess.DEVNULL, capture_output=True, timeout=_UPGRADE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _written_by(path: Path) -> tuple[str | None, str]:
    """Return the revision of a storage's schema and the version of Optuna that wrote it, as far as it says."""
    found = []
    for query in ("SELECT version_num FROM alembic_version", "SELECT library_version FROM version_info"):
        try:
            with closing(_connect(path)) as connection:
                found.append(connection.execute(query).fetchone()[0])
        except (sqlite3.Error, TypeError):
            found.append(None)
    return found[0], found[1] or "of an unknown version"


def _url(path: Path, *, read_only: bool = False) -> str:
    return f"sqlite:///file:{path.absolute().as_posix()}?{'mode=ro&' if read_only else ''}uri=true"


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


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
    with open_bounded(path, "container") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            return False
    try:
        with closing(_connect(path)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return False
    return names >= _TABLES


def _is_journal(path: Path) -> bool:
    with open_bounded(path, "container") as file:
        line = file.readline(100_000)
    try:
        first: Any = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and {"op_code", "worker_id"} <= first.keys()
