"""Which objects in this process have been described as datasets, so that a run that is trained on one knows it."""

from __future__ import annotations

import weakref
from typing import Any

from advisor.records.schema import Dataset

_records: dict[int, tuple[weakref.ref[Any], Dataset]] = {}


def remember_described(source: Any, record: Dataset) -> None:
    """Remember the description of an object that lives in memory, for as long as it does; of a path, nothing."""
    if isinstance(source, (str, bytes, tuple)):
        return
    key = id(source)
    try:
        reference = weakref.ref(source, lambda _: _records.pop(key, None))
    except TypeError:  # it cannot be referred to weakly, and must not be kept alive
        return
    _records[key] = (reference, record)


def description_of(source: Any) -> Dataset | None:
    """Return the description of an object that was described before, if it is the same one."""
    reference, record = _records.get(id(source), (None, None))
    return record if reference is not None and reference() is source else None
