"""Runs a Python script as ``python SCRIPT ARGS...`` would."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any


def run_script(source: bytes, path: Path, arguments: Sequence[str]) -> None:
    """Execute a script as ``__main__``; whatever it raises, ``SystemExit`` included, passes through.

    A traceback that reaches the user has the frames that it would have without us.

    Parameters
    ----------
    source : bytes
        The content of the script.
    path : Path
        The script: the first of ``sys.argv``, its folder the first of ``sys.path``.
    arguments : sequence of str
        The rest of ``sys.argv``.
    """
    file = str(path.absolute())
    script = ModuleType("__main__")
    script.__dict__.update(
        __file__=file, __builtins__=__builtins__, __cached__=None, __loader__=SourceFileLoader("__main__", file)
    )
    script.__package__ = None
    sys.modules["__main__"] = script
    sys.argv[:] = [str(path), *arguments]
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0:1] = [str(path.resolve().parent)]
    try:
        exec(compile(source, file, "exec", dont_inherit=True), script.__dict__)
    except BaseException:
        sys.excepthook = _without_our_frames(sys.excepthook)
        raise


ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], Any]


def _without_our_frames(hook: ExceptHook) -> ExceptHook:
    def shorten_and_show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        seen: set[int] = set()
        linked: list[BaseException | None] = [error]
        while linked:
            link = linked.pop()
            if link is not None and id(link) not in seen:
                seen.add(id(link))
                link.__traceback__ = _shortened(link.__traceback__)
                linked += [link.__cause__, link.__context__]
        hook(kind, error, error.__traceback__)

    return shorten_and_show


def _shortened(traceback: TracebackType | None) -> TracebackType | None:
    """Leave out what led to the script and, within it, functions that say ``__tracebackhide__``."""
    entries = []
    while traceback is not None:
        entries.append(traceback)
        if traceback.tb_frame.f_code is run_script.__code__:
            entries.clear()
        traceback = traceback.tb_next
    shortened = None
    for entry in reversed(entries):
        if not entry.tb_frame.f_locals.get("__tracebackhide__"):
            shortened = TracebackType(shortened, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return shortened
