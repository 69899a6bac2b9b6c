"""The process that trains a trial: `advisor run` with the trial's arguments, its output kept in a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from advisor.helper_process import helper_process

_ATTENDED = "advisor.tuning.attended"
LOG = "train.log"


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
    """

    def __init__(self, words: Sequence[str], folder: Path, settings: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        self.told: float | None = None
        # Not as other helpers are started: the script imports what lies beside it.
        command = {**helper_process((), settings), "args": [sys.executable, "-m", _ATTENDED, "run", *words]}
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                **command,
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
        """Its exit status; None while it runs."""
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
