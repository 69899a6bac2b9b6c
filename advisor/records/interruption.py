"""Tells what a script's own signal handlers raise from what fails in our code that they interrupt."""

from __future__ import annotations

from types import FrameType
from typing import Any


def is_interruption(error: BaseException) -> bool:
    """Return whether an exception came out of a signal handler, and is therefore the script's to see.

    A handler is called with the frame that it interrupts, which is the one before its own in the traceback.
    """
    if isinstance(error, KeyboardInterrupt):
        return True
    entry = error.__traceback__
    interrupted: FrameType | None = None
    while entry is not None:
        if interrupted is not None and any(_holds(value, interrupted) for value in entry.tb_frame.f_locals.values()):
            return True
        interrupted, entry = entry.tb_frame, entry.tb_next
    return False


def _holds(value: Any, frame: FrameType) -> bool:
    return value is frame or (type(value) is tuple and any(item is frame for item in value))
