"""Keeps what goes wrong in recording from reaching the training that is recorded."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

from advisor.records.interruption import is_interruption
from advisor.safe_text import one_line

logger = logging.getLogger("advisor.records")

TESTING = "ADVISOR_TESTING"
"""Environment variable that turns contained failures into raised ones, for tests of plugins and of this program."""

in_background: list[BaseException] = []
"""In test mode, the failures in threads that nobody waits on; raised when the run ends."""

_logged: set[tuple[str, type]] = set()

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def contained(method: F) -> F:
    """Make a method of an object with a ``_pid`` safe for the training it is called from.

    A failure is logged, once a place and kind, and None returned; what a signal handler of the script raises during
    that reaches the script. In another process than ``_pid``, such as a forked worker of a data loader, nothing is
    done at all.
    """

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        if os.getpid() != self._pid:
            return None
        try:
            return method(self, *args, **kwargs)
        except BaseException as error:  # isolation: recording must never change what a training does
            if is_interruption(error) or os.environ.get(TESTING):
                raise
            log_once(method.__qualname__, error)
            return None

    return guarded  # type: ignore[return-value]


def guarded(where: str, function: Callable[..., T], *arguments: Any) -> T | None:
    """Return what a function returns; where it fails, that is logged once and None returned."""
    try:
        return function(*arguments)
    except BaseException as error:  # isolation: recording must never change what a training does
        if is_interruption(error) or os.environ.get(TESTING):
            raise
        log_once(where, error)
        return None


def contain(where: str, error: BaseException) -> None:
    """Take in a failure on a background thread."""
    if os.environ.get(TESTING):
        in_background.append(error)
    log_once(where, error)


def raise_contained() -> None:
    """In test mode, raise what failed in the background."""
    if in_background and os.environ.get(TESTING):
        failures = list(in_background)
        in_background.clear()
        raise failures[0]


def log_once(where: str, error: BaseException) -> None:
    """Log a failure, once a place and kind."""
    key = (where, type(error))
    if key in _logged:
        return
    _logged.add(key)
    with contextlib.suppress(Exception):  # how a foreign exception becomes text, and where logs go, is foreign too
        logger.warning(
            "recording failed in %s and goes on without: %s: %s", where, type(error).__name__, one_line(str(error))
        )
        logger.debug("details", exc_info=error)
