"""Sees with what status a script ends itself: ``sys.exit`` leaves no trace that ``atexit`` could read."""

from __future__ import annotations

import builtins
import functools
import opcode
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol


class _Ending(Protocol):
    def ends_by(self, error: BaseException | None) -> None: ...


class _Recorder(Protocol):
    @property
    def active(self) -> _Ending | None: ...


def watch_exits(recorder: _Recorder) -> FrameType | None:
    """Tell the active run of ``sys.exit``, ``exit`` and ``quit``, from now on.

    Parameters
    ----------
    recorder : Recorder

    Returns
    -------
    frame or None
        That of the script's own lines, which these may not leave: someone may catch what they raise.
    """

    def watched(function: Callable[..., Any], position: int) -> Callable[..., Any]:
        @functools.wraps(function)
        def exit(*arguments: Any, **named: Any) -> Any:
            if recorder.active is not None:
                recorder.active.ends_by(SystemExit(*arguments[position:], *named.values()))
            return function(*arguments, **named)

        exit._advisor_watches = True  # type: ignore[attr-defined]
        return exit

    if not hasattr(sys.exit, "_advisor_watches"):
        sys.exit = watched(sys.exit, 0)
        quitter = type(getattr(builtins, "exit", None))
        if quitter.__module__ == "_sitebuiltins":
            quitter.__call__ = watched(quitter.__call__, 1)  # type: ignore[method-assign]
    main = vars(sys.modules["__main__"])
    frame: FrameType | None = sys._getframe()
    while frame is not None and not (frame.f_globals is main and frame.f_code.co_name == "<module>"):
        frame = frame.f_back
    return frame


def has_returned(frame: FrameType) -> bool:
    """Tell whether a finished frame came to its end, rather than being left by an exception."""
    return opcode.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")
