"""Cuts the private beginnings of paths, such as ``/home/alice``, out of what is about to be recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARK = "~"


def cut_paths(value: Any, prefixes: Sequence[str]) -> Any:
    """Return a JSON value in which every path that begins with one of the prefixes begins with ``~`` instead.

    A prefix counts where a path begins with it in full: ``/home/al`` leaves ``/home/alice`` and ``/data/home/al``
    alone. Paths are found anywhere in a text, an error's message for example.

    Parameters
    ----------
    value : object
        A JSON value; texts are changed at any depth, names are not.
    prefixes : sequence of str
        Absolute paths of folders, without a slash at the end.
    """
    if not prefixes:
        return value
    longest_first = sorted(prefixes, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w.~/\\-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w.-])")
    return _cut(value, pattern)


def _cut(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(_MARK, value)
    if isinstance(value, Mapping):
        return {name: _cut(item, pattern) for name, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, pattern) for item in value]
    return value
