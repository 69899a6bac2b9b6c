"""Reads the epochs that a training script wrote down: timm's summary.csv and JSON-line logs of the DeiT family."""

from __future__ import annotations

import ast
import csv
import functools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from advisor_timm.arguments import describe_training
from advisor_timm.metric_names import ACCURACIES, columns

Row = dict[str, Any]

_EPOCH = "epoch"
_SHARE = "train_class_acc"
"""BEiT's training accuracy, a fraction."""
_DELIMITERS = ",;\t"
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+(?:[eE][+-]?\d+)?")
_TENSOR = re.compile(r"tensor\(([^,()]+)\b.*\)")
_ROUNDING = 1e-3
"""Percent that a mean of batches in single precision may exceed 100 by."""
_LONGEST_LINE = 1_000_000


@dataclass
class Log:
    """The epochs of one file.

    Attributes
    ----------
    runs : list of list of dict
        One list a run: a file that was appended to holds several. Each row has ``epoch`` and metrics of ``Epoch``.
    names : set of str
        The columns or keys as the file names them.
    further : list of dict
        For each run, what its last row says beside metrics, such as ``n_parameters`` and ``time``.
    arguments : list of dict
        For each run, the arguments that the file has before it.
    notes : list of str
        What was left out.
    """

    runs: list[list[Row]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    further: list[dict[str, Any]] = field(default_factory=list)
    arguments: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_summary(text: str) -> Log | None:
    """Read timm's summary.csv; None if it has no header with the column ``epoch``.

    Fields may be separated by commas, semicolons or tabs, and have decimal commas where they are not separated by such.
    A header inside the file is a resumed or a second run. Lines that are no row of their header are left out with a
    note. The last field of a file without a final line end may be cut, and is dropped.
    """
    log = Log()
    lines = text.splitlines(keepends=True)
    header: list[str] = []
    delimiter = ""
    records: list[Mapping[str, Any]] = []
    strange: list[int] = []
    for number, line in enumerate(lines, 1):
        found = _header(line, delimiter)
        if found is not None:
            header, delimiter = found
            log.names.update(header)
            continue
        values = _fields(line, delimiter) if header else [line]
        if not any(value.strip() for value in values) or (not header and line.startswith("sep=")):
            continue
        row = dict(zip(header, values, strict=False))
        if not header or len(values) != len(header) or _epoch(row[_EPOCH]) is None:
            strange.append(number)
            continue
        if number == len(lines) and not lines[-1].endswith(("\n", "\r")):
            row[header[-1]] = ""
            log.notes.append("the last line has no end: its last field may be cut and was left out")
        records.append(row)
    if not header:
        return None
    log.notes[:0] = _left_out(strange, "no row of the table")
    _fill(log, records, {})
    return log


def read_json_lines(text: str) -> Log | None:
    """Read a log with one JSON object a line that has the key ``epoch``; None if no line is one.

    Objects may be written as Python does, and stand behind other text, such as the time. An object without an epoch
    that holds the arguments of a training is what the epochs after it were trained with.
    """
    log = Log()
    records: list[Mapping[str, Any]] = []
    arguments: dict[int, Mapping[str, Any]] = {}
    strange: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        record = _object(line)
        told = _arguments(record)
        if _epoch(record.get(_EPOCH)) is not None:
            records.append(record)
            log.names.update(record)
        elif told is not None:
            arguments[len(records)] = told
        elif line.strip():
            strange.append(number)
    if not records:
        return None
    log.notes += _left_out(strange, "no JSON object with an epoch")
    _fill(log, records, arguments)
    return log


def is_json_log(head: str) -> bool:
    """Return whether a text begins like a log that ``read_json_lines`` reads."""
    return any(_EPOCH in _object(line) for line in head.splitlines()[:_FIRST_LINES])


_FIRST_LINES = 50


def peak_lr(rows: Iterable[Row]) -> float | None:
    """Return the largest learning rate logged, if the schedule has come down from it; else None.

    Where it still rises, or is constant and so may be part of a warm-up, the peak is not known.
    """
    rates = [row["lr"] for row in rows if row.get("lr") is not None]
    peak = max(rates, default=None)
    return peak if peak is not None and rates[-1] < peak else None


def number(value: Any) -> float | None:
    """Return a number, its text, or the mean of a list of rates ("[2e-07, 2e-07]", one a parameter group)."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    if isinstance(value, str):
        tensor = _TENSOR.fullmatch(value.strip())
        value = _listed(tensor[1] if tensor else value.strip())
    if isinstance(value, float):
        return value
    if not isinstance(value, list):
        return None
    numbers = [one for one in map(number, value) if one is not None]
    return sum(numbers) / len(numbers) if numbers and len(numbers) == len(value) else None


def _listed(text: str) -> Any:
    try:
        return float(text) if not text.startswith("[") else json.loads(text)
    except (ValueError, RecursionError):
        return None


def _header(line: str, delimiter: str) -> tuple[list[str], str] | None:
    """Return the names of the columns and what separates them, if a line is a header; it has ``epoch`` in it."""
    if _EPOCH not in line.lower():
        return None
    for one in delimiter or sorted(_DELIMITERS, key=line.count, reverse=True):
        names = [name.strip() for name in _fields(line, one)]
        lower = [name.lower() for name in names]
        if lower.count(_EPOCH) == 1:
            names[lower.index(_EPOCH)] = _EPOCH
            return names, one
    return None


def _fields(line: str, delimiter: str) -> list[str]:
    # Line by line: an unbalanced quote must not swallow the rows after it.
    try:
        values = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return [line]
    if delimiter == ",":
        return values
    return [value.replace(",", ".") if _DECIMAL_COMMA.fullmatch(value.strip()) else value for value in values]


def _object(line: str) -> dict[str, Any]:
    """Return the object on a line, JSON or as Python prints it, with nested names joined by slashes; {} if none."""
    start = line.find("{")
    if start < 0 or len(line) > _LONGEST_LINE:
        return {}
    found = None
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(line[start:].strip())
            break
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    if not isinstance(found, dict):
        return {}
    if _EPOCH not in found:
        return found
    return {f"{name}/{key}": item for name, value in found.items() for key, item in _inner(value)} | {
        str(name): value for name, value in found.items() if not isinstance(value, dict)
    }


def _inner(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, dict) else ()


def _arguments(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the arguments of a training that an object is, or has under one of its names."""
    candidates = [record, *(value for value in record.values() if isinstance(value, dict))]
    return next((one for one in candidates if _EPOCH not in one and describe_training(one)), None)


def _left_out(numbers: list[int], what: str) -> Iterator[str]:
    if len(numbers) == 1:
        yield f"line {numbers[0]} is {what} and was left out"
    elif numbers:
        yield f"lines that are {what} were left out, line {numbers[0]} first"


def _fill(log: Log, records: list[Mapping[str, Any]], arguments: Mapping[int, Mapping[str, Any]]) -> None:
    """Sort the rows into runs: one that starts again at epoch 0 is another, one that starts later continues.

    What two records say of one epoch, training and evaluation apart, is one row.
    """
    again = 0
    for index, record in enumerate(records):
        row = _row(record)
        last = log.runs[-1][-1] if log.runs else {}
        if last.get(_EPOCH) == row[_EPOCH] and len(last.keys() & row.keys()) == 1 and index not in arguments:
            last.update(row)
            log.further[-1].update(_beside(record))
            continue
        if not log.runs or row[_EPOCH] == 0:
            log.runs.append([])
            log.further.append({})
            log.arguments.append({})
        run = log.runs[-1]
        while run and run[-1][_EPOCH] >= row[_EPOCH]:
            run.pop()
            again += 1
        run.append(row)
        log.further[-1] = _beside(record)
        log.arguments[-1].update(arguments.get(index, {}))
    if again:
        log.notes.append("epochs that were trained again after a resume count once, as they were the last time")


def _beside(record: Mapping[str, Any]) -> dict[str, Any]:
    metrics = {name for _, name in _columns(tuple(record))}
    return {name: value for name, value in record.items() if name not in metrics | {_EPOCH, _SHARE}}


def _row(record: Mapping[str, Any]) -> Row:
    row: Row = {_EPOCH: _epoch(record[_EPOCH])}
    for metric, name in _columns(tuple(record)):
        value = number(record[name])
        if value is not None:
            row[metric] = value
    share = number(record.get(_SHARE))
    if share is not None:
        row["train_top1"] = 100 * share
    for metric in ACCURACIES:
        if 100 < row.get(metric, 0) <= 100 + _ROUNDING:
            row[metric] = 100.0
    return row


@functools.lru_cache(maxsize=256)
def _columns(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(columns(names).items())


def _epoch(value: Any) -> int | None:
    found = number(value)
    if found is None or not math.isfinite(found) or not 0 <= found < 2**31 or found != int(found):
        return None
    return int(found)
