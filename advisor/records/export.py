"""Writes records to files that other programs read: CSV, JSON lines, JSON, Parquet."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from advisor.errors import MissingExtraError
from advisor.records.encoding import to_json
from advisor.safe_text import for_spreadsheet

if TYPE_CHECKING:
    import pyarrow

TEXT_FORMATS = ("csv", "jsonl", "json")
FORMATS = (*TEXT_FORMATS, "parquet")
_ROWS_A_GROUP = 10_000


def write_text(file: TextIO, format: str, kind: type, records: Iterable[Any]) -> None:
    """Write records as text.

    Parameters
    ----------
    file : file
        Opened for text, with ``newline=""``.
    format : str
        ``csv``: a line of field names, then a line a record; what is unknown is empty, ``extra`` and ``versions`` are
        JSON; text that a spreadsheet would take for a formula stands behind an apostrophe. ``jsonl``: an object a
        line. ``json``: one list of objects. Numbers that JSON lacks are ``"nan"``, ``"inf"`` and ``"-inf"``.
    kind : type
        ``Run`` or ``Epoch``.
    records : iterable
        Of that kind.
    """
    rows = map(to_json, records)
    if format == "csv":
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_names(kind))
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    elif format == "jsonl":
        file.writelines(f"{_dump(row)}\n" for row in rows)
    else:
        file.write("[")
        for number, row in enumerate(rows):
            file.write(f"{',' if number else ''}\n{_dump(row)}")
        file.write("\n]\n")


def write_parquet(path: Path, kind: type, records: Iterable[Any]) -> None:
    """Write records as a Parquet file, each field in its type; ``extra`` and ``versions`` are JSON.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    OSError
        If the file cannot be written.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", "write Parquet files") from error
    schema = _schema(kind, pa)
    waiting = iter(records)
    with pq.ParquetWriter(path, schema) as writer:
        while some := list(itertools.islice(waiting, _ROWS_A_GROUP)):
            writer.write_table(pa.Table.from_pylist([_row(record) for record in some], schema=schema))


def _names(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        return for_spreadsheet(value)
    return _dump(value) if isinstance(value, (bool, dict)) else value


def _schema(kind: type, pa: Any) -> pyarrow.Schema:
    types = {
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "datetime": pa.timestamp("us", tz="UTC"),
    }
    fields = [(field.name, str(field.type).removesuffix(" | None")) for field in dataclasses.fields(kind)]
    return pa.schema([(name, types.get(declared, pa.string())) for name, declared in fields])


def _row(record: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, encoded in to_json(record).items():
        value = getattr(record, name)
        if isinstance(value, (bool, int, float, datetime)):  # Parquet has types of its own for these
            row[name] = value
        else:
            row[name] = _dump(encoded) if isinstance(encoded, dict) else encoded
    return row
