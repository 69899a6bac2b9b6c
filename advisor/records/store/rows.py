"""Records as rows of the tables, and back."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from advisor.records.encoding import field_parsers, plain

R = TypeVar("R")


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; of one that is there already, the given columns are replaced.

    Parameters
    ----------
    connection : Connection
        One that is writing.
    table : Table
        With a primary key.
    rows : sequence of mapping
        All with the same keys, the primary key among them.
    """
    if rows:
        connection.execute(_upsert(connection.dialect.name, table, tuple(rows[0])), list(rows))


@functools.cache
def _upsert(dialect: str, table: sa.Table, names: tuple[str, ...]) -> sa.Executable:
    # Both dialects offer the same methods; SQLAlchemy has no common type for them. Importing one is a tenth of the time
    # that `advisor records list` takes.
    insert: Any = importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    keys = [column.name for column in table.primary_key]
    replaced = insert.excluded
    changed = {name: replaced[name] for name in names if name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=changed)  # type: ignore[no-any-return]


def row(record: Any) -> dict[str, Any]:
    """Return a record as the row of its table."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    # Times and numbers the tables take as they are; text, enumerations and JSON only as they are encoded.
    return {name: value if isinstance(value, (datetime, float)) else plain(value) for name, value in values.items()}


def record(kind: type[R], row: Mapping[Any, Any]) -> R:
    """Return the row of a table as the record it holds."""
    values: dict[str, Any] = {name: value for name, value in row.items() if value is not None}
    unknown, parsers = _reading(kind)  # type: ignore[arg-type]
    for name, parse in parsers.items():
        if name in values:
            values[name] = parse(values[name])
    return kind(**{**unknown, **values})


@functools.cache
def _reading(kind: type) -> tuple[dict[str, None], dict[str, Callable[[Any], Any]]]:
    """Return the fields of a record that may be unknown, and the parsers of those that the tables do not give typed."""
    typed = {field.name: str(field.type) for field in fields(kind)}
    untyped = ("Status", "Source", "dict[str, float]")
    parsers = {name: parse for name, parse in field_parsers(kind).items() if typed[name] in untyped}
    return {name: None for name, kind_of_field in typed.items() if "None" in kind_of_field}, parsers
