"""Copies a store that others use at the same time into a file, and puts such a copy back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from advisor.errors import StoreError, UsageError
from advisor.records.privacy.private_files import make_private_file, make_private_folder
from advisor.records.store.connection import BUSY_SECONDS, parse
from advisor.records.store.migrations import HEAD
from advisor.records.store.store import Store


def back_up(url: str, file: Path) -> None:
    """Write a copy of a store as it is at one moment; a file of before stays until the copy is complete.

    Parameters
    ----------
    url : str
        The store.
    file : Path
        Where to.

    Raises
    ------
    UsageError
        If the store is on a server, or the file is the store.
    StoreError
        If the store is damaged or cannot be read, or the file cannot be written.
    """
    store_file = _file_of(url)
    if _is_same(store_file, file):
        raise UsageError(f"{file} is the store itself", hint="name another file")
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with _explained(store_file, file), closing(_read(store_file)) as source:
            make_private_file(unfinished)
            with closing(sqlite3.connect(unfinished)) as copy:
                source.backup(copy)
                _check(copy, store_file)
                copy.execute("PRAGMA journal_mode=DELETE")  # all of it in one file
            os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def restore(url: str, file: Path) -> Path | None:
    """Put a copy in the place of what a store holds; those who use the store see it at once.

    Parameters
    ----------
    url : str
        The store; it need not be there.
    file : Path
        A copy that ``back_up`` wrote.

    Returns
    -------
    Path or None
        Where the store was moved to, if it was damaged.

    Raises
    ------
    UsageError
        If the store is on a server, or the file is the store.
    StoreError
        If the file is no whole store or one of a newer version, or the store cannot be written; it stays as it is.
    """
    from filelock import FileLock, Timeout

    store_file = _file_of(url)
    if _is_same(store_file, file):
        raise UsageError(f"{file} is the store itself", hint="name the copy of it")
    with _explained(file, store_file), closing(_read(file)) as copy:
        _check(copy, file)
        revision = copy.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        if revision > HEAD:
            raise StoreError(
                f"{file} was made by a newer version of timm-advisor",
                cause=f"its schema is {revision}, this version knows {HEAD}",
                hint="pip install --upgrade timm-advisor",
            )
        make_private_folder(store_file.parent)
        try:
            with FileLock(f"{store_file}.lock", timeout=BUSY_SECONDS):
                damaged = _move_if_damaged(store_file)
                make_private_file(store_file)
                with closing(sqlite3.connect(store_file, timeout=BUSY_SECONDS)) as target:
                    copy.backup(target)
        except Timeout as error:
            raise OSError(f"another process has been holding {error.lock_file} for {BUSY_SECONDS} s") from error
    Store(url).close()  # a copy of an older version is brought up to date
    return damaged


def _file_of(url: str) -> Path:
    address = parse(url)
    if address.get_backend_name() != "sqlite":
        shown = address.render_as_string(hide_password=True)
        raise UsageError(
            f"the store {shown} is on a server",
            cause="this command copies files",
            hint="pg_dump --format custom --file FILE DATABASE, and pg_restore --clean --dbname DATABASE FILE",
        )
    if address.database in (None, "", ":memory:") or "uri" in address.query:
        raise UsageError(f"the store {url} is no file", hint="advisor config")
    return Path(str(address.database))


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _read(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=BUSY_SECONDS)


def _check(connection: sqlite3.Connection, file: Path) -> None:
    """Raise an error if a database is not a whole store."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(str(found).splitlines()[-1])  # the first names the database
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not {"alembic_version", "runs", "spools"} <= names:
        raise StoreError(f"{file} is no store of records", hint="name a file that `advisor records backup` wrote")


def _move_if_damaged(file: Path) -> Path | None:
    """Move a store that is no whole database away, with what belongs to it; return where to."""
    if not file.exists():
        return None
    try:
        with closing(_read(file)) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                return None
    except sqlite3.OperationalError:  # locked, or not permitted: not damaged
        raise
    except sqlite3.DatabaseError:
        pass
    moved = file.with_name(f"{file.name}.damaged-{datetime.now():%Y%m%dT%H%M%S}")
    for part in ("", "-wal", "-shm"):
        beside = file.with_name(f"{file.name}{part}")
        if beside.exists():
            os.replace(beside, f"{moved}{part}")
    return moved


@contextmanager
def _explained(source: Path, target: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"{source} cannot be copied to {target}", cause=str(error), hint="check that both can be read and written"
        ) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{source} is damaged", cause=str(error).splitlines()[0], hint="advisor records restore BACKUP"
        ) from error
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written", cause=error.strerror or str(error), hint="name a file in a folder of yours"
        ) from error
