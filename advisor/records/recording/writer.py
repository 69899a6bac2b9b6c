"""Writes a run's spool from a thread of its own."""

from __future__ import annotations

import gc
import math
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from advisor.records.recording.containment import contain, guarded
from advisor.records.recording.spool import SpoolFile, encode

QUEUE_SIZE = 10_000
HEARTBEAT_SECONDS = 30.0
FSYNC_SECONDS = 1.0
GATHER_SECONDS = 0.02
"""How long a line waits for further ones, so that an epoch's end disturbs the training thread once, not with each."""

PAUSE_SECONDS = 0.2
"""How long a fork may wait for a line that is being written."""

Entry = tuple[str, dict[str, Any]]
_PAUSE = object()


class Writer:
    """Takes entries at once and writes them as lines of a spool file.

    What could not be written, because the disk was full, the folder gone or the queue too long, is written whole as
    soon as it can be: with the next entry, or the next heartbeat.

    Parameters
    ----------
    path : Path
        The spool file.
    everything : callable
        Returns all entries that tell the run as it is now; called on the writing thread.
    """

    def __init__(self, path: Path, everything: Callable[[], Iterable[Entry]]) -> None:
        self._path = path
        self._everything = everything
        # Unlike Queue, SimpleQueue may be used again from a signal handler that interrupts its use.
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()  # of entries, _PAUSE and at last None
        self._file: SpoolFile | None = None
        self._lost = 0
        self._behind = False
        self._synced = -math.inf
        self._dirty = False
        self._heartbeat_due = time.monotonic() + HEARTBEAT_SECONDS
        self._hurry = threading.Event()
        self._state = threading.Lock()
        self._paused = self._stopped = False
        self._start()
        _writers.add(self)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="advisor-spool", daemon=True)
        self._thread.start()

    def put(self, type: str, data: dict[str, Any]) -> None:
        """Have a line written soon."""
        if self._queue.qsize() < QUEUE_SIZE:
            self._queue.put((type, data))
        else:
            self._behind = True
        if self._stopped:
            self.resume()

    def close(self, seconds: float) -> bool:
        """Write what is left, let the lock go, and return whether that was done within ``seconds``."""
        _writers.discard(self)
        self.resume()
        self._queue.put(None)
        self._hurry.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def pause(self) -> None:
        """Let the thread end, the file stay open, and entries wait: Python warns of a fork beside a thread."""
        with self._state:
            if self._stopped:
                return
            self._paused = True
        self._queue.put(_PAUSE)
        self._hurry.set()
        self._thread.join(PAUSE_SECONDS)

    def resume(self) -> None:
        """Go on after ``pause``."""
        with self._state:
            self._paused = False
            if self._stopped:
                self._stopped = False
                self._hurry.clear()
                self._start()

    def _work(self) -> None:
        closing = False
        while not closing:
            entries = self._take()
            closing = None in entries
            try:
                self._write([entry for entry in entries if entry is not None and entry is not _PAUSE], closing)
            except Exception as error:  # isolation: a failing disk must not reach the training
                self._behind = True
                contain(f"the spool {self._path}", error)
            with self._state:
                if self._paused and not closing:
                    self._stopped = True
                    return
        if self._file is not None:
            guarded("closing the spool", self._file.close)

    def _take(self) -> list[Any]:
        """Wait for entries; none of them when a heartbeat or a delayed fsync is due."""
        due = min(self._heartbeat_due, self._synced + FSYNC_SECONDS if self._dirty else math.inf)
        try:
            entries = [self._queue.get(timeout=max(0.0, due - time.monotonic()))]
        except queue.Empty:
            return []
        # Not by waiting at the queue, which would wake this thread with every line. After the end nothing follows.
        self._hurry.wait(GATHER_SECONDS)
        while not self._queue.empty():
            entries.append(self._queue.get())
        return entries

    def _write(self, entries: list[Entry], closing: bool) -> None:
        now = time.monotonic()
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + HEARTBEAT_SECONDS
            entries = [*entries, ("heartbeat", {"heartbeat_at": datetime.now(timezone.utc)})]
        if self._file is not None and not self._file.is_there():
            self._lost = self._file.end
            self._file.close()
            self._file, self._behind = None, True
        elif self._file is not None and not self._file.is_held():
            self._file.close()
            self._file = None  # it is opened again, and written on
        if self._file is None and (entries or self._behind):
            self._file = SpoolFile(self._path, self._lost)
        if self._file is None:
            return
        if self._behind:
            # Before the snapshot: what is reported after it is in the queue, or sets the flag again.
            self._behind = False
            entries = [*self._everything(), *(entry for entry in entries if entry[0] == "end")]
        if entries:
            self._dirty = True
            self._file.append(b"".join(encode(*entry) for entry in entries))
        if self._dirty and (closing or now - self._synced >= FSYNC_SECONDS):
            self._file.sync()
            self._synced, self._dirty = now, False


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _pause_all() -> None:
    while _resume_all in gc.callbacks:  # not in the child, nor while others are forked
        gc.callbacks.remove(_resume_all)
    for writer in list(_writers):
        guarded("pausing before a fork", writer.pause)


def _resume_soon() -> None:
    # From 3.13 on Python looks for threads after this. Garbage is collected soon; or the next line comes, in put.
    gc.callbacks.append(_resume_all)


def _resume_all(*_: object) -> None:
    while _resume_all in gc.callbacks:
        gc.callbacks.remove(_resume_all)
    for writer in list(_writers):
        guarded("going on after a fork", writer.resume)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_pause_all, after_in_parent=_resume_soon, after_in_child=_writers.clear)
