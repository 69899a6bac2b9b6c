"""How much is read of what others made: one table of limits, and the readers that keep them.

A file may be a pipe that nobody writes, a link to ``/dev/zero``, a text of which every line names the one before twice,
or as large as the disk. Whoever reads one names what it is to be, and gets it whole or an ``OSError`` or ``ValueError``
that says why not.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

_MIB = 2**20


@dataclass(frozen=True)
class Bound:
    """What is read of one kind of file.

    Attributes
    ----------
    size : int
        Bytes; what is larger is refused before it is read.
    values : int
        Values in it, those that are named again (YAML's aliases) counted each time.
    depth : int
        How deep lists and mappings may lie in each other.
    seconds : float
        Processor time within which a file at these limits is read; tests hold it.
    """

    size: int
    values: int = 1_000_000
    depth: int = 32
    seconds: float = 60.0


BOUNDS: Mapping[str, Bound] = {
    # what a user writes by hand: pyproject.toml, the user's file, plans
    "settings": Bound(size=_MIB, values=100_000),
    # what a script was called with: args.yaml, config.json, what a checkpoint keeps of it
    "arguments": Bound(size=4 * _MIB, values=100_000),
    # what a training wrote while it went on: summary.csv, log.txt, one metric of MLflow
    "log": Bound(size=256 * _MIB),
    # what a training is started from, a zip file with its libraries at the most
    "script": Bound(size=1024 * _MIB),
    # what describes the files beside it: dataset_info.json, _info.json, lists of classes
    "sidecar": Bound(size=64 * _MIB),
    # lists of images with their labels: CSV and the like
    "table": Bound(size=2048 * _MIB),
    # what is read a piece at a time, and so may be of any size: archives, shards, databases, checkpoints
    "container": Bound(size=2**63 - 1),
}
"""Limits by the kind of what is read; sizes of single images and of archive members are in ``advisor.describe``."""


def open_bounded(path: str | os.PathLike[str], kind: str) -> BinaryIO:
    """Return a file opened for reading; never waits, as a named pipe would make it.

    Parameters
    ----------
    path : path-like
    kind : str
        Which of ``BOUNDS`` holds.

    Raises
    ------
    OSError
        If it cannot be read, is no regular file, or is larger than is read of its kind.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a null character in the name
        raise OSError(str(error)) from error
    try:
        found, most = os.fstat(handle), BOUNDS[kind].size
        if not stat.S_ISREG(found.st_mode):
            raise OSError("not a regular file")
        if found.st_size > most:
            raise OSError(f"larger than the {most:,} bytes that are read of such a file")
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def read_bounded(path: str | os.PathLike[str], kind: str, *, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Return the text of a file.

    Parameters
    ----------
    path : path-like
    kind : str
        Which of ``BOUNDS`` holds.
    encoding, errors : str
        As for ``open``.

    Raises
    ------
    OSError
        If it cannot be read, is no regular file, or is larger than is read of its kind.
    UnicodeDecodeError
        If it is no such text.
    """
    most = BOUNDS[kind].size
    with open_bounded(path, kind) as file:
        content = file.read(most + 1)  # files of /proc say that they are empty
    if len(content) > most:
        raise OSError(f"larger than the {most:,} bytes that are read of such a file")
    return content.decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")


def check_shape(value: Any, kind: str) -> None:
    """Raise ValueError if a value holds more, or lies deeper, than is read of its kind.

    Parameters
    ----------
    value : object
        What a parser made: lists, tuples, sets and mappings of each other; the same object may be in it many times.
    kind : str
        Which of ``BOUNDS`` holds.
    """
    bound = BOUNDS[kind]
    seen, level, depth = 0, [value], 0
    while level:
        seen += len(level)
        if seen > bound.values:
            raise ValueError(f"it holds more than {bound.values:,} values")
        if depth > bound.depth:
            raise ValueError(f"its values lie more than {bound.depth} deep")
        below: list[Any] = []
        for one in level:
            if isinstance(one, Mapping):
                below.extend(one.values())
            elif isinstance(one, (list, tuple, set, frozenset)):
                below.extend(one)
            if seen + len(below) > bound.values:
                break
        level, depth = below, depth + 1
