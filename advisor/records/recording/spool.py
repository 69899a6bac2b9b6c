"""The spool: one file a run that its process alone appends to, and that anyone may read while it grows.

The file is ``<run_id>.jsonl``. Each line is ``{"v": 1, "type": ..., "data": {...}}`` with the type

- ``run``: fields of the run that are new or changed; ``extra`` and ``versions`` hold their new or changed entries; the
  first has the name of the store that the run belongs to as ``store``, see ``advisor.config.store_name``;
- ``dataset``: the description of the dataset, where the process that trains was given it;
- ``epoch``: one epoch as it is known; a later line for the same epoch replaces it;
- ``heartbeat``: ``heartbeat_at``, so that a run on another machine can be told from a dead one;
- ``end``: the last fields of the run, its status among them;
- ``again``: only as the first line, in a file that takes the place of one that was lost: ``from`` is how many bytes the
  run's spool had before. Offsets count on from there, so that none points into the middle of what is new.

Values are encoded as ``advisor.records.encoding`` says. Lines may be repeated, after the file was lost or the disk
full: taking them again changes nothing. The process that writes holds a lock on the file (flock(2)) while it lives.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from advisor.records.encoding import plain, text
from advisor.records.privacy.private_files import make_private_folder, open_private
from advisor.records.recording.containment import guarded

try:
    import fcntl
except ImportError:  # Windows: whether a run lives is told by its heartbeat alone
    fcntl = None  # type: ignore[assignment]

VERSION = 1
LONGEST_LINE = 2**24
"""Bytes; a longer one is none of ours."""
SUFFIX = ".jsonl"
INGESTED = "ingested"
"""Folder, beside the spools of living runs, of those that are wholly in a store."""
_LOCK_TRIES = 50
_LOCK_PAUSE = 0.02


def encode(type: str, data: Mapping[str, Any]) -> bytes:
    """Return one line with its newline."""
    line = {"v": VERSION, "type": type, "data": {text(name): plain(value) for name, value in data.items()}}
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"


@dataclass(frozen=True)
class Line:
    """One decoded line; its data are JSON values."""

    type: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Chunk:
    """The whole lines of a spool from some offset on."""

    lines: list[Line]
    end: int
    """Offset in bytes at which the next chunk begins, those of files that were lost included."""
    unreadable: int
    """Lines that are not a line of a spool, such as one cut by a full disk; they are passed over."""
    newer: bool
    """Whether a line was written by a version of this program that knows more; reading stops before it."""


def read(path: Path, offset: int = 0) -> Chunk:
    """Read the whole lines of a spool file from an offset in bytes on.

    A last line without its newline is still being written and is left for the next time. A file that was written again,
    or is shorter than ``offset``, is read from its beginning.

    Raises
    ------
    OSError
        If the file cannot be read, or is no longer there.
    """
    lines: list[Line] = []
    unreadable = 0
    with _regular(path) as file:
        lost = _lost_before(file.readline(LONGEST_LINE))
        size = file.seek(0, os.SEEK_END)
        if not lost <= offset <= lost + size:
            offset = lost
        file.seek(offset - lost)
        for raw in iter(lambda: file.readline(LONGEST_LINE), b""):
            if not raw.endswith(b"\n") and len(raw) < LONGEST_LINE:
                break
            if raw.strip():
                try:
                    content = json.loads(raw)
                    if content["v"] > VERSION:
                        return Chunk(lines, offset, unreadable, newer=True)
                    line = Line(str(content["type"]), dict(content["data"]))
                    if line.type != "again":
                        lines.append(line)
                except (ValueError, KeyError, TypeError, RecursionError):
                    unreadable += 1
            offset += len(raw)
    return Chunk(lines, offset, unreadable, newer=False)


def store_of(path: Path) -> str | None:
    """Return the name of the store that the run of a spool file belongs to; None where its first lines do not say.

    Raises
    ------
    OSError
        If the file cannot be read, or is no longer there.
    """
    with _regular(path) as file:
        for raw in (file.readline(LONGEST_LINE), file.readline(LONGEST_LINE)):  # the first may be ``again``
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                content = json.loads(raw)
                if content["type"] == "run":
                    return str(content["data"]["store"])
    return None


def _regular(path: Path) -> BinaryIO:
    """Open a regular file; what else may lie there, such as a pipe or a device, need not ever end."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no regular file")
    return open(descriptor, "rb")


def _lost_before(first: bytes) -> int:
    """Return how many bytes of the spool were lost before a file with this first line was begun."""
    if b'"again"' not in first:
        return 0
    try:
        content = json.loads(first)
        return max(0, int(content["data"]["from"])) if content["type"] == "again" else 0
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0


def is_held(path: Path) -> bool | None:
    """Return whether a living process of this machine writes the spool file; None where that cannot be told.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    if fcntl is None:
        return None
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for its writer
    try:
        # Shared, so that two who look at once do not take each other for the writer.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return None
    else:
        return False
    finally:
        os.close(descriptor)


def archive(path: Path) -> None:
    """Archive a spool whose run has ended and is in the store; the file stays as it is."""
    folder = path.parent / INGESTED
    make_private_folder(folder)
    with contextlib.suppress(FileNotFoundError):  # another process was first
        os.replace(path, folder / path.name)


class SpoolFile:
    """Appends to a spool file and holds its lock.

    Parameters
    ----------
    path : Path
        The file; its folder is made if need be.
    lost : int
        Bytes that were written to files in its place which are there no longer.

    Raises
    ------
    OSError
        If the folder or the file cannot be made.
    """

    def __init__(self, path: Path, lost: int = 0) -> None:
        self._path = path
        self._lost = lost
        make_private_folder(path.parent)
        # Binary: Windows would write two bytes for the end of a line, and offsets would not hold.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = open_private(path, flags)
        self._file = os.fstat(self._descriptor)
        # A crash may have cut the last line of a file that is written on.
        self._end = self._file.st_size
        self._torn = self._end > 0
        self._begun = self._torn or not lost
        self._lock()
        _open_files.add(self)

    @property
    def end(self) -> int:
        """Offset at which the next line begins, lost bytes included."""
        return self._lost + self._end

    def _lock(self) -> None:
        if fcntl is None:
            return
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # someone looks whether it is held
                time.sleep(_LOCK_PAUSE)
            except OSError:  # a file system without locks
                return
            else:
                return

    def is_there(self) -> bool:
        """Return whether the file is still where others look for it."""
        try:
            return os.path.samestat(os.stat(self._path), self._file)
        except OSError:
            return False

    def is_held(self) -> bool:
        """Return whether the descriptor is still ours: a script may have closed it, and opened a file of its own."""
        try:
            return self._descriptor >= 0 and os.path.samestat(os.fstat(self._descriptor), self._file)
        except OSError:
            return False

    def append(self, data: bytes) -> None:
        """Hand whole lines to the system.

        Raises
        ------
        OSError
            If they could not be written, or not all of them; the next call begins a new line.
        """
        if not self.is_held():
            raise OSError("its descriptor was closed from outside")
        if not self._begun:
            os.ftruncate(self._descriptor, 0)
            self._end, self._torn = 0, False
            data = encode("again", {"from": self._lost}) + data
        rest = memoryview(b"\n" + data if self._torn else data)
        self._torn = True
        while rest:
            written = os.write(self._descriptor, rest)
            self._end += written
            rest = rest[written:]
        self._torn = False
        self._begun = True

    def sync(self) -> None:
        """Force what was written to the disk."""
        if self.is_held():
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Let the file and its lock go."""
        _open_files.discard(self)
        held, descriptor, self._descriptor = self.is_held(), self._descriptor, -1
        if held:
            os.close(descriptor)


_open_files: weakref.WeakSet[SpoolFile] = weakref.WeakSet()


def _close_in_child() -> None:
    # A child that outlives its parent, such as a loader's worker, would hold the lock of a dead run.
    for file in list(_open_files):
        guarded("closing the spool in a fork", file.close)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
