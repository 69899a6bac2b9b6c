"""Reads MLflow tracking stores: the file store (``mlruns``) and the SQLite one, each by its documented layout.

File store: ``EXPERIMENT/meta.yaml``, ``EXPERIMENT/RUN/meta.yaml``, and in the run's folder ``params/NAME``,
``metrics/NAME`` (a line a value: milliseconds, value, step) and ``tags/NAME`` (mlflow/store/tracking/file_store.py).
SQLite: the tables experiments, runs, params, metrics and tags (mlflow/store/tracking/dbmodels/models.py). Deleted runs
and experiments are left out, as MLflow's own listing does.
"""

from __future__ import annotations

import math
import os
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from advisor import ImportedRun, RunsAt, Skipped, open_bounded, read_bounded
from advisor_mlflow.mapping import has_accuracy, record
from advisor_mlflow.tracked import Tracked
from advisor_timm.importing.argsfile import parse_yaml

_SQLITE = b"SQLite format 3\x00"
_TABLES = {"experiments", "runs", "params", "metrics", "tags"}
_PARENT = "mlflow.parentRunId"
"""The tag that a nested run has."""
_NESTED = "other runs are nested in it, which are the trainings"
_STATUS_NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


def runs_at(path: Path, world_size: int | None) -> RunsAt | None:
    """Return the runs of the tracking store that is at ``path``; None if there is none.

    Parameters
    ----------
    path : Path
        A folder ``mlruns``, or a SQLite file such as ``mlflow.db``.
    world_size : int, optional
        Devices of the runs that do not tell theirs.
    """
    if path.is_dir():
        experiments = [folder for folder in _folders(path) if _is_experiment(folder)]
        if not experiments:
            return None
        found = _file_store(experiments)
    elif _is_database(path):
        found = _database(path)
    else:
        return None
    return RunsAt(items=(_item(one, str(path), world_size) for one in found), whole_tree=True)


def _item(found: Tracked | Skipped, store: str, world_size: int | None) -> ImportedRun | Skipped:
    if isinstance(found, Skipped):
        return found
    try:
        return record(found, store, world_size)
    except Exception as error:  # isolation: whatever one run holds must not lose the others
        return Skipped(path=f"{store}, run {found.run_id}", reason=f"cannot be read: {type(error).__name__}: {error}")


def _file_store(experiments: list[Path]) -> Iterator[Tracked | Skipped]:
    for experiment in experiments:
        about = _yaml(experiment / "meta.yaml")
        if about.get("lifecycle_stage") == "deleted":
            continue
        metas = {folder: _yaml(folder / "meta.yaml") for folder in _folders(experiment)}
        runs = {
            folder.name: (folder, meta)
            for folder, meta in metas.items()
            if _is_run(meta) and meta.get("lifecycle_stage") != "deleted"
        }
        parent_of = {
            run: parent for run, (folder, _) in runs.items() if (parent := _text(folder / "tags" / _PARENT)) in runs
        }
        trained = (run for run, (folder, _) in runs.items() if has_accuracy(_names(folder / "metrics")))
        outer = {above for run in trained for above in _nested_in(run, parent_of)}
        for run, (folder, meta) in runs.items():
            if run in outer:
                yield Skipped(path=str(folder), reason=_NESTED)
                continue
            try:
                above = [_texts(runs[one][0] / "params") for one in _nested_in(run, parent_of)]
                shared = {key: value for params in above for key, value in params.items()}
                yield _stored_run(folder, meta, str(about.get("name", experiment.name)), shared)
            except (OSError, ValueError, IndexError) as error:
                yield Skipped(path=str(folder), reason=f"cannot be read: {error}")


def _nested_in(run: str, parent_of: Mapping[str, str]) -> list[str]:
    """Return the runs that a run is nested in, the outermost first."""
    above: list[str] = []
    while (parent := parent_of.get(above[-1] if above else run)) is not None and parent not in (run, *above):
        above.append(parent)
    return above[::-1]


def _stored_run(folder: Path, meta: Mapping[str, Any], experiment: str, shared: Mapping[str, str]) -> Tracked:
    """Return a run of the file store; ``shared`` are the params of the runs that it is nested in."""
    tags = _texts(folder / "tags")
    status = meta.get("status")
    metrics, notes = {}, []
    for name, text in _texts(folder / "metrics").items():
        lines = [line.split() for line in text.splitlines() if line.strip()]
        values = [_logged(parts, i) for i, parts in enumerate(lines)]
        known = [value for value in values if value is not None]
        if known:
            metrics[name] = known
        if len(known) < len(lines):
            notes.append(f"values of {name} that are no number were left out")
    return Tracked(
        run_id=folder.name,
        name=str(meta.get("run_name") or tags.get("mlflow.runName") or ""),
        experiment=experiment,
        status=_STATUS_NUMBERS.get(status, str(status)) if isinstance(status, int) else str(status),
        started_at=_time(meta.get("start_time")),
        ended_at=_time(meta.get("end_time")),
        params={**shared, **_texts(folder / "params")},
        tags=tags,
        metrics=metrics,
        notes=notes,
    )


def _is_run(meta: Mapping[str, Any]) -> bool:
    """Return whether this is about a run; its id is the folder's name, as YAML takes one of digits for a number."""
    return any(meta.get(key) not in (None, "") for key in ("run_id", "run_uuid"))


def _logged(parts: list[str], position: int) -> tuple[int, float] | None:
    """Return step and value of a line; older stores have no step, and the order counts."""
    try:
        return int(parts[2]) if len(parts) > 2 else position, float(parts[1])
    except (ValueError, IndexError):
        return None


def _database(path: Path) -> Iterator[Tracked | Skipped]:
    try:
        with closing(_open(path)) as connection:
            connection.row_factory = sqlite3.Row
            yield from _database_runs(connection)
    except sqlite3.Error as error:
        yield Skipped(path=str(path), reason=f"the database cannot be read: {error}")


def _database_runs(connection: sqlite3.Connection) -> Iterator[Tracked | Skipped]:
    runs = connection.execute(
        "SELECT r.*, e.name AS experiment FROM runs r JOIN experiments e USING (experiment_id) "
        "WHERE r.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active' ORDER BY r.start_time, r.run_uuid"
    ).fetchall()
    nested = connection.execute("SELECT run_uuid, value FROM tags WHERE key = ?", (_PARENT,)).fetchall()
    active = {run["run_uuid"] for run in runs}
    parent_of = {child: parent for child, parent in nested if {child, parent} <= active}
    trained = (run for run in active if has_accuracy(_column(connection, "metrics", run)))
    outer = {above for run in trained for above in _nested_in(run, parent_of)}
    for run in runs:
        if run["run_uuid"] in outer:
            yield Skipped(path=f"run {run['run_uuid']}", reason=_NESTED)
        else:
            yield _database_run(connection, run, _nested_in(run["run_uuid"], parent_of))


def _database_run(connection: sqlite3.Connection, run: sqlite3.Row, above: Sequence[str]) -> Tracked:
    params = {str(key): value for one in (*above, run["run_uuid"]) for key, value in _pairs(connection, "params", one)}
    tags = {str(key): str(value) for key, value in _pairs(connection, "tags", run["run_uuid"])}
    metrics: dict[str, list[tuple[int, float]]] = defaultdict(list)
    logged = connection.execute(
        "SELECT key, step, CASE WHEN is_nan THEN NULL ELSE value END AS value FROM metrics WHERE run_uuid = ? "
        "ORDER BY key, step, timestamp",
        (run["run_uuid"],),
    )
    strange = set()
    for row in logged:
        try:
            metrics[row["key"]].append((int(row["step"]), _value(row["value"])))
        except (TypeError, ValueError):
            strange.add(row["key"])
    return Tracked(
        run_id=run["run_uuid"],
        name=run["name"] or tags.get("mlflow.runName") or "",
        experiment=run["experiment"],
        status=run["status"],
        started_at=_time(run["start_time"]),
        ended_at=_time(run["end_time"]),
        params=params,
        tags=tags,
        metrics=dict(metrics),
        notes=[f"values of {name} that are no number were left out" for name in sorted(strange)],
    )


def _pairs(connection: sqlite3.Connection, table: str, run: str) -> list[Any]:
    return connection.execute(f"SELECT key, value FROM {table} WHERE run_uuid = ?", (run,)).fetchall()


def _column(connection: sqlite3.Connection, table: str, run: str) -> list[str]:
    return [str(key) for (key,) in connection.execute(f"SELECT DISTINCT key FROM {table} WHERE run_uuid = ?", (run,))]


def _value(value: Any) -> float:
    """Return a value; the database has no infinity and holds the largest number instead."""
    number = math.nan if value is None else float(value)
    return math.copysign(math.inf, number) if abs(number) >= sys.float_info.max else number


def _time(milliseconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(milliseconds) / 1000, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _is_database(path: Path) -> bool:
    try:
        with open_bounded(path, "container") as file:
            if file.read(len(_SQLITE)) != _SQLITE:
                return False
        with closing(_open(path)) as connection:
            found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except (OSError, sqlite3.Error):
        return False
    return found >= _TABLES


def _is_experiment(folder: Path) -> bool:
    return (folder / "meta.yaml").is_file() and "experiment_id" in _yaml(folder / "meta.yaml")


def _folders(path: Path) -> list[Path]:
    with os.scandir(path) as entries:
        return sorted(path / entry.name for entry in entries if os.path.isdir(entry) and not entry.name.startswith("."))


def _texts(folder: Path) -> dict[str, str]:
    """Return the content of every file below a folder by its relative path: names may contain slashes."""
    return {
        path.relative_to(folder).as_posix(): read_bounded(path, "log", errors="replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _yaml(path: Path) -> dict[str, Any]:
    try:
        return parse_yaml(read_bounded(path, "arguments", errors="replace")) or {}
    except OSError:
        return {}


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _text(path: Path) -> str | None:
    return read_bounded(path, "log", errors="replace").strip() if path.is_file() else None
