"""The tables of the store, made from the dataclasses of the schema so that a field is declared once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa

from advisor.records.schema import Dataset, Epoch, Run, StoredSuggestion

metadata = sa.MetaData()


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Times with a zone, kept in UTC by databases that know none."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Return the time in UTC without its zone."""
        return None if value is None else value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Return the time with its zone."""
        return None if value is None else value.replace(tzinfo=timezone.utc)


class Real(sa.types.UserDefinedType[float]):
    """Floating-point numbers with NaN, which SQLite would turn into NULL: there it is kept as the text ``nan``."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return what the column is called in SQL."""
        return "FLOAT"

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[float | None], float | str | None] | None:
        """Return what turns a number into what the database takes."""
        if dialect.name != "sqlite":
            return None
        return lambda value: "nan" if value is not None and math.isnan(value) else value

    def result_processor(self, dialect: sa.Dialect, coltype: Any) -> Callable[[Any], float | None]:
        """Return what turns what the database gives into a number."""
        return lambda value: None if value is None else float(value)


_TYPES: dict[str, Any] = {
    "str": sa.String,
    "int": sa.BigInteger,
    "float": Real,
    "bool": sa.Boolean,
    "datetime": UtcDateTime,
    "Status": sa.String,
    "Source": sa.String,
}


def _columns(record: type, *keys: str) -> list[sa.Column[Any]]:
    columns = []
    for field in dataclasses.fields(record):
        name = str(field.type).removesuffix(" | None")
        kind = _TYPES.get(name, sa.JSON)
        columns.append(sa.Column(field.name, kind, primary_key=field.name in keys, autoincrement=False))
    return columns


RUNS = sa.Table(
    "runs", metadata, *_columns(Run, "run_id")
)  # a migration makes its indexes, which databases write apart
EPOCHS = sa.Table("epochs", metadata, *_columns(Epoch, "run_id", "epoch"))
DATASETS = sa.Table("datasets", metadata, *_columns(Dataset, "dataset_id"))
SUGGESTIONS = sa.Table("suggestions", metadata, *_columns(StoredSuggestion, "suggestion_id"))
SPOOLS = sa.Table(
    "spools",
    metadata,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("offset", sa.BigInteger, nullable=False),
)
THUMBNAILS = sa.Table(
    "thumbnails",
    metadata,
    sa.Column("dataset_id", sa.String, primary_key=True),
    sa.Column("thumbnails", sa.LargeBinary, nullable=False),
)

_INDEXED_CHARACTERS = 200


def equals(column: sa.Column[Any], value: str) -> sa.ColumnElement[bool]:
    """Return the condition that a text is a value, which the index of its beginning answers."""
    length: sa.ColumnElement[int] = sa.literal_column(
        str(_INDEXED_CHARACTERS)
    )  # as it is in the index, else that is not used
    begins = sa.func.substr(column, sa.literal_column("1"), length) == value[:_INDEXED_CHARACTERS]
    # What is shorter than the beginning is it; SQLite would not use the index if it was told so.
    return begins if len(value) < _INDEXED_CHARACTERS else begins & (column == value)
