"""The recorder: what a training process reports to, and which can never hurt it.

Every public method returns at once and raises nothing: what is reported goes into a bounded queue, a background
thread writes it to the run's spool file, and a second one calls the observing hooks of plugins.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields as dataclass_fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from advisor.config import Config
from advisor.plugins import Plugins, get_plugins
from advisor.records.outcome import is_out_of_memory, outcome, outcome_of_exception
from advisor.records.provenance import provenance
from advisor.records.schema import EPOCH_METRICS, RUN_FIELDS, Epoch, Run, Source, Status, new_id
from advisor.records.spool import SUFFIX, SpoolWriter

logger = logging.getLogger("advisor.records")

QUEUE_SIZE = 10_000
HEARTBEAT_SECONDS = 30.0
_CLOSE_SECONDS = 5.0

F = TypeVar("F", bound=Callable[..., Any])


def contained(function: F) -> F:
    """Make a method log what goes wrong in it, once, instead of raising into the user's training."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # isolation: recording must never change what a training does
            if os.environ.get("ADVISOR_TESTING"):
                raise
            _warn_once(function.__qualname__, error)
            return None

    return wrapper  # type: ignore[return-value]


@functools.lru_cache(maxsize=64)
def _warned(where: str, message: str) -> None:
    logger.warning("recording failed in %s and is ignored: %s", where, message)


def _warn_once(where: str, error: BaseException) -> None:
    _warned(where, f"{type(error).__name__}: {error}")


class ActiveRun:
    """One run of this process that is being recorded. Get one from ``record_run`` or ``Recorder.start_run``."""

    def __init__(
        self,
        spool_dir: Path,
        plugins: Plugins,
        hook_timeout: float,
        before_end: Sequence[Callable[[], None]] = (),
        **fields: Any,
    ) -> None:
        self.run_id = new_id()
        self._before_end = before_end
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._ended = False
        self._fields: dict[str, Any] = {"extra": {}}
        self._epochs: dict[int, dict[str, Any]] = {}
        self._writer = _Writer(spool_dir / f"{self.run_id}{SUFFIX}")
        self._observers = _Observers(plugins, hook_timeout)
        self._started = time.monotonic()
        self.update(
            run_id=self.run_id,
            status=Status.RUNNING,
            started_at=_now(),
            host=socket.gethostname(),
            pid=self._pid,
            **provenance(),
        )
        self.update(**fields)
        self._observers.call("advisor_run_start", self.snapshot)

    @contained
    def update(self, **fields: Any) -> None:
        """Report facts about the run: any field of ``Run``; other names are kept in ``extra``."""
        if self._is_closed():
            return
        with self._lock:
            known = {name: value for name, value in fields.items() if name in RUN_FIELDS and name != "extra"}
            if "versions" in known:
                known["versions"] = {**self._fields.get("versions", {}), **known["versions"]}
            extra = {name: value for name, value in fields.items() if name not in RUN_FIELDS}
            extra |= fields.get("extra") or {}
            changed = {name: value for name, value in known.items() if self._fields.get(name) != value}
            if any(self._fields["extra"].get(name) != value for name, value in extra.items()):
                changed["extra"] = {**self._fields["extra"], **extra}
            self._fields.update(changed)
            if changed:
                self._writer.put("run", {"run_id": self.run_id, **changed})

    @contained
    def log_epoch(self, epoch: int | None = None, **metrics: Any) -> None:
        """Report an epoch's metrics, by the names of ``Epoch``; others are kept in the run's ``extra``.

        Parameters
        ----------
        epoch : int, optional
            Counted from 0; by default the one after the last reported. Reporting an epoch again adds to it.
        **metrics : float
            Accuracies in percent, seconds, losses.
        """
        if self._is_closed():
            return
        with self._lock:
            number = (max(self._epochs, default=-1) + 1) if epoch is None else int(epoch)
            known = {name: float(metrics[name]) for name in EPOCH_METRICS if metrics.get(name) is not None}
            further = {name: value for name, value in metrics.items() if name not in EPOCH_METRICS}
            merged = {**self._epochs.get(number, {"epoch": number}), **known}
            self._epochs[number] = merged
            self._writer.put("epoch", {"run_id": self.run_id, **merged})
            if further:
                self.update(extra={f"last_{name}": value for name, value in further.items()})
            record = Epoch(run_id=self.run_id, **merged)
            self._observers.call("advisor_epoch_end", self.snapshot, lambda: record)

    @property
    def epochs_reported(self) -> int:
        """How many epochs were reported so far."""
        return len(self._epochs)

    @contained
    def end(self, status: Status | None = None, error: BaseException | str | None = None) -> None:
        """Report that the run is over, once.

        Parameters
        ----------
        status : Status, optional
            By default it follows from the epochs (see ``outcome``) and from ``error``.
        error : exception or str, optional
            What ended it. Ctrl-C means INTERRUPTED, ``sys.exit(0)`` nothing, anything else FAILED.
        """
        if self._is_closed():
            return
        for report in self._before_end:
            contained(report)()
        with self._lock:
            if self._is_closed():
                return
            epochs = [self._epochs[number] for number in sorted(self._epochs)]
            result = outcome(self._fields, epochs)
            seconds = [epoch["seconds"] for epoch in epochs if epoch.get("seconds") is not None]
            ended_by, message = outcome_of_exception(error)
            result["status"] = status or ended_by or result["status"]
            if error is not None:
                result["out_of_memory"] = is_out_of_memory(error)
            self.update(
                **result,
                error=message,
                ended_at=_now(),
                train_seconds=sum(seconds) if seconds else time.monotonic() - self._started,
            )
            self._ended = True
        self._observers.call("advisor_run_end", self.snapshot)
        self._writer.close()
        self._observers.close()

    def _is_closed(self) -> bool:
        # A forked child, such as a loader's worker, must neither write to nor end its parent's run.
        return self._ended or os.getpid() != self._pid

    def snapshot(self) -> Run:
        """Return what is known of the run now."""
        with self._lock:
            known = {f.name for f in dataclass_fields(Run)}
            return Run(**{name: value for name, value in self._fields.items() if name in known})


class Recorder:
    """Owns at most one active run of this process; frameworks are attached to it by plugins.

    Parameters
    ----------
    spool_dir : Path, optional
        Folder of the spool files; by default the configured one.
    plugins : Plugins, optional
        By default those of this process.
    hook_timeout : float, optional
        Seconds an observing hook may take; by default the configured ones.

    Attributes
    ----------
    active : ActiveRun or None
        The run in progress.
    defaults : dict
        Fields that every run starts with.
    before_end : list of callable
        Called before a run ends, for plugins to report what they held back.
    """

    def __init__(
        self, spool_dir: Path | None = None, plugins: Plugins | None = None, hook_timeout: float | None = None
    ) -> None:
        config = Config()
        self._spool_dir = spool_dir or Path(config["spool_dir"])
        self._plugins = plugins or get_plugins()
        self._hook_timeout = hook_timeout or config["hook_timeout"]
        self._detach: list[Callable[[], None]] = []
        self.active: ActiveRun | None = None
        self.defaults: dict[str, Any] = {}
        self.before_end: list[Callable[[], None]] = []

    @contained
    def start_run(self, source: Source = Source.TIMM_HOOK, **fields: Any) -> ActiveRun:
        """Begin a run; one that is still active is ended first."""
        self.end_run()
        known = {"source": source, **self.defaults, **fields}
        self.active = ActiveRun(self._spool_dir, self._plugins, self._hook_timeout, self.before_end, **known)
        return self.active

    @contained
    def end_run(self, status: Status | None = None, error: BaseException | str | None = None) -> None:
        """End the active run, if there is one."""
        if self.active is not None:
            self.active.end(status, error)
            self.active = None

    @property
    def attached(self) -> bool:
        """Whether plugins are attached."""
        return bool(self._detach)

    @contained
    def attach(self) -> None:
        """Let every plugin wrap the framework it knows."""
        if not self._detach:
            self._detach = [undo for _, undo in self._plugins.call_each("advisor_attach", recorder=self)]

    @contained
    def detach(self) -> None:
        """Undo what ``attach`` did, last first."""
        while self._detach:
            self._detach.pop()()


class _NoRun:
    """Stands for a run where recording could not even begin; takes every report and keeps none."""

    run_id = ""

    def update(self, **fields: Any) -> None: ...
    def log_epoch(self, epoch: int | None = None, **metrics: Any) -> None: ...
    def end(self, status: Status | None = None, error: BaseException | str | None = None) -> None: ...


@functools.cache
def _process_recorder() -> Recorder:
    recorder = Recorder()
    atexit.register(_end_at_exit, recorder)
    return recorder


def _end_at_exit(recorder: Recorder) -> None:
    # Set by the interpreter when it prints an uncaught exception; in an interactive session one ends nothing.
    error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)
    recorder.end_run(error=error)
    recorder.detach()


@contained
def autolog(**fields: Any) -> Recorder:
    """Record every timm training of this process from now on; one line at the top of a script.

    Parameters
    ----------
    **fields
        Facts about the runs that nothing reveals, such as ``name``.
    """
    recorder = _process_recorder()
    recorder.defaults.update(fields)
    recorder.attach()
    return recorder


@contextmanager
def record_run(**fields: Any) -> Iterator[ActiveRun | _NoRun]:
    """Record a hand-written training loop.

    Where a recorded script enters this after it has made its model, that run is the one.

    Parameters
    ----------
    **fields
        Facts about the run, by the names of ``Run``; what timm's factories reveal is filled in.

    Yields
    ------
    ActiveRun
        Report epochs to it with ``log_epoch``.
    """
    recorder, attached = _begin(fields) or (None, False)
    error: BaseException | None = None
    try:
        yield (recorder.active if recorder else None) or _NoRun()
    except BaseException as raised:
        error = raised
        raise
    finally:
        if recorder is not None:
            recorder.end_run(error=error)
            if attached:
                recorder.detach()


@contained
def _begin(fields: dict[str, Any]) -> tuple[Recorder, bool]:
    """Return the recorder with a run begun, and whether plugins were attached for this run only."""
    recorder = _process_recorder()
    fields = {"source": Source.API, **fields}
    if recorder.active is not None and not recorder.active.epochs_reported:
        recorder.active.update(**fields)
    else:
        recorder.start_run(**fields)
    attached = not recorder.attached
    recorder.attach()
    return recorder, attached


class _Writer:
    """Writes lines to a spool file from a thread of its own; a full queue or a failing disk loses lines, never time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.Queue[tuple[str, dict[str, Any]] | None] = queue.Queue(QUEUE_SIZE)
        self._thread = threading.Thread(target=self._work, name="advisor-spool", daemon=True)
        self._thread.start()

    def put(self, type: str, data: dict[str, Any]) -> None:
        try:
            self._queue.put_nowait((type, data))
        except queue.Full:
            _warn_once("spool", RuntimeError("the queue is full, records are lost"))

    def close(self) -> None:
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(_CLOSE_SECONDS)

    def _work(self) -> None:
        try:
            writer = SpoolWriter(self._path)
        except Exception as error:  # isolation: an unwritable folder loses the record, not the training
            _warn_once("spool", error)
            return
        while True:
            try:
                item = self._queue.get(timeout=HEARTBEAT_SECONDS)
            except queue.Empty:
                item = ("run", {"heartbeat_at": _now()})
            try:
                if item is None:
                    writer.close()
                    return
                writer.write(*item)
            except Exception as error:  # isolation
                _warn_once("spool", error)
                if item is None:
                    return


class _Observers:
    """Calls the observing hooks of plugins beside the training; one that takes too long is switched off."""

    def __init__(self, plugins: Plugins, timeout: float) -> None:
        self._plugins = plugins
        self._timeout = timeout
        self._off: set[str] = set()
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(QUEUE_SIZE)
        self._thread: threading.Thread | None = None

    def call(self, hook: str, *make: Callable[[], Any]) -> None:
        """Call a hook with frozen copies made now (the run, then the epoch)."""
        found = [(name, f) for name, f in self._plugins.implementations(hook) if name not in self._off]
        if not found:
            return
        frozen = dict(zip(("run", "epoch"), (m() for m in make), strict=False))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="advisor-hooks", daemon=True)
            self._thread.start()
        for name, function in found:
            try:
                self._queue.put_nowait(functools.partial(self._one, hook, name, function, frozen))
            except queue.Full:
                self._off.add(name)

    def close(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(_CLOSE_SECONDS)

    def _one(self, hook: str, name: str, function: Callable[..., Any], frozen: dict[str, Any]) -> None:
        if name in self._off:
            return
        started = time.monotonic()
        try:
            function(**frozen)
        except Exception as error:  # isolation: one faulty plugin must not stop the others
            self._off.add(name)
            _warn_once(f"plugin {name}, {hook}", error)
        if time.monotonic() - started > self._timeout:
            self._off.add(name)
            _warn_once(f"plugin {name}, {hook}", TimeoutError(f"took over {self._timeout:g} s, switched off"))

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            task()


def _now() -> datetime:
    return datetime.now(timezone.utc)
