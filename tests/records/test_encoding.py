from __future__ import annotations

import dataclasses
import json
import math
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.records.encoding import from_json, plain, text, to_json
from advisor.records.schema import Epoch, Run, Source, Status

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


def same(one: Any, other: Any) -> bool:
    """Equality in which NaN is equal to itself."""
    return repr(one) == repr(other)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.builds(object),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@given(RUNS)
def test_a_run_comes_back_from_json_as_it_was(run):
    text = json.dumps(to_json(run), allow_nan=False)
    assert same(Run(**from_json(Run, json.loads(text))), run)


@given(EPOCHS)
def test_an_epoch_comes_back_with_its_numbers_that_json_lacks(epoch):
    text = json.dumps(to_json(epoch), allow_nan=False)
    assert same(Epoch(**from_json(Epoch, json.loads(text))), epoch)


@given(ANYTHING)
def test_anything_becomes_json_that_every_database_takes(value):
    text = json.dumps(plain(value), allow_nan=False)
    text.encode("utf-8")
    json.dumps(plain(value), ensure_ascii=False).encode("utf-8")
    assert "\\u0000" not in text
    assert plain(json.loads(text)) == json.loads(text)


def test_what_holds_itself_becomes_text():
    endless: list[object] = []
    endless.append(endless)
    assert json.dumps(plain(endless))


def test_what_cannot_be_shown_is_named():
    class Unshowable:
        ndim = 0

        def __str__(self):
            raise RuntimeError("on the meta device")

    assert plain(Unshowable()) == "<Unshowable>"


def test_long_texts_are_cut():
    assert len(text("x" * 50_000)) == 10_000


def test_a_time_that_utc_cannot_say_becomes_text():
    assert isinstance(plain(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))), str)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.array(3), 3),
        (Path("a/b"), "a/b"),
        (Status.STALE, "STALE"),
        ({1}, [1]),
        ("\udce9\0", "\\udce9\\x00"),
        (datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T00:00:00+00:00"),
    ],
)
def test_values_that_json_lacks(value, expected):
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("field", "given_", "read"),
    [
        ("epochs", "5", 5),
        ("epochs", 5.0, 5),
        ("lr", "nan", math.nan),
        ("lr", np.float64(0.1), 0.1),
        ("amp", 1, True),
        ("source", "api", Source.API),
        ("started_at", "2026-01-01T00:00:00", datetime(2026, 1, 1, tzinfo=timezone.utc)),
        ("model", 3, "3"),
    ],
)
def test_fields_take_what_can_be_one_of_theirs(field, given_, read):
    assert same(from_json(Run, {field: given_})[field], read)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 2.5),
        ("epochs", "many"),
        ("seed", 2**63),
        ("pid", math.inf),
        ("amp", "yes"),
        ("status", "DONE"),
        ("lr", "high"),
    ],
)
def test_fields_refuse_what_is_not_theirs(field, value):
    with pytest.raises((ValueError, TypeError, OverflowError)):
        from_json(Run, {field: value})


def test_names_that_are_no_field_are_left_out():
    assert from_json(Run, {"lr": 0.1, "colour": "red"}) == {"lr": 0.1}
