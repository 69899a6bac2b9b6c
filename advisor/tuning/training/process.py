"""The process that trains a trial: `advisor run` with the trial's arguments, its output kept in a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from advisor.helper_process import helper_process

_ATTENDED = "advisor.tuning.training.attended"
LOG, LOCK = "train.log", "training.lock"


class Process(Protocol):
    """A trial in training, wherever that is."""

    @property
    def started(self) -> float | None:
        """When it began, by the monotonic clock; None while there is no room for it."""

    @property
    def told(self) -> float | None:
        """When it was told to end, by the same clock; None where it was not."""

    @property
    def status(self) -> int | None:
        """Its exit status, below 0 where a signal has killed it; None while it runs."""

    def tell(self) -> None:
        """Tell the script to end, as by Ctrl-C."""

    def kill(self) -> None:
        """End it at once."""


Start = Callable[[Sequence[str], Path, Mapping[str, str]], Process]
"""Starts the training of a trial; the parameters are ``TrialProcess``'s."""


class TrialProcess:
    """A trial that is being trained.

    Parameters
    ----------
    words : sequence of str
        What follows ``advisor run``.
    folder : Path
        The trial's, where what the script prints is added to ``train.log``.
    settings : mapping of str to str
        Variables of the environment: the store and the spools that the tuner reads.
    working_folder : Path, optional
        Where the script runs; by default where this process does.

    Attributes
    ----------
    started, told : float or None
        See ``Process``.
    """

    def __init__(
        self, words: Sequence[str], folder: Path, settings: Mapping[str, str], working_folder: Path | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        self.told: float | None = None
        # Not as other helpers are started: the script imports what lies beside it.
        attended = [sys.executable, "-m", _ATTENDED, str(folder / LOCK), "run", *words]
        command = {**helper_process((), settings), "args": attended}
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                **command,
                cwd=working_folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=os.name != "nt",  # a Ctrl-C is for the tuner
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, below 0 where a signal has killed it; None while it runs."""
        return self._process.poll()

    def tell(self) -> None:
        """Tell the script to end, as by Ctrl-C."""
        if self.told is None:
            self.told = time.monotonic()
            assert self._process.stdin is not None
            with suppress(OSError):
                self._process.stdin.close()

    def kill(self) -> None:
        """End it and what it has started at once."""
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "nt":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            self.tell()
        self._process.wait()
