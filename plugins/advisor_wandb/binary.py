"""Reads the ``.wandb`` file that a run writes: records of protocol buffers in the log format of LevelDB.

The file is a header of seven bytes and blocks of 32 KiB; a record that does not fit into a block goes on in the next
(https://github.com/google/leveldb/blob/main/doc/log_format.md). Of the records' fields, numbered as in
wandb_internal.proto, only those are looked at that tell the run, its arguments, its metrics and how it ended. A file
that was cut, as that of a killed run, is read up to there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from advisor import open_bounded
from advisor_wandb.tracked import Tracked

_MAGIC = b":W&B"
_FILE_HEADER, _RECORD_HEADER = 7, 7
_BLOCK = 32_768
_FULL, _FIRST, _LAST = 1, 2, 4
_MOST_RECORD = 64 * 2**20
# Fields of a Record, of a RunRecord, and of the items of histories, summaries and configurations.
_HISTORY, _SUMMARY, _CONFIG, _RUN, _EXIT = 2, 3, 5, 17, 18
_RUN_ID, _PROJECT, _RUN_CONFIG, _DISPLAY_NAME, _START_TIME = 1, 3, 4, 8, 17
_KEY, _NESTED_KEY, _VALUE = 1, 2, 16
_EXIT_CODE = 1

Field = tuple[int, "int | bytes"]


def is_run_file(path: Path) -> bool:
    """Return whether a file begins as runs' files do."""
    try:
        with open_bounded(path, "container") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def read_run_file(path: Path) -> Tracked:
    """Return the run that a file holds, as far as it can be read."""
    run = Tracked(identity=(path.stem.removeprefix("run-"),))
    run.state = "running"  # until its end is found
    for content in _records(path):
        for number, value in _fields(content):
            if not isinstance(value, bytes):
                continue
            if number == _HISTORY:
                run.history.append(dict(_items(value)))
            elif number == _SUMMARY:
                run.summary.update(_items(value))
            elif number == _CONFIG:
                run.config.update(_items(value))
            elif number == _RUN:
                _take_run(run, value)
            elif number == _EXIT:
                run.state = "finished" if dict(_fields(value)).get(_EXIT_CODE, 0) == 0 else "failed"
    return run


def _take_run(run: Tracked, content: bytes) -> None:
    for number, value in _fields(content):
        if not isinstance(value, bytes):
            continue
        if number == _RUN_ID:
            run.identity = (_text(value),)
        elif number == _PROJECT:
            run.project = _text(value)
        elif number == _DISPLAY_NAME:
            run.name = _text(value)
        elif number == _RUN_CONFIG:
            run.config.update(_items(value))
        elif number == _START_TIME:
            seconds = dict(_fields(value)).get(1)
            if isinstance(seconds, int) and 0 < seconds < 2**33:
                run.started_at = datetime.fromtimestamp(seconds, timezone.utc)


def _items(content: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of a history, a summary or a configuration; nested names are joined by slashes."""
    for number, item in _fields(content):
        if number != 1 or not isinstance(item, bytes):
            continue
        parts = [(one, _text(value)) for one, value in _fields(item) if isinstance(value, bytes)]
        name = "/".join(text for one, text in parts if one == _NESTED_KEY) or dict(parts).get(_KEY, "")
        try:
            yield name, json.loads(dict(parts)[_VALUE])
        except (KeyError, ValueError, RecursionError):
            continue


def _records(path: Path) -> Iterator[bytes]:
    with open_bounded(path, "container") as file:
        block = file.read(_BLOCK)
        position, begun = _FILE_HEADER, b""
        while block:
            while position + _RECORD_HEADER <= len(block):
                length = int.from_bytes(block[position + 4 : position + 6], "little")
                kind = block[position + 6]
                content = block[position + _RECORD_HEADER : position + _RECORD_HEADER + length]
                position += _RECORD_HEADER + length
                if len(content) < length or kind == 0:
                    break
                begun = content if kind in (_FULL, _FIRST) else begun + content
                if kind in (_FULL, _LAST):
                    yield begun
                    begun = b""
                elif len(begun) > _MOST_RECORD:
                    begun = b""
            block, position = file.read(_BLOCK), 0


def _fields(content: bytes) -> Iterator[Field]:
    """Yield number and value of each field of a message; one that is cut ends it."""
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        kind = key & 7
        if kind == 0:
            value, position = _varint(content, position)
            yield key >> 3, value
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        elif kind == 2:
            length, position = _varint(content, position)
            if position + length > len(content):
                return
            yield key >> 3, content[position : position + length]
            position += length
        else:
            return


def _varint(content: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while position < len(content) and shift < 70:
        byte = content[position]
        position += 1
        number |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
    return number, position


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
