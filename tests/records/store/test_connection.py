"""Opening a database: what cannot be is explained, and nobody loses a lock by it."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from advisor.errors import StoreError
from advisor.records.store.store import Store

_READ = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM runs").fetchone()
connection.close()
"""


def test_opening_a_store_again_takes_no_lock_from_who_holds_it(tmp_path):
    """A process that closes a file anywhere loses its locks on it, and others take themselves for alone."""
    file = tmp_path / "records.db"
    with closing(Store(f"sqlite:///{file}")) as store:
        with store.writing() as connection:
            Store(f"sqlite:///{file}").close()
            connection.exec_driver_sql("CREATE TABLE later (id INTEGER)")
        subprocess.run([sys.executable, "-c", _READ, str(file)], check=True)
        assert file.with_name("records.db-wal").exists(), "who is last to close a database removes its log"
        assert store.runs() == []


def test_tables_of_another_program(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (id INTEGER)")
    connection.close()
    with pytest.raises(StoreError, match="already exists") as caught:
        Store(f"sqlite:///{path}")
    assert "another program" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("records.db", "sqlite:////"),
        ("", "sqlite:////"),
        ("sqlite:////proc/nowhere/records.db", "ADVISOR_STORE"),
        ("nodb://host/x", ""),
    ],
)
def test_urls_that_lead_nowhere(url, hint):
    with pytest.raises(StoreError, match="cannot be used") as caught:
        Store(url)
    assert hint in caught.value.hint
