"""Any record there could be, for property tests."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from typing import Any

from hypothesis import strategies as st

from advisor.records.encoding import text
from advisor.records.schema import Dataset, Epoch, Run, Source, Status, StoredSuggestion

_NAMES = st.text(max_size=12).map(text)
_INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
_JSON = st.recursive(
    st.none() | st.booleans() | _INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | _NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)
_TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone.utc)).map(
    lambda time: time.replace(fold=0)
)
_BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "str": _NAMES,
    "int": _INTEGERS,
    "float": st.floats(),
    "bool": st.booleans(),
    "datetime": _TIMES,
    "Status": st.sampled_from(Status),
    "Source": st.sampled_from(Source),
    "dict[str, str]": st.dictionaries(_NAMES, _NAMES, max_size=3),
    "dict[str, float]": st.dictionaries(_NAMES, st.floats(), max_size=3),
    "dict[str, Any]": st.dictionaries(_NAMES, _JSON, max_size=3),
}


def records_of(kind: type) -> st.SearchStrategy[Any]:
    fields = {}
    for field in dataclasses.fields(kind):
        declared = str(field.type)
        values = _BY_TYPE[declared.removesuffix(" | None")]
        fields[field.name] = st.none() | values if declared.endswith(" | None") else values
    return st.builds(kind, **fields)


RUNS = records_of(Run)
EPOCHS = records_of(Epoch)
DATASETS = records_of(Dataset)
SUGGESTIONS = records_of(StoredSuggestion)


def same(one: Any, other: Any) -> bool:
    """Equality in which NaN is equal to itself."""
    return repr(one) == repr(other)
