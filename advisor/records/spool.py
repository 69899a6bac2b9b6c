"""The spool: one file a run that its process alone appends to, and that anyone may read while it grows.

Each line is a JSON object ``{"v": 1, "type": "run" | "epoch", "data": {...}}``. A ``run`` line carries the fields that
are new or changed, an ``epoch`` line one epoch. Numbers that JSON lacks are ``{"float": "nan" | "inf" | "-inf"}``,
times are ISO 8601 in UTC.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from advisor.records.schema import Source, Status

VERSION = 1
SUFFIX = ".jsonl"
FSYNC_SECONDS = 1.0
_TIMES = ("started_at", "ended_at", "heartbeat_at")


@dataclass(frozen=True)
class Line:
    """One decoded line: its type, its data, and the offset in bytes at which the next one begins."""

    type: str
    data: dict[str, Any]
    end: int


class SpoolWriter:
    """Appends to the spool file of one run and holds its lock, so that others can tell that the run lives.

    Parameters
    ----------
    path : Path
        The file; its folder is made if need be.

    Raises
    ------
    OSError
        If the folder or the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock_of(path)
        self._lock.acquire(timeout=0)
        self._file: IO[bytes] = path.open("ab")
        self._synced = -math.inf

    def write(self, type: str, data: dict[str, Any]) -> None:
        """Append one line and hand it to the system; it is forced to the disk at most once a second."""
        self._file.write(encode(type, data))
        self._file.flush()
        now = time.monotonic()
        if now - self._synced >= FSYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced = now

    def close(self) -> None:
        """Force everything to the disk and let the lock go."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
            self._lock.release()


def encode(type: str, data: dict[str, Any]) -> bytes:
    """Return one line with its newline."""
    line = {"v": VERSION, "type": type, "data": _plain(data)}
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def read(path: Path, offset: int = 0) -> Iterator[Line]:
    """Yield the whole lines of a spool file from an offset in bytes on.

    A last line without its newline is still being written and is left for later. A line that cannot be read, cut by
    a full disk, is passed over.
    """
    with path.open("rb") as file:
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            offset += len(raw)
            try:
                line = json.loads(raw)
                yield Line(line["type"], _rich(line["data"]), offset)
            except (ValueError, KeyError, TypeError):
                continue


def is_held(path: Path) -> bool:
    """Return whether a living process of this machine holds the spool file."""
    lock = _lock_of(path)
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def remove(path: Path) -> None:
    """Remove a spool file and its lock."""
    path.unlink(missing_ok=True)
    Path(_lock_of(path).lock_file).unlink(missing_ok=True)


def _lock_of(path: Path) -> FileLock:
    return FileLock(path.with_suffix(".lock"))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _rich(data: dict[str, Any]) -> dict[str, Any]:
    values = {key: _number(value) for key, value in data.items()}
    for name in _TIMES:
        if values.get(name) is not None:
            values[name] = datetime.fromisoformat(values[name])
    for name, kind in (("status", Status), ("source", Source)):
        if name in values:
            values[name] = kind(values[name])
    return values


def _number(value: Any) -> Any:
    if isinstance(value, dict):
        return float(value["float"]) if value.keys() == {"float"} else {k: _number(v) for k, v in value.items()}
    return [_number(item) for item in value] if isinstance(value, list) else value
