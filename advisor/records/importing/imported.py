"""Makes a record of a run that another tool wrote down."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from advisor.records.encoding import field_parsers, plain
from advisor.records.outcome import outcome
from advisor.records.schema import EPOCH_METRICS, Epoch, ImportedRun, Run, Source, Status

_TYPES = {f.name: str(f.type).removesuffix(" | None") for f in dataclasses.fields(Run)}
_PARSERS = field_parsers(Run)
_ID_LENGTH = 26
_MOST_EPOCHS = 2**31
_NO_EPOCH = "what was recorded of an epoch without a number was left out"


def imported_run(
    source: Source,
    identity: Iterable[object],
    fields: Mapping[str, Any],
    epochs: Sequence[Mapping[str, Any]],
    *,
    path: str = "",
    notes: Iterable[str] = (),
    continues: str | None = None,
) -> ImportedRun:
    """Return the record of a run that was read from files.

    Status, best and final metric follow from the epochs and from a ``status`` in ``fields`` (see ``outcome``). Where
    neither that nor the number of planned epochs is known, a run that did not diverge is STALE: how it ended cannot be
    told.

    Parameters
    ----------
    source : Source
        Where it comes from.
    identity : iterable
        What tells the run from every other one and stays the same as it grows or its files are moved.
    fields : mapping
        Fields of ``Run`` as they were written; text becomes numbers where the field is one, and what does not fit
        becomes unknown. Other names are kept in ``extra``.
    epochs : sequence of mapping
        In order, with the key ``epoch`` and metrics of ``Epoch``; not-a-number and infinities count as diverged and are
        kept as unknown, as is what is no number. An epoch that has no number of its own is left out with a note.
    path : str
        Where it was read, for the report.
    notes : iterable of str
        What the report should say about it.
    continues : str, optional
        What the run says it continues.
    """
    run_id = run_identity(source, identity)
    rows = [row for row in map(_numbers, epochs) if row is not None]
    if len(rows) < len(epochs):
        notes = (*notes, _NO_EPOCH)
    known = {name: typed(name, value) for name, value in fields.items() if name in _TYPES and name != "extra"}
    extra = {name: value for name, value in fields.items() if name not in _TYPES} | dict(fields.get("extra") or {})
    splits = extra.get("train_split"), extra.get("eval_split") or extra.get("val_split")
    if splits[0] and splits[0] == splits[1]:
        extra["scored_on_training_images"] = True
    told = known.pop("status", None)
    ended = told if told is not Status.FINISHED else None
    if told is None and known.get("epochs") is None:
        ended = Status.STALE
    result = outcome({**known, "extra": extra}, rows, ended)
    result = {name: _finite(value) if isinstance(value, float) else value for name, value in result.items()}
    run = Run(**{**known, **result, "run_id": run_id, "source": source, "extra": plain(extra)})
    kept = tuple(
        Epoch(run_id=run_id, epoch=row["epoch"], **{name: _finite(row.get(name)) for name in EPOCH_METRICS})
        for row in rows
    )
    return ImportedRun(run=run, epochs=kept, path=path, notes=tuple(notes), continues=continues)


def run_identity(source: Source, identity: Iterable[object]) -> str:
    """Return the id of an imported run: 125 bits of a SHA-256 of its source and identity, in base 32.

    Unlike a recorded run's it does not sort by time, and it begins with a letter that no recorded one begins with.
    """
    text = json.dumps([source.value, *map(str, identity)])
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest[:17], "big")
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return "i" + "".join(alphabet[(number >> 5 * i) & 31] for i in range(_ID_LENGTH - 1))


def typed(name: str, value: Any) -> Any:
    """Return a value as the field ``name`` of a run holds it, or None if it cannot be one.

    Parameters
    ----------
    name : str
        A field of ``Run``.
    value : object
        The value itself, or its text as a log or a database has it.
    """
    kind = _TYPES[name]
    if isinstance(value, str) and kind in _UNTEXT:
        value = _UNTEXT[kind](value.strip().lower())
    if value is None or value == "":
        return None
    try:
        parsed = _PARSERS[name](value)
    except (ValueError, TypeError, OverflowError):
        return None
    return None if isinstance(parsed, float) and not math.isfinite(parsed) else parsed


def _numbers(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an epoch as numbers, or None if it is not a whole number of epochs."""
    epoch = row.get("epoch")
    if type(epoch) is not int:
        epoch = None if isinstance(epoch, bool) else typed("epochs", epoch)
    if epoch is None or not 0 <= epoch <= _MOST_EPOCHS:
        return None
    return {"epoch": epoch} | {name: _metric(row[name]) for name in EPOCH_METRICS if row.get(name) is not None}


def _metric(value: Any) -> float | None:
    """Return a metric as a number; the largest there is stands for infinity in databases that know none."""
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return math.copysign(math.inf, number) if abs(number) >= sys.float_info.max else number


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_UNTEXT: dict[str, Callable[[str], Any]] = {"bool": _TRUTH.get, "int": _number, "float": _number}
