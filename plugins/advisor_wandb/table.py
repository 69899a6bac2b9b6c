"""Reads tables of runs that were exported: by the website as CSV, or by a script over the public API as CSV or JSON.

The website's table has a row a run with its name, state, arguments and last metrics. Scripts follow wandb's own
example (https://docs.wandb.ai/guides/track/public-api-guide): a row a run with ``name``, ``config`` and ``summary``,
which a CSV holds as Python prints them.
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from advisor import ImportedRun, RunsAt, Skipped, open_bounded, read_bounded
from advisor_timm.importing.epoch_logs import number
from advisor_timm.metric_names import columns
from advisor_wandb.mapping import record
from advisor_wandb.tracked import Tracked

_OF_THE_SITE = {"Name", "State"}
_BESIDE = {
    "ID",
    "Name",
    "State",
    "Notes",
    "User",
    "Tags",
    "Created",
    "Runtime",
    "Sweep",
    "Project",
    "Group",
    "Job Type",
}
_SUMMARIES = ("summary", "summary_metrics", "summaryMetrics")
_RATES = ("learning_rate", "base_lr", "init_lr")
_NO_NUMBER = re.compile(r"(?<![\w'\"])-?(?:nan|inf)(?![\w'\"])", re.IGNORECASE)
_OTHERS = re.compile(r"(?:summary|args).*\.(?:csv|ya?ml)")
"""What timm's scripts write; a folder of these is for their importer."""
_MOST_BYTES = 2**28
_DELIMITERS = ",;\t"
_HEAD = 65_536


def exported_runs(path: Path, world_size: int | None) -> RunsAt | None:
    """Return the runs of an exported table at ``path``, or of those in a folder; None if there is none.

    Parameters
    ----------
    path : Path
        A CSV or JSON file, or a folder.
    world_size : int, optional
        Devices of runs that do not tell theirs.
    """
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.is_file()]
        found = [] if any(_OTHERS.fullmatch(file.name) for file in files) else [f for f in files if _is_table(f)]
    else:
        found = [path] if _is_table(path) else []
    if not found:
        return None
    return RunsAt(items=(item for file in found for item in _read(file, world_size)))


def _is_table(path: Path) -> bool:
    if path.suffix.lower() not in (".csv", ".json", ".jsonl"):
        return False
    try:
        with open_bounded(path, "log") as file:
            head = file.read(_HEAD).decode("utf-8-sig", "replace")
    except OSError:
        return False
    if path.suffix.lower() != ".csv":
        return '"config"' in head and any(f'"{name}"' in head for name in _SUMMARIES)
    return _delimiter(head) is not None


def _delimiter(text: str) -> str | None:
    """Return what parts the columns of a CSV, as spreadsheets do it their own way; None if it is no table of runs."""
    line = text.splitlines()[:1]
    for delimiter in _DELIMITERS:
        names = set(next(csv.reader(line, delimiter=delimiter), ()))
        if names >= _OF_THE_SITE or ("config" in names and any(name in names for name in _SUMMARIES)):
            return delimiter
    return None


def _read(path: Path, world_size: int | None) -> Iterator[ImportedRun | Skipped]:
    try:
        text = read_bounded(path, "log", encoding="utf-8-sig", errors="replace")
        rows = list(_csv_rows(text) if path.suffix.lower() == ".csv" else _json_rows(text))
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        yield Skipped(path=str(path), reason=f"cannot be read: {error}")
        return
    for position, row in enumerate(rows, 1):
        where = f"{path}, row {position}"
        try:
            run = _of_site(row) if row.keys() >= _OF_THE_SITE else _of_script(row)
        except Exception as error:  # isolation: whatever one row holds must not lose the others
            yield Skipped(path=where, reason=f"cannot be read: {type(error).__name__}: {error}")
            continue
        yield record(run, where, world_size)


def _csv_rows(text: str) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(_MOST_BYTES)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=_delimiter(text) or ",")
    header = next(reader, [])
    for values in reader:
        # Of an argument and a metric of one name the argument stands first.
        yield dict(reversed([(name, value) for name, value in zip(header, values, strict=False) if value != ""]))


def _json_rows(text: str) -> Iterable[dict[str, Any]]:
    """Return the rows of a list of objects, of one object a line, or of columns of objects, as pandas writes either."""
    try:
        found = json.loads(text)
    except ValueError:
        if text.lstrip().startswith("["):
            raise  # one list, and the error says where it is damaged
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(found, dict) and all(isinstance(column, dict) for column in found.values()):
        keys = dict.fromkeys(key for column in found.values() for key in column)
        found = [{name: column.get(key) for name, column in found.items()} for key in keys]
    rows = found if isinstance(found, list) else [found]
    return [row for row in rows if isinstance(row, dict)]


def _of_site(row: Mapping[str, Any]) -> Tracked:
    started = _time(row.get("Created"))
    seconds = number(row.get("Runtime"))
    values = {name: value for name, value in row.items() if name not in _BESIDE}
    metrics = set(columns(values).values()) - {"lr", *_RATES}
    arguments = {name: value for name, value in values.items() if name not in metrics}
    if any(name in arguments for name in _RATES):
        arguments.pop("lr", None)  # the one that was logged last, not the one that was asked for
    return Tracked(
        identity=(row.get("ID") or row["Name"], row.get("Created")),
        name=str(row["Name"]),
        project=row.get("Project"),
        state=str(row["State"]).lower(),
        started_at=started,
        ended_at=started + timedelta(seconds=seconds) if started and seconds is not None else None,
        config=arguments,
        summary={name: values[name] for name in (*metrics, "epoch") if name in values},
    )


def _of_script(row: Mapping[str, Any]) -> Tracked:
    summary = next((row[name] for name in _SUMMARIES if row.get(name) is not None), None)
    created = next((row[name] for name in ("created_at", "createdAt", "Created") if row.get(name)), None)
    state = row.get("state") or row.get("State")
    config, history = _mapping(row.get("config")), row.get("history")
    return Tracked(
        identity=(row.get("id") or row.get("name"), created),
        name=str(row.get("name") or row.get("id") or ""),
        project=row.get("project"),
        # Scripts keep no state where they follow the example.
        state=str(state).lower() if state else "finished",
        started_at=_time(created),
        config={name: value["value"] if _is_entry(value) else value for name, value in config.items()},
        summary=_mapping(summary),
        history=[one for one in history if isinstance(one, dict)] if isinstance(history, list) else [],
    )


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value and value.keys() <= {"value", "desc"}


def _mapping(value: Any) -> dict[str, Any]:
    """Return a mapping, or the one whose text, JSON or as Python prints it, this is."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = ast.literal_eval(_NO_NUMBER.sub(lambda found: f"'{found[0]}'", value))
    return {str(name): item for name, item in value.items()} if isinstance(value, dict) else {}


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time
