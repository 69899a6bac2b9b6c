"""Finds the runs in a local ``wandb`` folder: ``run-DATE_TIME-ID`` or ``offline-run-…``, each with what it wrote.

``run-ID.wandb`` has everything that was logged. Beside it, in ``files/`` (in the run's folder itself before 2021), are
config.yaml, wandb-summary.json, wandb-metadata.json and, before 2021, wandb-history.jsonl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from advisor import ImportedRun, RunsAt, Skipped, read_bounded
from advisor_timm.importing.argsfile import parse_json, parse_yaml
from advisor_wandb.binary import is_run_file, read_run_file
from advisor_wandb.mapping import record
from advisor_wandb.tracked import Tracked

_FOLDER = re.compile(r"(?:offline-)?(?:dry)?run-(\d{8}_\d{6})-(\w+)")


def local_runs(path: Path, world_size: int | None) -> RunsAt | None:
    """Return the run whose folder or ``.wandb`` file is at ``path``; None if it is neither.

    Parameters
    ----------
    path : Path
        A run's folder, or its file.
    world_size : int, optional
        Devices of runs that do not tell theirs.
    """
    if path.is_dir():
        match = _FOLDER.fullmatch(path.absolute().name)
        return RunsAt(items=_run_folder(path, match, world_size), whole_tree=True) if match else None
    if path.suffix == ".wandb" and is_run_file(path):
        return RunsAt(items=(record(one, str(path), world_size) for one in [read_run_file(path)]))
    return None


def _run_folder(folder: Path, match: re.Match[str], world_size: int | None) -> Iterator[ImportedRun | Skipped]:
    try:
        yield record(_read(folder, match), str(folder), world_size)
    except OSError as error:
        yield Skipped(path=str(folder), reason=f"cannot be read: {error.strerror}")


def _read(folder: Path, match: re.Match[str]) -> Tracked:
    logged = next((path for path in sorted(folder.glob("*.wandb")) if is_run_file(path)), None)
    run = Tracked(identity=(match[2],)) if logged is None else read_run_file(logged)
    files = folder / "files" if (folder / "files").is_dir() else folder
    config = parse_yaml(_text(files / "config.yaml")) or {}
    metadata = parse_json(_text(files / "wandb-metadata.json")) or {}
    run.config = _values(config) | run.config
    run.summary = (parse_json(_text(files / "wandb-summary.json")) or {}) | run.summary
    if not run.history:
        lines = _text(files / "wandb-history.jsonl").splitlines()
        run.history = [found for line in lines if (found := parse_json(line)) is not None]
    if run.state is None:  # nothing tells how it ended but that its summary was written
        run.state = metadata.get("state") or ("finished" if run.summary else None)
    run.started_at = run.started_at or _time(match[1])
    run.script, run.git_commit = metadata.get("program"), (metadata.get("git") or {}).get("commit")
    return run


def _values(config: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of config.yaml, which keeps each as {value: …}, or, before 2020, {desc: …, value: …}."""
    return {name: entry["value"] for name, entry in config.items() if isinstance(entry, dict) and "value" in entry}


def _text(path: Path) -> str:
    try:
        return read_bounded(path, "log", errors="replace")
    except OSError:
        return ""


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d_%H%M%S").astimezone()
    except ValueError:
        return None
