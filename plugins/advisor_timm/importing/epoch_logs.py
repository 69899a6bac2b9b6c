"""Reads the epochs that a training script wrote down: timm's summary.csv and JSON-line logs of the DeiT family."""

from __future__ import annotations

import csv
import functools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

# Metric of ``Epoch``: the names it goes by, in order of preference.
_NAMES: dict[str, tuple[str, ...]] = {
    "lr": ("lr", "train_lr"),
    "train_loss": ("train_loss",),
    "train_top1": ("train_top1", "train_acc1"),
    "eval_loss": ("eval_loss", "test_loss"),
    "eval_top1": ("eval_top1", "test_acc1"),
    "eval_top5": ("eval_top5", "test_acc5"),
    "ema_eval_top1": ("test_acc1_ema", "ema_test_acc1"),
}
_KNOWN = {"epoch", "train_class_acc", *(name for names in _NAMES.values() for name in names)}
_PERCENT = ("train_top1", "eval_top1", "eval_top5", "ema_eval_top1")
_ROUNDING = 1e-3
"""Percent that a mean of batches in single precision may exceed 100 by."""
_EVEN_ODDS = math.log(2)


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
    notes : list of str
        What was left out.
    """

    runs: list[list[Row]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    further: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_summary(text: str) -> Log | None:
    """Read timm's summary.csv; None if it has no header with the column ``epoch``.

    A header inside the file is a resumed or a second run. Lines that are no row of their header are left out with a
    note. The last field of a file without a final line end may be cut, and is dropped.
    """
    log = Log()
    header: list[str] | None = None
    lines = text.splitlines(keepends=True)
    records: list[Mapping[str, Any]] = []
    for number, values in _csv_rows(lines):
        if values[0].strip() == "epoch":
            header = [name.strip() for name in values]
            log.names.update(header)
        elif header is None:
            return None
        elif len(values) != len(header) or _epoch(values[0]) is None:
            log.notes.append(f"line {number} is no row of the table and was left out")
        else:
            if number == len(lines) and not lines[-1].endswith(("\n", "\r")):
                values[-1] = ""
                log.notes.append("the last line has no end: its last field may be cut and was left out")
            records.append(dict(zip(header, values, strict=True)))
    if header is None:
        return None
    _fill(log, records)
    return log


def read_json_lines(text: str) -> Log | None:
    """Read a log with one JSON object a line that has the key ``epoch``; None if no line is one."""
    log = Log()
    records: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict) and _epoch(record.get("epoch")) is not None:
            records.append(record)
            log.names.update(record)
        else:
            log.notes.append(f"line {number} is no JSON object with an epoch and was left out")
    if not records:
        return None
    _fill(log, records)
    return log


def problem(rows: Iterable[Row], names: Iterable[str]) -> str | None:
    """Return why the epochs cannot be recorded, or None if they can.

    They must have a top-1 accuracy on an evaluation split, in percent. One of at most 1 throughout, beside an
    evaluation loss under log 2 (a typical probability of the true class above one half), can only be a fraction.
    """
    rows = list(rows)
    if not rows:
        return "no finished epoch"
    if all(row.get("eval_top1") is None and row.get("ema_eval_top1") is None for row in rows):
        others = sorted(name for name in names if name.startswith(("eval_", "test_")) and "loss" not in name)
        if others:
            return f"no top-1 accuracy; it was evaluated by {', '.join(others)}"
        return "no evaluation accuracy, as in pretraining or with an empty evaluation split"
    values = [row[name] for row in rows for name in _PERCENT if row.get(name) is not None and math.isfinite(row[name])]
    if any(not 0 <= value <= 100 for value in values):
        return "an accuracy lies outside 0 to 100 percent"
    scores = [row["eval_top1"] for row in rows if row.get("eval_top1") is not None]
    losses = [row["eval_loss"] for row in rows if row.get("eval_loss") is not None]
    if scores and losses and max(scores) <= 1 and min(losses) < _EVEN_ODDS:
        return "accuracies of at most 1 beside a small loss: fractions, not percent"
    return None


def peak_lr(rows: Iterable[Row]) -> float | None:
    """Return the largest learning rate logged, if the schedule has come down from it; else None.

    Where it still rises, or is constant and so may be part of a warm-up, the peak is not known.
    """
    rates = [row["lr"] for row in rows if row.get("lr") is not None]
    peak = max(rates, default=None)
    return peak if peak is not None and rates[-1] < peak else None


def _csv_rows(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    # Line by line: an unbalanced quote must not swallow the rows after it.
    for number, line in enumerate(lines, 1):
        try:
            values = next(csv.reader([line]), [])
        except csv.Error:
            values = [line]
        if any(value.strip() for value in values):
            yield number, values


def _fill(log: Log, records: list[Mapping[str, Any]]) -> None:
    """Sort the rows into runs: one that starts again at epoch 0 is another, one that starts later continues."""
    again = 0
    for record in records:
        row = _row(record)
        if not log.runs or row["epoch"] == 0:
            log.runs.append([])
            log.further.append({})
        run = log.runs[-1]
        while run and run[-1]["epoch"] >= row["epoch"]:
            run.pop()
            again += 1
        run.append(row)
        log.further[-1] = {name: value for name, value in record.items() if name not in _KNOWN}
    if again:
        log.notes.append("epochs that were trained again after a resume count once, as they were the last time")


def _row(record: Mapping[str, Any]) -> Row:
    row: Row = {"epoch": _epoch(record["epoch"])}
    for metric, name in _columns(tuple(record)):
        value = _number(record[name])
        if value is not None:
            row[metric] = value
    share = _number(record.get("train_class_acc"))  # BEiT's, a fraction
    if share is not None:
        row["train_top1"] = 100 * share
    for metric in _PERCENT:
        if 100 < row.get(metric, 0) <= 100 + _ROUNDING:
            row[metric] = 100.0
    return row


@functools.lru_cache(maxsize=256)
def _columns(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return which metrics a row with these names has, and under which of its names each."""
    found = ((metric, next((name for name in known if name in names), None)) for metric, known in _NAMES.items())
    return [(metric, name) for metric, name in found if name is not None]


def _epoch(value: Any) -> int | None:
    number = _number(value)
    if number is None or not math.isfinite(number) or number < 0 or number != int(number):
        return None
    return int(number)


def _number(value: Any) -> float | None:
    """Return a number, its text, or the mean of a list of rates ("[2e-07, 2e-07]", one a parameter group)."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, list):
        return None
    numbers = [number for number in map(_number, value) if number is not None]
    return sum(numbers) / len(numbers) if numbers and len(numbers) == len(value) else None
