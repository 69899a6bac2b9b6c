"""Watches a function without replacing it: its code is exchanged, the object stays the one that everybody holds.

References that were taken before, pickles by reference and by value, ``inspect``, and what ``torch.compile`` traces are
therefore those of the function as it was. The new code holds the old one as a constant, so that a copy that a pool
of processes unpickles runs the same there, where nobody watches.
"""

from __future__ import annotations

import inspect
import itertools
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, TypeGuard

from advisor_timm.call import Call

_UNWATCHABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
"""What such a function returns has not run yet."""
# A word that no parameter of anybody's is called by stands before each name of ours.
_SOURCE = """
def make({free}):
    def watched({parameters}):
        __tracebackhide__ = True
        def _advisor_original():
            {free_or_pass}
        import sys as _advisor_sys
        _advisor_watching = _advisor_sys.modules.get({module!r})
        if _advisor_watching is None or _advisor_watching.is_compiling():
            return _advisor_original({arguments})
        _advisor_call = _advisor_watching.begin({key!r})
        try:
            _advisor_result = _advisor_original({arguments})
        except BaseException as _advisor_error:
            _advisor_call.raised(_advisor_error)
            raise
        _advisor_call.returned(({positional}), {{{named}}}, _advisor_result)
        return _advisor_result
    return watched
"""


@dataclass(frozen=True)
class Watch:
    """A function that is watched.

    Parameters
    ----------
    function : function
    original : code
        What it runs.
    code : code
        What it runs while it is watched.
    key : str
        Names it in ``code``, in this process only.
    """

    function: FunctionType
    original: CodeType
    code: CodeType
    key: str

    def end(self) -> None:
        """Give the function its own code back; where someone has exchanged it since, ours only calls the original."""
        _watched.pop(self.key, None)
        if self.function.__code__ is self.code:
            self.function.__code__ = self.original


def watch(function: FunctionType, returned: Callable[[Call], None], raised: Callable[[BaseException], None]) -> Watch:
    """Have every later call of a function reported.

    Parameters
    ----------
    function : function
        One that ``is_watchable``.
    returned, raised : callable
        Told of a call that has returned, or raised, before its caller is; neither may raise.
    """
    global is_compiling
    parameters = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    is_compiling = getattr(getattr(sys.modules.get("torch"), "compiler", None), "is_compiling", is_compiling)
    key = f"{os.getpid()}-{next(_numbers)}"
    watch = Watch(function, function.__code__, _watching_code(function.__code__, key), key)
    _watched[key] = (parameters, returned, raised)
    function.__code__ = watch.code
    return watch


def is_watchable(function: Any) -> TypeGuard[FunctionType]:
    """Tell whether this is a plain Python function that is not watched yet."""
    if not isinstance(function, FunctionType):
        return False
    code = function.__code__
    return not code.co_flags & _UNWATCHABLE and "_advisor_watching" not in code.co_varnames


def begin(key: str) -> _Call:
    """Begin the call of a watched function; called by its code."""
    return _Call(key, time.perf_counter())


def _nothing_is_compiled() -> bool:
    return False


is_compiling: Callable[[], bool] = _nothing_is_compiled
"""PyTorch's, as soon as that is loaded: its compiler knows it, and then sees the original code only."""
_numbers = itertools.count()
_watched: dict[
    str, tuple[dict[str, Any], Callable[[Call], None], Callable[[BaseException], None]]
] = {}  # by key: parameters with their defaults, who is told of returns, and of exceptions


class _Call:
    """A call that is going on."""

    __slots__ = ("_key", "_started")

    def __init__(self, key: str, started: float) -> None:
        self._key = key
        self._started = started

    def returned(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        found = _watched.get(self._key)
        if found is not None:
            parameters, returned, _ = found
            returned(Call(parameters, args, kwargs, result, time.perf_counter() - self._started))

    def raised(self, error: BaseException) -> None:
        found = _watched.get(self._key)
        if found is not None:
            found[2](error)


def _watching_code(original: CodeType, key: str) -> CodeType:
    """Return code with the parameters, free variables and place of the original, which it calls and reports on."""
    positional = original.co_varnames[: original.co_argcount]
    rest = list(original.co_varnames[original.co_argcount :])
    only_named, rest = rest[: original.co_kwonlyargcount], rest[original.co_kwonlyargcount :]
    collected = [f"*{rest.pop(0)}"] if original.co_flags & inspect.CO_VARARGS else []
    further = [f"**{rest.pop(0)}"] if original.co_flags & inspect.CO_VARKEYWORDS else []
    parameters = [*positional, *(collected or (["*"] if only_named else [])), *only_named, *further]
    if original.co_posonlyargcount:
        parameters.insert(original.co_posonlyargcount, "/")
    source = _SOURCE.format(
        free=", ".join(original.co_freevars),
        free_or_pass="; ".join(original.co_freevars) or "pass",
        parameters=", ".join(parameters),
        arguments=", ".join([*positional, *collected, *(f"{name}={name}" for name in only_named), *further]),
        positional="".join(f"{name}, " for name in [*positional, *collected]),
        named=", ".join([*(f"{name!r}: {name}" for name in only_named), *further]),
        module=__name__,
        key=key,
    )
    code = compile(source, original.co_filename, "exec", dont_inherit=True)
    for _ in ("make", "watched"):
        code = next(constant for constant in code.co_consts if isinstance(constant, CodeType))
    if code.co_freevars != original.co_freevars:
        raise ValueError(f"{original.co_name} has free variables that cannot be named: {original.co_freevars}")
    constants = tuple(original if isinstance(constant, CodeType) else constant for constant in code.co_consts)
    place: dict[str, Any] = {"co_name": original.co_name, "co_firstlineno": original.co_firstlineno}
    if sys.version_info >= (3, 11):
        place["co_qualname"] = original.co_qualname
    return code.replace(co_consts=constants, **place)
