"""A tuning on disk: what was asked, and each trial, beside its folder; runs and epochs are in the store, by name."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from advisor.errors import AdvisorError, UsageError
from advisor.records.schema import Epoch, Run, new_id
from advisor.records.store.store import Store
from advisor.tuning.trials import Trial, trial_name

SCHEMA = "advisor.tuning/1"
_SESSION, _CLOCK = "tuning.json", "seconds.json"
CHECKPOINT, SUMMARY = "last.pth.tar", "summary.csv"
_LINKED_NS = 200_000_000
_DRAWN = 5
"""Characters of a new id that tell tunings apart."""


class Session:
    """The folder of a tuning, and what the store knows of its trials.

    Parameters
    ----------
    folder : Path
        The folder; ``create`` makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    @property
    def exists(self) -> bool:
        """Whether a tuning was begun here."""
        return (self.folder / _SESSION).is_file()

    def create(self, asked: Mapping[str, Any]) -> None:
        """Begin a tuning; ``asked`` are JSON values.

        Raises
        ------
        UsageError
            If another process has begun one here, or is about to.
        """
        _make_folder(self.folder)
        with self.held():
            if self.exists:
                raise UsageError(f"another process has begun to tune in {self.folder}", hint="give the command again")
            # Another folder may be called the same, and its runs may be in the same store.
            name = f"{self.folder.name}-{new_id()[-_DRAWN:]}"
            write_whole(self.folder / _SESSION, {"schema": SCHEMA, "name": name, **asked})

    @functools.cached_property
    def name(self) -> str:
        """What its runs are called, before the names of the trials."""
        return str(self.asked["name"])

    @property
    def asked(self) -> dict[str, Any]:
        """What it was begun with.

        Raises
        ------
        AdvisorError
            If it cannot be read, or another version wrote it.
        """
        path = self.folder / _SESSION
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            schema = found["schema"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AdvisorError(
                f"no tuning can be read in {self.folder}", cause=str(error), hint="advisor tune SCRIPT [ARGUMENTS...]"
            ) from error
        if schema != SCHEMA:
            raise AdvisorError(f"the tuning in {self.folder} is of another version, {schema}", hint="--folder ANOTHER")
        return found

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from tuning here during this.

        Raises
        ------
        UsageError
            If one does.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / "tuning.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UsageError(
                f"another process tunes in {self.folder}", hint="wait for it, or see it with `advisor tune --report`"
            ) from error
        try:
            yield
        finally:
            lock.release()

    @property
    def seconds(self) -> float:
        """How long was tuned here so far."""
        try:
            return float(json.loads((self.folder / _CLOCK).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return 0.0

    @seconds.setter
    def seconds(self, value: float) -> None:
        write_whole(self.folder / _CLOCK, round(value, 2))

    def trial_folder(self, trial: Trial) -> Path:
        """Return where a trial writes."""
        return self.folder / trial.name

    def run_name(self, trial: Trial) -> str:
        """Return what the runs of a trial are called."""
        return f"{self.name}/{trial.name}"

    def save(self, trial: Trial) -> None:
        """Keep what the store does not know of a trial, where it is safe from who makes room in its folder."""
        _make_folder(self.trial_folder(trial))
        write_whole(self._document(trial.number), trial.to_document())

    def _document(self, number: int) -> Path:
        return self.folder / f"{trial_name(number)}.json"

    def trials(self, store: Store) -> list[Trial]:
        """Return the trials in the order of their beginning, as the store knows them now.

        Raises
        ------
        AdvisorError
            If what was kept of one cannot be read.
        """
        found = []
        for number in range(len(list(self.folder.glob("trial-*.json")))):
            path = self._document(number)
            try:
                document = json.loads(path.read_text(encoding="utf-8"))
                found.append(self.refreshed(Trial.from_document(document), store))
            except (OSError, ValueError, KeyError, TypeError) as error:
                hint = "--folder ANOTHER; what was trained here counts there as your own runs"
                raise AdvisorError(f"{path} cannot be read", cause=str(error), hint=hint) from error
        return found

    def refreshed(self, trial: Trial, store: Store) -> Trial:
        """Return a trial with its runs and epochs as the store knows them now."""
        runs = self.runs(trial, store)
        if not runs:
            return trial
        epochs: list[Epoch] = []
        recorded, restarted = 0, False
        for run in runs:
            found = store.epochs(run.run_id)
            recorded += len(found)
            restarted |= bool(epochs and found and run.extra.get("resume") and found[0].epoch == epochs[0].epoch)
            # One that went on from an earlier epoch, or from the first, takes the place of what came after it.
            epochs = [epoch for epoch in epochs if not found or epoch.epoch < found[0].epoch] + found
        lost = recorded - len(epochs)
        too_large = min((run.batch_size for run in runs if run.out_of_memory and run.batch_size), default=None)
        return replace(trial, run=runs[-1], epochs=tuple(epochs), lost=lost, restarted=restarted, too_large=too_large)

    def runs(self, trial: Trial, store: Store) -> list[Run]:
        """Return the recorded runs of a trial, the earliest first."""
        return sorted(store.runs(name=self.run_name(trial)), key=lambda run: run.run_id)

    def checkpoint(self, trial: Trial) -> Path | None:
        """Return the checkpoint that a trial goes on from; None where it has none."""
        path = self.trial_folder(trial) / CHECKPOINT
        return path if path.is_file() else None

    def can_wait(self, trial: Trial) -> bool:
        """Return whether the last recorded epoch of a trial is in its checkpoint: that is written after the summary.

        The script links it to other names at once, which it is given the time for.
        """
        try:
            checkpoint = (self.trial_folder(trial) / CHECKPOINT).stat()
            summary = (self.trial_folder(trial) / SUMMARY).stat()
        except OSError:
            return False
        return summary.st_mtime_ns <= checkpoint.st_mtime_ns < time.time_ns() - _LINKED_NS


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(path, error) from error


def write_whole(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all.

    Raises
    ------
    AdvisorError
        If it cannot be written.
    """
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> AdvisorError:
    return AdvisorError(
        f"{path} cannot be written", cause=error.strerror or str(error), hint="make room, and call it again"
    )
