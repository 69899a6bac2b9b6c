"""The declared tables are the ones that migrations make, and numbers are kept as every version reads them."""

import math
import sqlite3
import time
from contextlib import closing
from datetime import datetime, timezone

import pytest
import sqlalchemy as sa

from advisor.records.schema import Run, Source
from advisor.records.store.store import Store
from advisor.records.store.tables import metadata


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_columns_have_the_types_and_keys_that_the_migrations_give_them(table, tmp_path):
    with closing(Store(f"sqlite:///{tmp_path / 'records.db'}")) as store, store.reading() as rows:
        made, dialect = sa.inspect(rows), rows.dialect
        declared = {column.name: column.type.compile(dialect) for column in table.columns}
        assert {column["name"]: str(column["type"]) for column in made.get_columns(table.name)} == declared
        assert made.get_pk_constraint(table.name)["constrained_columns"] == [key.name for key in table.primary_key]


def test_nan_is_kept_as_text_which_sqlite_can_hold(tmp_path):
    file = tmp_path / "records.db"
    with closing(Store(f"sqlite:///{file}")) as store:
        store.add_runs([Run(run_id="01run", source=Source.API, lr=math.nan, weight_decay=0.5)])
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT lr, weight_decay, min_lr FROM runs").fetchall() == [("nan", 0.5, None)]


@pytest.fixture
def in_japan(monkeypatch):
    """Be on a machine whose clock is nine hours ahead."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_japan")
def test_times_are_kept_in_utc_wherever_the_machine_is(tmp_path):
    file, noon = tmp_path / "records.db", datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    with closing(Store(f"sqlite:///{file}")) as store:
        store.add_runs([Run(run_id="01run", source=Source.API, started_at=noon)])
        assert [run.started_at for run in store.runs()] == [noon]
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT started_at FROM runs").fetchall() == [("2026-01-01 12:00:00.000000",)]
