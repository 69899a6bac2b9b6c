"""``advisor run --watch``: the run is watched by ``advisor watch`` in a process of its own, which speaks on stderr."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from advisor import hookimpl
from advisor.helper_process import helper_process
from advisor.records.recording.undisturbed import threads_go_on

if TYPE_CHECKING:
    from advisor.records.schema import Run

LAST_WORDS_SECONDS = 30.0
"""How long the end of the script may wait for what is said of the end of its run."""
_STDERR = 2

logger = logging.getLogger("advisor.run")


class Watching:
    """Observes that runs begin, on the recorder's thread, and starts a watching process for each.

    Such a process reads the spool, as anyone may; nothing of it reaches the script, and its failure is only logged.

    Parameters
    ----------
    settings : mapping of str to str
        Variables of the environment that give the process the settings of the run's.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._stderr = _copy_of_stderr()
        self._processes: list[subprocess.Popen[bytes]] = []

    @hookimpl
    def advisor_run_start(self, run: Run) -> None:
        """Start watching a run."""
        self._processes.append(
            subprocess.Popen(
                **helper_process(["watch", run.run_id], self._settings),
                stdin=subprocess.DEVNULL,
                stdout=self._stderr,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for the script; the run's end ends the watching
            )
        )

    def finish(self) -> None:
        """Wait for what is said of the ends of the runs; what takes longer is not said."""
        for process in self._processes:
            if threads_go_on():
                process.returncode = 0  # it has its say by itself; else Python warns of that
                continue
            with suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
                process.wait(LAST_WORDS_SECONDS)
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.returncode:
                logger.warning("the run was not watched to its end; `advisor watch` says more")
        if self._stderr >= 0:
            os.close(self._stderr)


def _copy_of_stderr() -> int:
    """Return the stderr of the beginning: a script may close it, and open a file of its own in its place."""
    try:
        return os.dup(_STDERR)
    except OSError:  # there is none
        return subprocess.DEVNULL
