"""Reads the arguments that a training script left behind: args.yaml, a JSON file, or those inside a checkpoint."""

from __future__ import annotations

import functools
import json
import logging
import os
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from advisor import check_shape, open_bounded

logger = logging.getLogger("advisor.timm")

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ENTRY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*):(?: (\S.*))?")
_PLAIN = re.compile(r"''|(?!---|\.\.\.)[A-Za-z0-9_./+'-](?:(?!: | #).)*(?<![:\s])")
_NO_NAMES = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_EMPTY = {"{}": dict, "[]": list}
_NO_SCALAR, _BARE = object(), object()
_ITEM = "-"
_NUMPY_KINDS = {"b1": "?", "f2": "e", "f4": "f", "f8": "d", "i4": "i", "i8": "q", "u4": "I", "u8": "Q"}
_CHECKPOINTS = ("last.pth.tar", "model_best.pth.tar", "checkpoint-*.pth.tar", "last.pth", "checkpoint*.pth")


class _Loader(_SAFE):  # type: ignore[misc]
    """Reads what Python's objects were written as, and makes none: their tags are read over, their code is not run."""

    def untagged(self, tag: str, node: yaml.Node) -> Any:
        """Return the plain value under a tag: an object's state, a path's text, NumPy's number."""
        if isinstance(node, yaml.MappingNode):
            return self.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            items = self.construct_sequence(node, deep=True)
            if tag.endswith("Path"):
                return os.path.join("", *map(str, items))
            return _numpy_number(items) if tag.endswith("multiarray.scalar") else items
        return self.construct_scalar(node)


_Loader.add_multi_constructor("", _Loader.untagged)


def _numpy_number(items: list[Any]) -> Any:
    """Return the number that NumPy writes as its kind and its bytes."""
    match items:
        case [{"args": [str(kind), *_]}, bytes(content)] if kind in _NUMPY_KINDS:
            layout = f"<{_NUMPY_KINDS[kind]}"
            return struct.unpack(layout, content)[0] if struct.calcsize(layout) == len(content) else None
        case _:
            return None


def parse_yaml(text: str) -> dict[str, Any] | None:
    """Return what ``yaml.safe_load`` gives for a mapping, or None if the text is none.

    Tags of Python's objects, which that refuses, are read over: the values under them are taken and nothing is run.
    The flat files that timm writes are read line by line, each distinct line once in a process: ten thousand folders
    share most of theirs, and a whole parse takes milliseconds.
    """
    values = _flat(text.replace("\r\n", "\n"))
    if not values:
        try:
            values = yaml.load(text, Loader=_Loader)
        except (yaml.YAMLError, ValueError, RecursionError):
            return None
    return _arguments(values)


def _arguments(values: Any) -> dict[str, Any] | None:
    """Return a mapping of a size that somebody's arguments may have; None for anything else."""
    if not isinstance(values, dict):
        return None
    try:
        check_shape(values, "arguments")
    except ValueError:
        return None
    return values


def parse_json(text: str) -> dict[str, Any] | None:
    """Return the JSON object in a text, or None if it holds none."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _arguments(values)


def checkpoint_arguments(names: Iterable[str], folder: Path) -> dict[str, Any] | None:
    """Return the arguments kept in the newest-named checkpoint of a folder, as resolved by the script.

    Only weights and plain values are unpickled, and no weights are read. None without torch, without a checkpoint, or
    where one holds something else.

    Parameters
    ----------
    names : iterable of str
        Names of the files in the folder.
    folder : Path
        Where they are.
    """
    found = sorted(name for name in names if name.endswith((".pth.tar", ".pth")))
    for pattern in _CHECKPOINTS:
        matching = [name for name in found if Path(name).match(pattern)]
        if matching:
            return _read_checkpoint(folder / max(matching, key=lambda name: [int(n) for n in re.findall(r"\d+", name)]))
    return None


def _read_checkpoint(path: Path) -> dict[str, Any] | None:
    try:
        import torch
    except ImportError:
        logger.info("%s may hold resolved arguments; torch is needed to read it", path)
        return None
    from argparse import Namespace

    safe_globals = getattr(torch.serialization, "safe_globals", None)
    if safe_globals is None:  # before torch 2.5
        return None
    try:
        open_bounded(path, "container").close()
        with safe_globals([Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # isolation: pickles fail in every way, and the run can do without
        logger.info("%s cannot be read without running its code: %s", path, error)
        return None
    arguments = content.get("args") if isinstance(content, dict) else None
    return _arguments(vars(arguments) if isinstance(arguments, Namespace) else arguments)


def _flat(text: str) -> dict[str, Any] | None:
    """Return the mapping if each line is ``name: scalar`` or, after a bare ``name:``, ``- scalar``; else None."""
    values: dict[str, Any] = {}
    bare = None
    for line in text.split("\n"):
        name, value = _line(line)
        if value is _NO_SCALAR:
            return None
        if name == _ITEM:
            if bare is None:
                return None
            if values[bare] is None:
                values[bare] = []
            values[bare].append(value)
        elif name:
            bare = name if value is _BARE else None
            values[name] = None if value is _BARE else value() if value in _EMPTY.values() else value
    return values


@functools.lru_cache(maxsize=65_536)
def _line(line: str) -> tuple[str, Any]:
    """Return the name and value on a line; the value may be a mark, the name that of an item, or nothing."""
    if not line:
        return "", None
    if line.startswith("- "):
        return _ITEM, _scalar(line[2:])
    entry = _ENTRY.fullmatch(line)
    if entry is None or entry[1].lower() in _NO_NAMES:
        return "", _NO_SCALAR
    if entry[2] is None:
        return entry[1], _BARE
    return entry[1], _EMPTY.get(entry[2]) or _scalar(entry[2])


def _scalar(text: str) -> Any:
    """Return the value of a YAML scalar that is alone on its line, or the mark that it may be something else."""
    if not _PLAIN.fullmatch(text) or not text.isprintable():
        return _NO_SCALAR
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError):
        return _NO_SCALAR
    return _NO_SCALAR if isinstance(value, dict | list) else value
