"""Reads the arguments that a training script left behind: args.yaml, a JSON file, or those inside a checkpoint."""

from __future__ import annotations

import functools
import json
import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

logger = logging.getLogger("advisor.timm")

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ENTRY = re.compile(r"([A-Za-z_][\w.-]*):(?: (\S.*))?")
_CHECKPOINTS = ("last.pth.tar", "model_best.pth.tar", "checkpoint-*.pth.tar", "last.pth", "checkpoint*.pth")


def parse_yaml(text: str) -> dict[str, Any] | None:
    """Return what ``yaml.safe_load`` gives for a mapping, or None if the text is none.

    The flat files that timm writes are read line by line, each distinct line once in a process: ten thousand folders
    share most of theirs, and a whole parse takes milliseconds.
    """
    values = _flat(text.splitlines())
    if values is None:
        try:
            values = yaml.load(text, Loader=_LOADER)
        except (yaml.YAMLError, ValueError, RecursionError):
            return None
    return values if isinstance(values, dict) else None


def parse_json(text: str) -> dict[str, Any] | None:
    """Return the JSON object in a text, or None if it holds none."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


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
        with safe_globals([Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # isolation: pickles fail in every way, and the run can do without
        logger.info("%s cannot be read without running its code: %s", path, error)
        return None
    arguments = content.get("args") if isinstance(content, dict) else None
    return vars(arguments) if isinstance(arguments, Namespace) else arguments if isinstance(arguments, dict) else None


def _flat(lines: list[str]) -> dict[str, Any] | None:
    """Return the mapping that the lines hold if each is ``name: scalar`` or, after ``name:``, ``- scalar``."""
    values: dict[str, Any] = {}
    name = None
    try:
        for line in lines:
            if line.startswith("- ") and name is not None and (values[name] is None or type(values[name]) is list):
                if values[name] is None:
                    values[name] = []
                values[name].append(_scalar(line[2:]))
                continue
            entry = _ENTRY.fullmatch(line)
            if entry is None:
                return None
            if name is not None and isinstance(values[name], tuple):
                return None
            # Only a name without any value may be followed by items.
            values[entry[1]] = None if entry[2] is None else _scalar(entry[2])
            name = entry[1] if entry[2] is None else None
    except _NotScalarError:
        return None
    return values


class _NotScalarError(Exception):
    pass


@functools.lru_cache(maxsize=65_536)
def _scalar(text: str) -> Any:
    """Return the value of a YAML scalar on one line, or an empty list."""
    if (
        text[0] in "|>&*!%@`?{#"
        or text.startswith(("- ", "? ", "["))
        and text != "[]"
        or ": " in text
        or " #" in text
        or text[-1] == ":"
    ):
        raise _NotScalarError
    try:
        value = yaml.load(text, Loader=_LOADER)
    except (yaml.YAMLError, ValueError) as error:
        raise _NotScalarError from error
    if isinstance(value, (dict, list)) and value:
        raise _NotScalarError
    return value
