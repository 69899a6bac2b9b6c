"""The run that a training process is recording."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Any

from advisor.records.encoding import field_parsers, plain, to_json
from advisor.records.interruption import is_interruption
from advisor.records.outcome import ended_by, is_out_of_memory, outcome
from advisor.records.privacy.private_paths import cut_paths
from advisor.records.privacy.secrets import scrub, scrub_text
from advisor.records.recording.containment import contained, log_once, raise_contained
from advisor.records.recording.given import say_unknown_names
from advisor.records.recording.observers import Observers
from advisor.records.recording.provenance import provenance
from advisor.records.recording.spool import SUFFIX
from advisor.records.recording.writer import Entry, Writer
from advisor.records.schema import EPOCH_METRICS, Dataset, Epoch, Run, Source, Status, new_id

CLOSE_SECONDS = 5.0
"""How long the end of a run may wait for its last lines to reach the disk."""

_PARSERS = field_parsers(Run)
_MERGED = ("extra", "versions")
_FIXED = ("run_id", "host", "pid", "started_at", "heartbeat_at")
_NEVER_UNKNOWN = ("source", "status", "epochs_done")


class ActiveRun:
    """One run that is being recorded; ``record_run`` and ``Recorder.start_run`` make it.

    Every method returns at once and raises nothing, whatever is wrong with its arguments, the disk or a plugin.

    Parameters
    ----------
    spool_dir : Path or None
        Where its spool is written; None for a run that nothing is kept of.
    observers : Observers
        The plugins to tell.
    fields : mapping
        What is known when it begins.
    before_end : sequence of callable
        Called when it ends, to report to it what was held back.
    private_paths : sequence of str
        Prefixes of paths that are not to be recorded.
    store : str, optional
        Name of the store that it belongs to.

    Attributes
    ----------
    run_id : str
    """

    def __init__(
        self,
        spool_dir: Path | None,
        observers: Observers,
        fields: Mapping[str, Any],
        before_end: Sequence[Callable[[], None]] = (),
        private_paths: Sequence[str] = (),
        store: str | None = None,
    ) -> None:
        self.run_id = new_id()
        self._store = {} if store is None else {"store": store}
        self._ending: tuple[Status | None, str | None] = (None, None)
        self._before_end = before_end
        self._private_paths = private_paths
        self.observers = observers
        self._pid = os.getpid() if spool_dir is not None else -1
        self._lock = threading.RLock()
        self._ended = False
        self._began = time.monotonic()
        self._fields: dict[str, Any] = {
            "run_id": self.run_id,
            "source": Source.API,
            "status": Status.RUNNING,
            "started_at": datetime.now(timezone.utc),
            "host": socket.gethostname(),
            "pid": self._pid,
            "versions": {},
            "extra": {},
        }
        self._given: set[str] = set()
        self._epochs: dict[int, dict[str, Any]] = {}
        self._dataset: Dataset | None = None
        if spool_dir is not None:
            self._merge(provenance())
            self._merge(fields)
            self._writer = Writer(spool_dir / f"{self.run_id}{SUFFIX}", self._everything)
            self._writer.put("run", {**self._fields, **self._store})
            self._tell_observers("advisor_run_start")

    def snapshot(self) -> Run:
        """Return what is known of the run now."""
        return Run(**{**self._fields, "versions": {**self._fields["versions"]}, "extra": {**self._fields["extra"]}})

    @property
    def epochs_reported(self) -> int:
        """How many epochs were reported so far."""
        return len(self._epochs)

    @contained
    def update(self, **fields: Any) -> None:
        """Report facts about the run; what is given here goes before what plugins observe.

        Parameters
        ----------
        **fields
            Any field of ``Run``; other names are kept in its ``extra``, and so are values that cannot be one of
            their field. Secrets are removed. ``extra`` and ``versions`` are added to, not replaced.
        """
        with self._lock:
            self._given.update(name for name, value in fields.items() if value is not None and name not in _MERGED)
            self._take(fields)

    @contained
    def observed(self, **fields: Any) -> None:
        """Report facts that a plugin saw; where ``update`` was given one, that one stays."""
        with self._lock:
            self._take({name: value for name, value in fields.items() if name not in self._given})

    def _take(self, fields: Mapping[str, Any]) -> None:
        """Take facts in; the lock is held."""
        changed = {} if self._ended else self._merge(fields)
        if changed:
            self._writer.put("run", changed)

    @contained
    def set_dataset(self, dataset: Dataset) -> None:
        """Report which described dataset is trained on; what it is like comes into the store with the run."""
        with self._lock:
            if self._ended:
                return
            self._dataset = dataset
            self._writer.put("dataset", to_json(dataset))
            told = {name: getattr(dataset, name) for name in ("n_train", "n_eval", "n_classes")}
            unknown = {"dataset_name": dataset.name, **told}
            unknown = {name: value for name, value in unknown.items() if value and self._fields.get(name) is None}
            self._take({"dataset_id": dataset.dataset_id, **unknown})

    @contained
    def log_epoch(
        self,
        epoch: int | None = None,
        *,
        train_loss: float | None = None,
        train_top1: float | None = None,
        eval_loss: float | None = None,
        eval_top1: float | None = None,
        eval_top5: float | None = None,
        ema_eval_top1: float | None = None,
        lr: float | None = None,
        seconds: float | None = None,
        **further: Any,
    ) -> None:
        """Report an epoch's metrics.

        Parameters
        ----------
        epoch : int, optional
            Counted from 0; by default the one after the last reported. Reporting an epoch again adds to it.
        train_loss, eval_loss : float, optional
            Mean cross-entropy on the training and the validation images.
        train_top1, eval_top1, eval_top5 : float, optional
            Accuracies in percent; of the raw model, not of its moving average.
        ema_eval_top1 : float, optional
            Accuracy of the moving average on the validation images, in percent.
        lr : float, optional
            Learning rate of the epoch.
        seconds : float, optional
            How long it took.
        **further
            The last value of any other name, or that is no number, is kept in the run's ``extra``; the name is said
            once with the nearest known one.
        """
        metrics = {
            "train_loss": train_loss,
            "train_top1": train_top1,
            "eval_loss": eval_loss,
            "eval_top1": eval_top1,
            "eval_top5": eval_top5,
            "ema_eval_top1": ema_eval_top1,
            "lr": lr,
            "seconds": seconds,
            **further,
        }
        say_unknown_names("log_epoch", further, EPOCH_METRICS)
        with self._lock:
            if self._ended:
                return
            self.ends_by(None)  # what was about to end it has not
            number = max(self._epochs, default=-1) + 1 if epoch is None else int(epoch)
            given = {name: value for name, value in metrics.items() if value is not None}
            known, further = _metrics(given)
            merged = {"epoch": number, **self._epochs.get(number, {}), **known}
            self._epochs[number] = merged
            self._writer.put("epoch", merged)
            self._take({"extra": further})
            if self.observers:
                self._tell_observers("advisor_epoch_end", epoch=Epoch(run_id=self.run_id, **merged))

    @contained
    def ends_by(self, error: BaseException | None) -> None:
        """Note what is about to end the run, or that nothing is, without keeping hold of it; ``end`` is to follow."""
        self._ending = ended_by(error)

    @contained
    def end(self, status: Status | str | None = None, error: BaseException | str | None = None) -> None:
        """Report that the run is over; only the first time counts.

        Parameters
        ----------
        status : Status, optional
            By default, and where it is no status, what was reported by ``update(status=...)``, else what follows
            from the epochs and ``error`` (see ``advisor.records.outcome.outcome``).
        error : exception or str, optional
            What ended it. Ctrl-C means INTERRUPTED, ``sys.exit(0)`` nothing, anything else FAILED.
        """
        if self._ended:
            return
        for report in list(self._before_end):
            self._report(report)
        with self._lock:
            if self._ended:
                return
            self._ended = True
        try:
            with self._lock:  # not while closing: the writer may want it to write everything again
                self._writer.put("end", self._merge(self._last_fields(status, error)))
            self._tell_observers("advisor_run_end")
        finally:
            self.observers.close()
            in_time = self._writer.close(CLOSE_SECONDS)
        if not in_time:
            log_once("the end of a run", TimeoutError(f"its last lines were not on the disk after {CLOSE_SECONDS:g} s"))
        raise_contained()

    @contained
    def _report(self, held_back: Callable[[], None]) -> None:
        held_back()

    def _last_fields(self, status: Status | str | None, error: BaseException | str | None) -> dict[str, Any]:
        epochs = self._sorted_epochs()
        elapsed = time.monotonic() - self._began
        ended, message = self._ending if error is None else ended_by(error)
        fields = outcome(self._fields, epochs, ended)
        if status in list(Status):
            fields["status"] = Status(status)
        elif self._fields["status"] is not Status.RUNNING:
            fields["status"] = self._fields["status"]
        if message is not None:
            fields["error"] = message
            fields["out_of_memory"] = is_out_of_memory(message)
        if self._fields.get("train_seconds") is None:
            seconds = [epoch["seconds"] for epoch in epochs if epoch.get("seconds") is not None]
            fields["train_seconds"] = sum(seconds) if seconds else elapsed
        # Not the clock's time: it may have been set back since.
        fields["ended_at"] = self._fields["started_at"] + timedelta(seconds=elapsed)
        return fields

    def _merge(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Take facts in and return those that are new, as they go into a line."""
        changed: dict[str, Any] = {}
        extra = {}
        for name, value in fields.items():
            if name in _MERGED or name in _FIXED or (value is None and name in _NEVER_UNKNOWN):
                continue
            try:
                parsed = None if value is None else _PARSERS[name](value)
            except Exception as error:  # isolation: the value is of a foreign type, whose conversion may raise anything
                if is_interruption(error):
                    raise
                extra[name] = value
                continue
            if isinstance(parsed, str) and not isinstance(parsed, Enum):
                parsed = cut_paths(scrub_text(parsed), self._private_paths)
            if self._fields.get(name) != parsed or name not in self._fields:
                changed[name] = parsed
        self._fields.update(changed)
        for name, entries in (
            ("extra", {**extra, **(fields.get("extra") or {})}),
            ("versions", fields.get("versions")),
        ):
            known = self._fields[name]
            entries = cut_paths(scrub(plain(dict(entries or {}))), self._private_paths)
            new = {key: item for key, item in entries.items() if key not in known or known[key] != item}
            if new:
                self._fields[name] = {**known, **new}
                changed[name] = new
        return changed

    def _tell_observers(self, hook: str, **further: Any) -> None:
        if self.observers:
            self.observers.call(hook, run=self.snapshot(), **further)

    def _sorted_epochs(self) -> list[dict[str, Any]]:
        return [self._epochs[number] for number in sorted(self._epochs)]

    def _everything(self) -> Iterator[Entry]:
        with self._lock:
            fields, epochs, ended = {**self._fields}, self._sorted_epochs(), self._ended
        yield "run", {n: value for n, value in fields.items() if not (ended and n == "status")} | self._store
        if self._dataset is not None:
            yield "dataset", to_json(self._dataset)
        yield from (("epoch", epoch) for epoch in epochs)
        if ended:
            yield "end", {"status": fields["status"]}


def _metrics(given: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the metrics of an epoch, and what is none of them."""
    metrics: dict[str, float] = {}
    further: dict[str, Any] = {}
    for name, value in given.items():
        try:
            if name in EPOCH_METRICS:
                metrics[name] = float(value)
            else:
                further[name] = value
        except Exception as error:  # isolation: the value is of a foreign type, whose conversion may raise anything
            if is_interruption(error):
                raise
            further[name] = value
    return metrics, further
