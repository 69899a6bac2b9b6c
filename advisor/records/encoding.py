"""How records become JSON and back, without loss: spool lines, exports and the store.

Times are ISO 8601 in UTC, enumerations their value. JSON has no NaN and no infinity: these numbers are the strings
``"nan"``, ``"inf"`` and ``"-inf"``; in a declared number they are read back as numbers, inside ``extra`` they stay
strings. Characters that no database takes (lone surrogates, NUL) are written as their escapes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from enum import Enum
from typing import Any, TypeVar

from advisor.records.interruption import is_interruption
from advisor.records.schema import Source, Status

T = TypeVar("T")

_MAX_TEXT = 10_000
_MAX_DEPTH = 8
_MAX_VALUES = 10_000
"""Values of one entry; nobody reads more, and a command line of 300,000 words must not fill a store."""
_CONTAINERS = (Mapping, list, tuple, set, frozenset)
_MAX_INT = 2**63 - 1


def to_json(record: Any) -> dict[str, Any]:
    """Return a record of ``advisor.records.schema`` as JSON values, under its field names."""
    return {field.name: plain(getattr(record, field.name)) for field in dataclasses.fields(record)}


def plain(value: Any) -> Any:
    """Return a value as JSON values; what JSON cannot hold becomes text, what is too much for a record is left out."""
    return _plain(value, 0, _Room(_MAX_VALUES))


@dataclasses.dataclass
class _Room:
    left: int

    def take(self, values: Iterable[T]) -> Iterator[T]:
        """Give of the values so many as there is room for."""
        for value in values:
            if self.left <= 0:
                return
            self.left -= 1
            yield value


def _plain(value: Any, depth: int, room: _Room) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is int:
        return value
    if kind is str:
        return text(value)
    if kind is float:
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Enum):
        return _plain(value.value, depth + 1, room)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, str):
        return text(value)
    if depth < _MAX_DEPTH:
        if isinstance(value, Mapping):
            return {text(str(key)): _plain(item, depth + 1, room) for key, item in room.take(value.items())}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(item, depth + 1, room) for item in room.take(value)]
    try:
        if isinstance(value, datetime):
            return value.astimezone(timezone.utc).isoformat()
        if depth < _MAX_DEPTH and getattr(value, "ndim", None) == 0:  # numpy's and torch's scalars
            return _plain(value.item(), depth + 1, room)
        return f"<{kind.__name__}>" if isinstance(value, _CONTAINERS) else text(str(value))
    except Exception as error:  # isolation: a foreign type may raise anything, a time of the year 1 has no UTC
        if is_interruption(error):
            raise
        return f"<{type(value).__name__}>"


def text(value: str) -> str:
    """Return text that every database takes, cut where it is too long to be anyone's argument."""
    value = str(value[:_MAX_TEXT])
    if value.isascii() and "\0" not in value:
        return value
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def field_parsers(kind: type) -> dict[str, Callable[[Any], Any]]:
    """Return what turns a given value, JSON or not, into the value of each field of a record.

    The parsers raise ``ValueError``, ``TypeError`` or ``OverflowError`` where a value cannot be one of that field.
    None is every field's unknown and is not for the parsers.
    """
    return {field.name: _PARSERS[str(field.type).removesuffix(" | None")] for field in dataclasses.fields(kind)}


def from_json(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declared fields of a record that ``data`` holds, as they are in Python.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If a value cannot be one of its field.
    """
    parsers = _parsers_of(kind)
    return {name: None if value is None else parsers[name](value) for name, value in data.items() if name in parsers}


def _parsers_of(kind: type) -> dict[str, Callable[[Any], Any]]:
    if kind not in _known_parsers:
        _known_parsers[kind] = field_parsers(kind)
    return _known_parsers[kind]


_known_parsers: dict[type, dict[str, Callable[[Any], Any]]] = {}


def _integer(value: Any) -> int:
    number = int(value)
    if not isinstance(value, str) and number != value:
        raise ValueError(f"{value!r} is not a whole number")
    if abs(number) > _MAX_INT:
        raise OverflowError(f"{value!r} is too large")
    return number


def _boolean(value: Any) -> bool:
    if value in (True, 1):
        return True
    if value in (False, 0):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def _time(value: Any) -> datetime:
    time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)


def _mapping(value: Any) -> dict[str, Any]:
    mapping = plain(dict(value))
    assert isinstance(mapping, dict)
    return mapping


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "str": lambda value: text(str(value)),
    "int": _integer,
    "float": float,
    "bool": _boolean,
    "datetime": _time,
    "Status": Status,
    "Source": Source,
    "dict[str, str]": lambda value: {key: str(item) for key, item in _mapping(value).items()},
    "dict[str, float]": lambda value: {key: float(item) for key, item in _mapping(value).items()},
    "dict[str, Any]": _mapping,
}
