"""What is done after a script: its exit status is decided, and nothing of ours may change it or keep it waiting."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from advisor.records.recording.containment import TESTING

logger = logging.getLogger("advisor.records")

# Taken now: what runs after a script must not depend on what it did to these modules.
_get, _set = signal.getsignal, signal.signal
_frames = sys._current_frames
_cancel_watchdog = faulthandler.cancel_dump_traceback_later
_in_main_thread = threading.main_thread().ident
_thread_ident = threading.get_ident
_timer = getattr(signal, "setitimer", None)
_LEFT_ALONE = {
    getattr(signal, name, None)
    for name in (
        *("SIGKILL", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGCONT", "SIGWINCH", "SIGURG", "SIGPIPE"),
        *("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS"),
    )
}
"""Signals that end nothing by themselves, cannot be caught, or say that the process is broken."""


class _Enough(BaseException):
    """Someone wants the process gone, or the time is up."""


def undisturbed(action: Callable[[], None], seconds: float) -> None:
    """Do something after a script has ended, as far as it can be done.

    Whatever it raises stays here. A signal that would have found the process gone, had it not been for us, ends the
    action and not the process, and so does the time limit, where the system has timers. A handler that the script left
    behind is not called, and a watchdog of ``faulthandler`` that it set is called off.

    Parameters
    ----------
    action : callable
    seconds : float
        How long it may take.
    """
    try:
        _cancel_watchdog()
        with _signals_end_it(seconds):
            action()
    except _Enough:
        with suppress(BaseException):
            logger.info("ended early, as a signal came or time was up")
    except BaseException as error:  # isolation: the script is over, and this is nobody's error any more
        testing = False
        with suppress(BaseException):  # all of these may be replaced
            logger.info("failed: %r", error)
            testing = bool(os.environ.get(TESTING))
        if testing:
            raise


def threads_go_on() -> bool:
    """Return whether the script has left threads behind that end with the process.

    While we wait they would do what they never come to without us: print, fail, end the process in their way.
    """
    ours = {thread.ident for thread in threading.enumerate() if thread.name.startswith("advisor-")}
    return bool(set(_frames()) - ours - {_thread_ident()})


@contextmanager
def _signals_end_it(seconds: float) -> Iterator[None]:
    if _thread_ident() != _in_main_thread:  # signals are the main thread's
        yield
        return
    over = False

    def end(*_: Any) -> None:
        nonlocal over
        if not over:
            over = True
            raise _Enough

    before = {}
    timer = (0.0, 0.0)
    try:
        with suppress(OSError, ValueError):
            for number in signal.valid_signals() - _LEFT_ALONE:
                handler = _get(number)
                if number == getattr(signal, "SIGCHLD", None):
                    before[number] = _set(number, signal.SIG_DFL)
                elif handler not in (None, signal.SIG_IGN):  # ignored on purpose, or not Python's
                    before[number] = _set(number, end)
        if _timer is not None:
            timer = _timer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        over = True
        if _timer is not None:
            _timer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            _set(number, handler)
        if (
            _timer is not None and timer[0]
        ):  # the script's goes on where it was: it must not find us in its way, nor be lost
            _timer(signal.ITIMER_REAL, *timer)
