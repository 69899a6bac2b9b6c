"""Opening a database: what cannot be is explained, and nobody loses a lock by it."""

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from filelock import FileLock

from advisor.errors import StoreError
from advisor.records.store import connection
from advisor.records.store.connection import MAPPED_BYTES, parse, unusable
from advisor.records.store.migrations import HEAD
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
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE runs (id INTEGER)")
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


def by_database(said):
    return sa.exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError(said))


WAIT = "wait for the process that holds it, then try again"
RESTORE = "advisor records restore BACKUP; without one move the file away, then `advisor records sync`"
FOREIGN = "it holds tables of another program; name another store with ADVISOR_STORE=sqlite:///FILE"
WRITABLE = "make it writable, or name another store with ADVISOR_STORE=sqlite:///FILE"


@pytest.mark.parametrize(
    ("error", "cause", "hint"),
    [
        (by_database("database is locked"), "database is locked", WAIT),
        (by_database("canceling statement due to lock timeout\nCONTEXT: one"), None, WAIT),
        (by_database("file is not a database"), "file is not a database", RESTORE),
        (by_database("database disk image is malformed"), "database disk image is malformed", RESTORE),
        (sa.exc.ArgumentError("no URL"), "no URL", "write it as a URL, such as sqlite:////folder/records.db"),
        (by_database("table runs already exists"), "table runs already exists", FOREIGN),
        (ImportError("no psycopg"), "no psycopg", "pip install 'timm-advisor[postgres]'"),
        (by_database("attempt to write a readonly database"), "attempt to write a readonly database", WRITABLE),
        (
            by_database("cannot execute in a read-only transaction"),
            "cannot execute in a read-only transaction",
            WRITABLE,
        ),
        (by_database("unable to open database file"), "unable to open database file", WRITABLE),
        (OSError("no space left"), "no space left", WRITABLE),
        (OSError(), "OSError", WRITABLE),
        (by_database("no such column: x"), "no such column: x", "advisor doctor"),
    ],
)
def test_why_a_store_cannot_be_used_is_told_with_what_to_do(error, cause, hint):
    told = unusable("sqlite:///FILE", error)
    assert told.problem == "the store sqlite:///FILE cannot be used"
    assert (told.cause, told.hint) == (cause or "canceling statement due to lock timeout", hint)


def test_what_a_newer_version_made_is_said_with_both_schemas(tmp_path):
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with closing(Store(url)) as store, store.writing() as rows:
        rows.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert caught.value.problem == f"the store {url} was made by a newer version of timm-advisor"
    assert caught.value.cause == f"its schema is 9999, this version knows {HEAD}"
    assert caught.value.hint == "pip install --upgrade timm-advisor, or name another store with ADVISOR_STORE"


def test_what_another_process_brings_up_to_date_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    file = tmp_path / "records.db"
    with FileLock(f"{file}.lock"), pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{file}")
    assert caught.value.cause == f"another process has been holding {file}.lock for 0.05 s"
    assert caught.value.hint == WRITABLE


def test_a_file_is_private_has_its_log_beside_it_and_is_mapped(tmp_path):
    file = tmp_path / "sub" / "records.db"
    with closing(Store(f"sqlite:///{file}")) as store, store.reading() as rows:
        assert rows.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert rows.exec_driver_sql("PRAGMA mmap_size").scalar() == MAPPED_BYTES == 2**30
        assert rows.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)] == [0o700, 0o600]


def test_a_url_says_how_long_to_wait_and_may_name_a_file_as_sqlite_does(tmp_path):
    with closing(Store(f"sqlite:///{tmp_path / 'a.db'}?timeout=7")) as store, store.reading() as rows:
        assert rows.exec_driver_sql("PRAGMA busy_timeout").scalar() == 7_000
    with closing(Store(f"sqlite:///file:{tmp_path / 'b.db'}?mode=rwc&uri=true")) as store:
        assert store.runs() == []
    assert sorted(path.name for path in tmp_path.glob("*.db*")) == ["a.db", "a.db.lock", "b.db", "b.db.lock"]
    assert not list(Path().glob("file:*"))


def test_a_url_may_say_that_its_file_is_not_to_be_made(tmp_path):
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///file:{tmp_path / 'sub' / 'none.db'}?mode=rw&uri=true")
    assert (caught.value.cause, caught.value.hint) == ("unable to open database file", WRITABLE)
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_no_revision_is_an_empty_store(tmp_path):
    file = tmp_path / "records.db"
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    with closing(Store(f"sqlite:///{file}")) as store:
        assert store.runs() == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:name?mode=memory&uri=true"])
def test_a_store_in_memory_is_one_for_all_that_use_it(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with closing(Store(url)) as store:
        with store.writing() as rows:
            rows.exec_driver_sql("CREATE TABLE later (id INTEGER)")
        with store.reading() as rows:
            assert rows.exec_driver_sql("SELECT count(*) FROM later").scalar() == 0
        with ThreadPoolExecutor(1) as another_thread:
            assert another_thread.submit(store.runs).result() == []
    assert list(tmp_path.iterdir()) == []


def test_postgres_has_the_driver_of_the_extra_where_none_is_named():
    assert parse("postgresql://host/runs").drivername == "postgresql+psycopg"
    assert parse("postgresql+asyncpg://host/runs").drivername == "postgresql+asyncpg"
    assert parse("sqlite://").drivername == "sqlite"


def test_a_server_lets_writers_wait_and_do_nothing_for_a_limited_time(postgres_url):
    limits = ("lock_timeout", "idle_in_transaction_session_timeout")
    with closing(Store(postgres_url)) as store:
        with store.writing() as rows:
            assert [rows.exec_driver_sql(f"SHOW {limit}").scalar() for limit in limits] == ["30s", "5min"]
        with store.reading() as rows:
            assert [rows.exec_driver_sql(f"SHOW {limit}").scalar() for limit in limits] == ["0", "0"]


def test_a_connection_that_the_server_has_ended_is_made_again(postgres_url):
    others = "pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
    with closing(Store(postgres_url)) as store, closing(Store(postgres_url)) as another:
        assert store.runs() == []
        with another.reading() as rows:
            rows.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM {others}")
        assert store.runs() == []


def test_the_password_of_a_newer_store_is_not_shown(postgres_url):
    with closing(Store(postgres_url)) as store, store.writing() as rows:
        rows.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    url = parse(postgres_url).set(password="hunter2")
    with pytest.raises(StoreError) as caught:
        Store(url.render_as_string(hide_password=False))
    assert caught.value.problem == f"the store {url} was made by a newer version of timm-advisor"
    assert "hunter2" not in caught.value.problem
