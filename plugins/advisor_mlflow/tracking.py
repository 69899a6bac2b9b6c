"""Reads MLflow tracking stores: the file store (``mlruns``) and the SQLite one, each by its documented layout.

File store: ``EXPERIMENT/meta.yaml``, ``EXPERIMENT/RUN/meta.yaml``, and in the run's folder ``params/NAME``,
``metrics/NAME`` (a line a value: milliseconds, value, step) and ``tags/NAME`` (mlflow/store/tracking/file_store.py).
SQLite: the tables experiments, runs, params, metrics and tags (mlflow/store/tracking/dbmodels/models.py). Deleted runs
and experiments are left out, as MLflow's own listing does.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from advisor import RunsAt, Skipped
from advisor_mlflow.mapping import record
from advisor_mlflow.tracked import Tracked

_SQLITE = b"SQLite format 3\x00"
_TABLES = {"experiments", "runs", "params", "metrics", "tags"}
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
    items = (item if isinstance(item, Skipped) else record(item, str(path), world_size) for item in found)
    return RunsAt(items=items, whole_tree=True)


def _file_store(experiments: list[Path]) -> Iterator[Tracked | Skipped]:
    for experiment in experiments:
        about = _yaml(experiment / "meta.yaml")
        if about.get("lifecycle_stage") == "deleted":
            continue
        for folder in _folders(experiment):
            meta = _yaml(folder / "meta.yaml")
            if not {"run_id", "run_uuid"} & meta.keys() or meta.get("lifecycle_stage") == "deleted":
                continue
            try:
                yield _stored_run(folder, meta, str(about.get("name", experiment.name)))
            except (OSError, ValueError, IndexError) as error:
                yield Skipped(path=str(folder), reason=f"cannot be read: {error}")


def _stored_run(folder: Path, meta: Mapping[str, Any], experiment: str) -> Tracked:
    tags = _texts(folder / "tags")
    status = meta.get("status")
    metrics = {}
    for name, text in _texts(folder / "metrics").items():
        # Older stores have no step: then the order counts.
        values = [line.split() for line in text.splitlines() if line.strip()]
        metrics[name] = [(int(parts[2]) if len(parts) > 2 else i, float(parts[1])) for i, parts in enumerate(values)]
    return Tracked(
        run_id=str(meta.get("run_id") or meta["run_uuid"]),
        name=str(meta.get("run_name") or tags.get("mlflow.runName") or ""),
        experiment=experiment,
        status=_STATUS_NUMBERS.get(status, str(status)) if isinstance(status, int) else str(status),
        started_at=_time(meta.get("start_time")),
        ended_at=_time(meta.get("end_time")),
        params=_texts(folder / "params"),
        tags=tags,
        metrics=metrics,
    )


def _database(path: Path) -> Iterator[Tracked | Skipped]:
    try:
        with closing(_open(path)) as connection:
            connection.row_factory = sqlite3.Row
            yield from _database_runs(connection)
    except sqlite3.Error as error:
        yield Skipped(path=str(path), reason=f"the database cannot be read: {error}")


def _database_runs(connection: sqlite3.Connection) -> Iterator[Tracked]:
    runs = connection.execute(
        "SELECT r.*, e.name AS experiment FROM runs r JOIN experiments e USING (experiment_id) "
        "WHERE r.lifecycle_stage = 'active' AND e.lifecycle_stage = 'active' ORDER BY r.start_time, r.run_uuid"
    )
    for run in runs:
        found: dict[str, Any] = {"params": {}, "tags": {}}
        for table, values in found.items():
            values.update(connection.execute(f"SELECT key, value FROM {table} WHERE run_uuid = ?", (run["run_uuid"],)))
        metrics: dict[str, list[tuple[int, float]]] = defaultdict(list)
        logged = connection.execute(
            "SELECT key, step, CASE WHEN is_nan THEN NULL ELSE value END AS value FROM metrics WHERE run_uuid = ? "
            "ORDER BY key, step, timestamp",
            (run["run_uuid"],),
        )
        for row in logged:
            metrics[row["key"]].append((row["step"], float("nan") if row["value"] is None else row["value"]))
        name = run["name"] or found["tags"].get("mlflow.runName") or ""
        yield Tracked(
            run_id=run["run_uuid"],
            name=name,
            experiment=run["experiment"],
            status=run["status"],
            started_at=_time(run["start_time"]),
            ended_at=_time(run["end_time"]),
            metrics=dict(metrics),
            **found,
        )


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
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
        return sorted(path / entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def _texts(folder: Path) -> dict[str, str]:
    """Return the content of every file below a folder by its relative path: names may contain slashes."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
