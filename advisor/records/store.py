"""The store of records: SQLAlchemy on SQLite by default, on PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from advisor.errors import StoreError, UsageError
from advisor.records.migrations import HEAD, upgrade
from advisor.records.schema import Dataset, Epoch, Run, Source, Status, StoredSuggestion
from advisor.records.tables import DATASETS, EPOCHS, RUNS, SPOOLS, SUGGESTIONS

_BUSY_SECONDS = 30


class Store:
    """Runs, epochs, datasets and suggestions.

    Parameters
    ----------
    url : str
        A SQLAlchemy URL. A SQLite file and its folder are made if need be; the schema is brought up to date.

    Raises
    ------
    StoreError
        If the store cannot be opened: locked, corrupt, read-only, or made by a newer version.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        with self._explained():
            parsed = sa.make_url(url)
            sqlite = parsed.get_backend_name() == "sqlite"
            if sqlite and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(
                parsed, connect_args={"timeout": _BUSY_SECONDS} if sqlite else {}, pool_pre_ping=not sqlite
            )
            if sqlite:
                sa.event.listen(self._engine, "connect", _configure_sqlite)
            self._upgrade()

    def _upgrade(self) -> None:
        with self._engine.connect() as connection:
            known = sa.inspect(connection).has_table("alembic_version")
            current = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() if known else None
        if current == HEAD:
            return
        if current is not None and current > HEAD:
            raise StoreError(
                f"the store {self.url} was made by a newer version of timm-advisor",
                cause=f"its schema is {current}, this version knows {HEAD}",
                hint="pip install --upgrade timm-advisor",
            )
        upgrade(self._engine)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise StoreError(
                f"the store {self.url} cannot be used",
                cause=str(cause),
                hint="advisor doctor, or name another store with ADVISOR_STORE=sqlite:///FILE",
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Give a connection whose changes are kept together, or not at all.

        Raises
        ------
        StoreError
            If the store cannot be read or written.
        """
        with self._explained(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let all connections go."""
        self._engine.dispose()

    def add_runs(self, runs: Iterable[Run], epochs: Iterable[Epoch] = ()) -> None:
        """Add runs and epochs; those that are there already are replaced."""
        with self.transaction() as connection:
            upsert(connection, RUNS, [_row(run) for run in runs])
            upsert(connection, EPOCHS, [_row(epoch) for epoch in epochs])

    def runs(
        self,
        *,
        status: Status | None = None,
        source: Source | None = None,
        model: str | None = None,
        dataset: str | None = None,
        sort: str = "started_at",
        descending: bool = True,
        limit: int | None = None,
    ) -> list[Run]:
        """Return runs, filtered and sorted.

        Parameters
        ----------
        status, source, model : optional
            Keep only runs with this value.
        dataset : str, optional
            Keep only runs on the dataset of this name or id.
        sort : str
            Field to sort by; unknown values come last.
        descending : bool
            Largest first.
        limit : int, optional
            At most so many.

        Raises
        ------
        UsageError
            If ``sort`` is no field of a run.
        """
        if sort not in RUNS.c:
            raise UsageError(f"runs cannot be sorted by {sort!r}", hint=f"one of: {', '.join(RUNS.c.keys())}")
        query = sa.select(RUNS)
        for column, value in ((RUNS.c.status, status), (RUNS.c.source, source), (RUNS.c.model, model)):
            if value is not None:
                query = query.where(column == (value.value if isinstance(value, Enum) else value))
        if dataset is not None:
            query = query.where((RUNS.c.dataset_name == dataset) | (RUNS.c.dataset_id == dataset))
        order = RUNS.c[sort].desc() if descending else RUNS.c[sort].asc()
        query = query.order_by(order.nulls_last(), RUNS.c.run_id.desc()).limit(limit)
        with self.transaction() as connection:
            return [_run(dict(row)) for row in connection.execute(query).mappings()]

    def run(self, name: str) -> Run:
        """Return the run with this id, unique beginning of an id, or name (the newest of that name).

        Raises
        ------
        UsageError
            If there is none, or the beginning fits several.
        """
        query = sa.select(RUNS).where(RUNS.c.run_id.startswith(name, autoescape=True)).limit(3)
        named = sa.select(RUNS).where(RUNS.c.name == name).order_by(RUNS.c.started_at.desc()).limit(1)
        with self.transaction() as connection:
            found = connection.execute(query).mappings().all() or connection.execute(named).mappings().all()
        if len(found) > 1:
            raise UsageError(f"{name!r} fits several runs", hint="give more of the id; see `advisor records list`")
        if not found:
            raise UsageError(f"there is no run {name!r}", hint="advisor records list")
        return _run(dict(found[0]))

    def epochs(self, run_id: str) -> list[Epoch]:
        """Return the epochs of a run in order."""
        query = sa.select(EPOCHS).where(EPOCHS.c.run_id == run_id).order_by(EPOCHS.c.epoch)
        with self.transaction() as connection:
            return [Epoch(**row) for row in connection.execute(query).mappings()]

    def put_dataset(self, dataset: Dataset) -> None:
        """Add a dataset, or replace its description."""
        with self.transaction() as connection:
            upsert(connection, DATASETS, [_row(dataset)])

    def datasets(self) -> list[Dataset]:
        """Return all described datasets by name."""
        with self.transaction() as connection:
            rows = connection.execute(sa.select(DATASETS).order_by(DATASETS.c.name)).mappings()
            return [Dataset(**row) for row in rows]

    def save_suggestion(self, suggestion: StoredSuggestion) -> None:
        """Remember advice that was given."""
        with self.transaction() as connection:
            upsert(connection, SUGGESTIONS, [_row(suggestion)])

    def suggestions(self) -> list[StoredSuggestion]:
        """Return the advice that was given, newest first."""
        query = sa.select(SUGGESTIONS).order_by(SUGGESTIONS.c.created_at.desc())
        with self.transaction() as connection:
            return [StoredSuggestion(**row) for row in connection.execute(query).mappings()]

    def remove(self, run_ids: Sequence[str]) -> None:
        """Remove runs and their epochs."""
        with self.transaction() as connection:
            for table in (EPOCHS, RUNS):
                connection.execute(sa.delete(table).where(table.c.run_id.in_(run_ids)))

    def offsets(self) -> dict[str, int]:
        """Return how many bytes of each spool are taken, by run."""
        with self.transaction() as connection:
            return {row.run_id: row.offset for row in connection.execute(sa.select(SPOOLS))}


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; of one that is there already, the given columns are replaced.

    Parameters
    ----------
    connection : Connection
        In a transaction.
    table : Table
        With a primary key.
    rows : sequence of mapping
        All with the same keys, the primary key among them.
    """
    if not rows:
        return
    # Both dialects offer the same methods; SQLAlchemy has no common type for them.
    insert: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    if changed:
        statement = insert.on_conflict_do_update(index_elements=keys, set_=changed)
    else:
        statement = insert.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, list(rows))


def plain(value: Any) -> Any:
    """Return a value as the database takes it."""
    return value.value if isinstance(value, Enum) else value


def _row(record: Any) -> dict[str, Any]:
    return {name: plain(value) for name, value in vars(record).items()}


def _run(values: dict[str, Any]) -> Run:
    values["status"], values["source"] = Status(values["status"]), Source(values["source"])
    values["versions"], values["extra"] = values["versions"] or {}, values["extra"] or {}
    values["epochs_done"] = values["epochs_done"] or 0
    return Run(**values)


def _configure_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
