"""Opens the database of a store and brings its schema up to date; explains why that failed."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import StaticPool

from advisor.errors import StoreError
from advisor.records.privacy.private_files import make_private_file, make_private_folder
from advisor.records.store.migrations import HEAD, lock_server, upgrade

BUSY_SECONDS = 30
"""How long to wait for a store that another process writes; ``?timeout=`` in the URL of a SQLite one overrides it."""
VANISHED_SECONDS = 300
"""How long a server keeps a transaction in which nothing happens."""
MAPPED_BYTES = 2**30


def parse(url: str) -> sa.URL:
    """Return a SQLAlchemy URL in its parts, with the driver that the extra brings and not SQLAlchemy's choice."""
    parsed = sa.make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


def connect(url: sa.URL) -> sa.Engine:
    """Open a database and bring its schema up to date; a SQLite file and its folder are made if need be.

    Raises
    ------
    StoreError
        If it was made by a newer version.
    SQLAlchemyError, OSError, ImportError
        If it cannot be opened; ``unusable`` explains these.
    """
    if url.get_backend_name() == "sqlite":
        file, engine = _sqlite_engine(url)
    else:
        file, engine = None, sa.create_engine(url, pool_pre_ping=True)
        sa.event.listen(engine, "begin", _begin_on_server)
    try:
        _bring_up_to_date(engine, file, url.render_as_string(hide_password=True))
    except Exception:
        engine.dispose()  # else its connections stay open
        raise
    return engine


def unusable(url: str, error: Exception) -> StoreError:
    """Return what to tell of a store that cannot be opened, read or written."""
    cause = (str(error.orig if isinstance(error, DBAPIError) else error).splitlines() or [type(error).__name__])[0]
    if "locked" in cause or "lock timeout" in cause:
        hint = "wait for the process that holds it, then try again"
    elif "not a database" in cause or "malformed" in cause:
        hint = "advisor records restore BACKUP; without one move the file away, then `advisor records sync`"
    elif isinstance(error, ArgumentError):
        hint = "write it as a URL, such as sqlite:////folder/records.db"
    elif "already exists" in cause:
        hint = "it holds tables of another program; name another store with ADVISOR_STORE=sqlite:///FILE"
    elif isinstance(error, ImportError):
        hint = "pip install 'timm-advisor[postgres]'"
    elif "readonly" in cause or "read-only" in cause or "unable to open" in cause or isinstance(error, OSError):
        hint = "make it writable, or name another store with ADVISOR_STORE=sqlite:///FILE"
    else:
        hint = "advisor doctor"
    return StoreError(f"the store {url} cannot be used", cause=cause, hint=hint)


def _bring_up_to_date(engine: sa.Engine, file: Path | None, shown: str) -> None:
    revision = _revision(engine)
    if revision == HEAD:
        return
    if revision is not None and revision > HEAD:
        raise StoreError(
            f"the store {shown} was made by a newer version of timm-advisor",
            cause=f"its schema is {revision}, this version knows {HEAD}",
            hint="pip install --upgrade timm-advisor, or name another store with ADVISOR_STORE",
        )
    if file is None:
        upgrade(engine)
        return
    from filelock import FileLock, Timeout

    try:
        # SQLite does not wait for others while it changes to its write-ahead log.
        with FileLock(f"{file}.lock", timeout=BUSY_SECONDS):
            with closing(engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA journal_mode=WAL")
            upgrade(engine)
    except Timeout as error:
        raise OSError(f"another process has been holding {error.lock_file} for {BUSY_SECONDS} s") from error


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def _sqlite_engine(url: sa.URL) -> tuple[Path | None, sa.Engine]:
    """Return the file of a SQLite store, None if it is in memory, and the engine for it."""
    arguments: dict[str, Any] = {} if "timeout" in url.query else {"timeout": BUSY_SECONDS}
    file = _file_of(url)
    if file is None:
        engine = sa.create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    elif file.exists() and not os.access(file, os.W_OK):
        query: dict[str, Any] = {**url.query, "mode": "ro", "uri": "true"}
        if not _is_live(file):  # else SQLite wants to write beside it, which a read-only disk forbids
            query["immutable"] = "1"
        engine = sa.create_engine(url.set(database=f"file:{quote(str(file))}", query=query), connect_args=arguments)
    else:
        if "uri" not in url.query:  # else the URL says whether it is made
            if not file.parent.exists():
                make_private_folder(file.parent)
            # SQLite gives what it writes beside the file the mode of the file.
            make_private_file(file)
        engine = sa.create_engine(url, connect_args=arguments)
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return file, engine


def _file_of(url: sa.URL) -> Path | None:
    """Return the file of a SQLite store, which may be named as SQLite names it; None if it is in memory."""
    name = url.database or ""
    if "uri" in url.query:
        name = "" if url.query.get("mode") == "memory" else unquote(urlsplit(name).path)
    return None if name in ("", ":memory:") else Path(name)


def _is_live(file: Path) -> bool:
    """Return whether there are changes beside a SQLite file that are not in it yet."""
    log = file.with_name(f"{file.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _prepare(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin`
    # Mapped and not copied page by page, 100,000 runs are searched in a third of the time.
    connection.execute(f"PRAGMA mmap_size={MAPPED_BYTES}").close()


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later would fail at once, not wait, where another has written between.
    kind = "IMMEDIATE" if _writes(connection) else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {kind}")


def _begin_on_server(connection: sa.Connection) -> None:
    if _writes(connection):
        # A client that vanishes, as with its network, must not hold the others up for long.
        for limit, seconds in (
            ("lock_timeout", BUSY_SECONDS),
            ("idle_in_transaction_session_timeout", VANISHED_SECONDS),
        ):
            connection.exec_driver_sql(f"SET LOCAL {limit} = '{seconds}s'")
        lock_server(connection)


def _writes(connection: sa.Connection) -> bool:
    return bool(connection.get_execution_options().get("advisor_writes"))
