"""What a fault is, and what is done to the folder of a training."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

BEFORE = "Nothing of ours keeps a script from starting"
AFTER = "Nothing of ours changes how it ends"
BESIDE = "The script cannot tell that it is recorded"
UNASKED = "Nothing runs that nobody asked for"
MACHINE = "What breaks on the machine breaks no training"
ENDS = frozenset({"end"})
STDERR = frozenset({"stderr"})


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    name : str
        What is wrong.
    promise : str
        What must hold all the same.
    first, middle, last : str
        Code that the script runs before its imports, after its second epoch, and at its end.
    environ : mapping
        Environment variables; None removes one. ``{folder}`` is the folder of the script.
    prepare : callable, optional
        Changes the folder of the script.
    shell : str
        What a shell does before it becomes the training.
    tags : frozenset of str
        Faults that share one do not go together: they do the same thing, or what one needs the other takes away.
    """

    name: str
    promise: str
    first: str = ""
    middle: str = ""
    last: str = ""
    environ: Mapping[str, str | None] = field(default_factory=dict)
    prepare: Callable[[Path], None] | None = None
    shell: str = ""
    tags: frozenset[str] = frozenset()


def file(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Return what writes a file into the folder."""

    def prepare(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return prepare


def files(names: Iterable[str], content: str) -> Callable[[Path], None]:
    """Return what writes files of one content."""

    def prepare(folder: Path) -> None:
        for name in names:
            file(name, content)(folder)

    return prepare


def loop(name: str) -> Callable[[Path], None]:
    """Return what makes a link that leads to itself, which nobody can read."""

    def prepare(folder: Path) -> None:
        (folder / name).symlink_to(name)

    return prepare


def pipe(name: str) -> Callable[[Path], None]:
    """Return what makes a pipe, which never ends."""

    def prepare(folder: Path) -> None:
        os.mkfifo(folder / name)

    return prepare
