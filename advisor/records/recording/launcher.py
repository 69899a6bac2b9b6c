"""Runs a Python script as ``python SCRIPT ARGS...`` would: a source or bytecode file, a folder or zip file."""

from __future__ import annotations

import builtins
import marshal
import pkgutil
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader, SourcelessFileLoader
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

_HEADER_OF_BYTECODE = 16
_FIRST_OF_OURS = ("runpy", "advisor")
"""What starts this program; ``sys.modules`` is in order, and before these stands what Python itself has loaded."""


def run_script(source: bytes, path: Path, arguments: Sequence[str]) -> None:
    """Execute a script as ``__main__``; whatever it raises, ``SystemExit`` included, passes through.

    A traceback that reaches the user has the frames that it would have without us.

    Parameters
    ----------
    source : bytes
        The content of the script; that of a folder or a zip file is not looked at.
    path : Path
        The script: the first of ``sys.argv``, its folder the first of ``sys.path``.
    arguments : sequence of str
        The rest of ``sys.argv``.
    """
    file = str(path.absolute())
    is_bytecode = path.suffix == ".pyc" or source.startswith(MAGIC_NUMBER)
    script = ModuleType("__main__")
    script.__dict__.update(__builtins__=builtins, __annotations__={})
    script.__package__ = None
    sys.modules["__main__"] = script
    sys.argv[:] = [str(path), *arguments]
    place = file if is_package(path) else str(path.resolve().parent)
    _forget_what_lies_in(place)
    try:
        if is_package(path):
            sys.path[: 0 if _is_path_safe() else 1] = [place]
            runpy._run_module_as_main("__main__", alter_argv=False)  # type: ignore[attr-defined]
        else:
            if not _is_path_safe():
                sys.path[0:1] = [place]
            loader = SourcelessFileLoader if is_bytecode else SourceFileLoader
            script.__dict__.update(__file__=file, __cached__=None, __loader__=loader("__main__", file))
            exec(_code_of(source) if is_bytecode else compile(source, file, "exec", dont_inherit=True), vars(script))
    except BaseException:
        sys.excepthook = _without_our_frames(sys.excepthook)
        raise


def is_package(path: Path) -> bool:
    """Tell whether Python would look for ``__main__.py`` in a script: in a folder or a zip file."""
    return pkgutil.get_importer(str(path.absolute())) is not None


def modules_in(place: str) -> Iterator[tuple[str, ModuleSpec]]:
    """Yield the modules that were loaded for us and of which a script there has one of its own, by name."""
    names = list(sys.modules)
    began = min((names.index(name) for name in _FIRST_OF_OURS if name in names), default=len(names))
    for name in names[began:]:
        if "." not in name and name != "__main__":
            found = PathFinder.find_spec(name, [place])
            if found is not None and found.loader is not None and found.has_location:
                known = getattr(sys.modules[name], "__spec__", None)
                if known is None or known.origin != found.origin:
                    yield name, found


def _forget_what_lies_in(place: str) -> None:
    """Let the script import its own modules where we have loaded others of their names; ours keep theirs."""
    for name, _ in list(modules_in(place)):
        for loaded in list(sys.modules):
            if loaded == name or loaded.startswith(f"{name}."):
                del sys.modules[loaded]


def _is_path_safe() -> bool:
    return bool(getattr(sys.flags, "safe_path", False))


def _code_of(bytecode: bytes) -> CodeType:
    __tracebackhide__ = True
    if not bytecode.startswith(MAGIC_NUMBER):
        raise RuntimeError("Bad magic number in .pyc file")
    code = marshal.loads(bytecode[_HEADER_OF_BYTECODE:])
    if not isinstance(code, CodeType):
        raise RuntimeError("Bad code object in .pyc file")
    return code


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
