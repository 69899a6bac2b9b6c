"""``python -m advisor.tuning.training.attended LOCK run SCRIPT …``: `advisor run` that ends when its stdin does.

A tuner holds the other end: it closes it to let a trial wait, and a tuner that is killed lets go of it too, so that no
training is left behind that nobody waits for. Either way the script is told as by Ctrl-C, on which timm's train.py ends
cleanly; the next tuner goes on from its last checkpoint. It holds LOCK, a file, while it lives: who trains the same
trial next waits for it, so that no two ever write the same checkpoints.
"""

from __future__ import annotations

import _thread
import os
import runpy
import signal
import sys
import threading
import time

from filelock import FileLock

GRACE_SECONDS = 30.0
"""How long a script may take to end after it was told."""


def _end_with(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    script = threading.main_thread().ident
    if script is not None and hasattr(signal, "pthread_kill"):  # a true signal: it wakes a script that waits
        signal.pthread_kill(script, signal.SIGINT)
    else:
        _thread.interrupt_main()
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def main() -> None:
    """Run the command line of ``advisor``."""
    # Where a shell starts a tuner in the background its children ignore Ctrl-C; those of Ray's workers do not get it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    held = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_end_with, args=(held,), name="advisor-attended", daemon=True).start()
    with FileLock(sys.argv.pop(1), timeout=2 * GRACE_SECONDS):
        runpy.run_module("advisor", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
