"""Trials that the workers of an engine train, on any machine that shares the tuner's folders.

The tuner and the worker tell each other by files in the trial's folder: what the process is to do, and whether it runs
or has ended. The tuner makes both, and they are only ever written over: of a file that was not there a machine may not
see for half a minute, on a network's file system, that it is there now.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from advisor.collect.engine import PlacingEngine
from advisor.errors import AdvisorError
from advisor.tuning.training.process import TrialProcess

_ORDER, _STATUS = "order.txt", "status.txt"
_END: Literal["end"] = "end"
_KILL: Literal["kill"] = "kill"
_RUNS = "runs"
LOOK_SECONDS = 0.25
_KILLED = -int(getattr(signal, "SIGKILL", 9))


@dataclass(frozen=True)
class Placement:
    """What a worker needs to train a trial.

    Attributes
    ----------
    words : tuple of str
        What follows ``advisor run``.
    folder : Path
        The trial's, the same path on every machine.
    settings : mapping of str to str
        Variables of the environment.
    working_folder : Path
        Where the command line was given, which the paths on it start from.
    marker : Path
        A file beside the spools, which shows that theirs is the same folder too.
    """

    words: tuple[str, ...]
    folder: Path
    settings: Mapping[str, str]
    working_folder: Path
    marker: Path


class PlacedProcess:
    """A trial that a worker of an engine trains.

    Parameters
    ----------
    engine : PlacingEngine
        Whose worker.
    gpus : int
        How many the trial takes.
    placement : Placement
        What is trained.

    Attributes
    ----------
    told : float or None
        See ``Process``.
    """

    def __init__(self, engine: PlacingEngine, gpus: int, placement: Placement) -> None:
        self._engine, self._gpus, self._placement = engine, gpus, placement
        self._started: float | None = None
        self.told: float | None = None
        self._died = False
        self._error: BaseException | None = None
        placement.folder.mkdir(parents=True, exist_ok=True)
        for name in (_ORDER, _STATUS):
            (placement.folder / name).write_text("", encoding="utf-8")
        self._thread = threading.Thread(target=self._wait, name=f"advisor-{placement.folder.name}", daemon=True)
        self._thread.start()

    @property
    def started(self) -> float | None:
        """When a worker was seen to have begun with it, by the monotonic clock; None while there is no room for it."""
        if self._started is None and _read(self._placement.folder / _STATUS):
            self._started = time.monotonic()
        return self._started

    @property
    def status(self) -> int | None:
        """Its exit status, below 0 where a signal has killed it or its worker; None while it runs.

        Raises
        ------
        AdvisorError
            Once, if it could not be trained where it was placed.
        """
        if self._thread.is_alive():
            # What no worker has begun with is given up at once: whoever begins then looks first what it is told.
            return None if self.told is None or self.started is not None else _KILLED
        error, self._error = self._error, None
        if error is not None:
            raise error
        try:
            return _KILLED if self._died else int((self._placement.folder / _STATUS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 1

    def tell(self) -> None:
        """Tell the script to end, as by Ctrl-C."""
        self._order(_END)

    def kill(self) -> None:
        """Have it ended at once; ``status`` shows when it is."""
        self._order(_KILL)

    def _order(self, what: str) -> None:
        if self.told is None:
            self.told = time.monotonic()
        with suppress(OSError):
            (self._placement.folder / _ORDER).write_text(what, encoding="utf-8")

    def _wait(self) -> None:
        try:
            self._died = self._engine.place(train_here, self._placement, gpus=self._gpus).died
        except BaseException as error:  # raised again where the tuner looks
            self._error = error


class Placer:
    """Starts trials on an engine's workers.

    Parameters
    ----------
    engine : PlacingEngine
        Where.
    gpus : int
        GPUs of each trial.
    """

    def __init__(self, engine: PlacingEngine, gpus: int) -> None:
        self._engine, self._gpus = engine, gpus

    def start(self, words: Sequence[str], folder: Path, settings: Mapping[str, str]) -> PlacedProcess:
        """Start the training of a trial; the parameters are ``TrialProcess``'s."""
        marker = Path(settings["ADVISOR_SPOOL_DIR"], "shared-with-workers")
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
        return PlacedProcess(
            self._engine, self._gpus, Placement(tuple(words), folder, dict(settings), Path.cwd(), marker)
        )


def train_here(placement: Placement) -> None:
    """Train a trial in a process of this machine until it ends or is told to.

    Raises
    ------
    AdvisorError
        If a folder that this machine has to share with the tuner's is not here.
    """
    for path in (placement.folder, placement.working_folder, placement.marker):
        if not path.exists():
            raise AdvisorError(
                f"{path} is not there on {socket.gethostname()}",
                cause="who trains the trials of a tuning shares its folder, its working folder and the spools",
                hint="--folder A_SHARED_FOLDER, called in a shared folder, and `advisor config` for spool_dir",
            )
    status = placement.folder / _STATUS
    status.write_text(_RUNS, encoding="utf-8")
    if _read(placement.folder / _ORDER):  # it waited for room until it was not wanted any more
        return
    process = TrialProcess(placement.words, placement.folder, placement.settings, placement.working_folder)
    try:
        while process.status is None:
            order = _read(placement.folder / _ORDER)
            if order == _KILL:
                process.kill()
            elif order == _END:
                process.tell()
            time.sleep(LOOK_SECONDS)
    finally:
        process.tell()
    status.write_text(str(process.status), encoding="utf-8")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
