"""The store of records: SQLAlchemy on SQLite by default, on PostgreSQL by URL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from advisor.errors import UsageError
from advisor.records.schema import Dataset, Epoch, Run, Source, Status, StoredSuggestion
from advisor.records.store.connection import connect, parse, unusable
from advisor.records.store.rows import R, record, row, upsert
from advisor.records.store.selection import EVERY, Selection
from advisor.records.store.tables import DATASETS, EPOCHS, RUNS, SPOOLS, SUGGESTIONS, THUMBNAILS, equals

_IDS_A_STATEMENT = 500
_ROWS_AT_ONCE = 1_000
_dataset_root = RUNS.c.extra["dataset_root"].as_string()


class Store:
    """Runs, epochs, datasets and suggestions.

    Every method raises ``StoreError`` if the store cannot be read or written.

    Parameters
    ----------
    url : str
        A SQLAlchemy URL. A SQLite file and its folder are made if need be, and the schema is brought up to date. A
        SQLite file on a read-only disk can still be read.

    Raises
    ------
    StoreError
        If the store cannot be opened: locked, corrupt, or made by a newer version.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        with self._explained():
            address = parse(url)
            self.url = address.render_as_string(hide_password=True)
            self._engine = connect(address)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise unusable(self.url, error) from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the store throughout."""
        with self._explained(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection whose changes are kept together, or not at all; one at a time has it.

        So none waits for another that waits for it, in whatever order they write their rows.
        """
        engine = self._engine.execution_options(advisor_writes=True)
        with self._explained(), engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let all connections go."""
        self._engine.dispose()

    def add_runs(self, runs: Iterable[Run], epochs: Iterable[Epoch] = ()) -> None:
        """Add runs and epochs; those that are there already are replaced."""
        with self.writing() as connection:
            upsert(connection, RUNS, [row(run) for run in runs])
            upsert(connection, EPOCHS, [row(epoch) for epoch in epochs])

    def runs(
        self,
        *,
        status: Status | Sequence[Status] | None = None,
        source: Source | None = None,
        model: str | None = None,
        architecture: str | None = None,
        opt: str | None = None,
        name: str | None = None,
        dataset: str | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        sort: str = "started_at",
        descending: bool = True,
        limit: int | None = None,
    ) -> list[Run]:
        """Return runs, filtered and sorted.

        Parameters
        ----------
        status, source, model, architecture, opt, name, dataset, since, before : optional
            What to keep, see ``Selection``.
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
        chosen = Selection(status, source, model, architecture, opt, name, dataset, since, before)
        query = chosen.of(sa.select(RUNS))
        by_field = RUNS.c[sort].desc() if descending else RUNS.c[sort].asc()
        order = (by_field.nulls_last(), RUNS.c.run_id.desc())
        if limit is not None:
            # Sorting carries whole rows along, long JSON included, so it is told to sort their ids.
            first = query.with_only_columns(RUNS.c.run_id).order_by(*order).limit(limit)
            query = sa.select(RUNS).where(RUNS.c.run_id.in_(first))
        return self._all(Run, query.order_by(*order))

    def each_run(self, chosen: Selection = EVERY, *, descending: bool = True) -> Iterator[Run]:
        """Give runs one by one by when they started, however many there are."""
        query = chosen.of(sa.select(RUNS)).order_by(*_by_start(descending=descending))
        with self.reading() as connection:
            for found in connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)).mappings():
                yield record(Run, found)

    def count(self, chosen: Selection = EVERY) -> int:
        """Return how many runs there are."""
        with self.reading() as connection:
            return int(connection.execute(chosen.of(sa.select(sa.func.count()).select_from(RUNS))).scalar_one())

    def run_ids(self, chosen: Selection = EVERY) -> list[str]:
        """Return the ids of runs, the oldest first."""
        with self.reading() as connection:
            query = chosen.of(sa.select(RUNS.c.run_id)).order_by(*_by_start(descending=False))
            return list(connection.execute(query).scalars())

    def run(self, name: str) -> Run:
        """Return the run with this id, unique beginning of an id, or name (the newest of that name).

        Raises
        ------
        UsageError
            If there is none, or the beginning fits several.
        """
        exact = sa.select(RUNS).where(RUNS.c.run_id == name)
        begins = sa.select(RUNS).where(RUNS.c.run_id.startswith(name, autoescape=True)).limit(2)
        named = sa.select(RUNS).where(equals(RUNS.c.name, name)).order_by(RUNS.c.started_at.desc()).limit(1)
        found = self._all(Run, exact) or self._all(Run, named) or self._all(Run, begins)
        if len(found) > 1:
            raise UsageError(f"{name!r} fits several runs", hint="give more of the id; see `advisor records list`")
        if not found:
            raise UsageError(
                f"there is no run {name!r}",
                cause="none is recorded under this name or id; one that was just started is there once it trains",
                hint="advisor records list",
            )
        return found[0]

    def epochs(self, run_id: str) -> list[Epoch]:
        """Return the epochs of a run in order."""
        return self._all(Epoch, sa.select(EPOCHS).where(EPOCHS.c.run_id == run_id).order_by(EPOCHS.c.epoch))

    def epochs_of(self, run_ids: Sequence[str]) -> Iterator[Epoch]:
        """Give the epochs of many runs, each run's together and in order."""
        for start in range(0, len(run_ids), _IDS_A_STATEMENT):
            some = EPOCHS.c.run_id.in_(run_ids[start : start + _IDS_A_STATEMENT])
            yield from self._all(Epoch, sa.select(EPOCHS).where(some).order_by(EPOCHS.c.run_id, EPOCHS.c.epoch))

    def put_dataset(self, dataset: Dataset) -> None:
        """Add a dataset, or replace its description."""
        with self.writing() as connection:
            upsert(connection, DATASETS, [row(dataset)])

    def thumbnails(self, dataset_id: str) -> bytes | None:
        """Return what is kept of a dataset's images to compare others with, or None if nothing is."""
        with self.reading() as connection:
            query = sa.select(THUMBNAILS.c.thumbnails).where(THUMBNAILS.c.dataset_id == dataset_id)
            return connection.execute(query).scalar_one_or_none()

    def put_in_group(
        self, dataset: Dataset, thumbnails: bytes, alike: Callable[[Mapping[str, bytes]], Sequence[str]]
    ) -> Dataset:
        """Add a dataset, or replace its description, in the group of those that share images with it.

        Groups that the dataset ties together become one. Another process cannot add a dataset during this.

        Parameters
        ----------
        dataset : Dataset
            Its group is kept where it shares images with none.
        thumbnails : bytes
            What is kept of its images to compare others with.
        alike : callable
            From what is kept of the other datasets, by id, to the ids of those that share images, most similar first.

        Returns
        -------
        Dataset
            The description with the group it was given.
        """
        with self.writing() as connection:
            others = {key: kept for key, kept in _thumbnails(connection).items() if key != dataset.dataset_id}
            groups = _groups_of(connection, alike(others))
            if groups:
                dataset = replace(dataset, group=groups[0])
                merged = sa.update(DATASETS).where(DATASETS.c.group.in_(groups)).values(group=groups[0])
                connection.execute(merged)
            upsert(connection, DATASETS, [row(dataset)])
            upsert(connection, THUMBNAILS, [{"dataset_id": dataset.dataset_id, "thumbnails": thumbnails}])
        return dataset

    def folders_without_dataset(self, run_ids: Sequence[str] | None = None) -> dict[str, int]:
        """Return where runs whose dataset is not described yet say that its images are, and how many of them.

        Of all runs, or of those of ``run_ids``.
        """
        unknown = RUNS.c.dataset_id.is_(None) & _dataset_root.is_not(None)
        query = sa.select(_dataset_root, sa.func.count()).where(unknown).group_by(_dataset_root).order_by(_dataset_root)
        queries = [query]
        if run_ids is not None:
            starts = range(0, len(run_ids), _IDS_A_STATEMENT)
            queries = [query.where(RUNS.c.run_id.in_(run_ids[start : start + _IDS_A_STATEMENT])) for start in starts]
        found: Counter[str] = Counter()
        with self.reading() as connection:
            for folder, count in (pair for one in queries for pair in connection.execute(one)):
                found[folder] += count
        return dict(found)

    def runs_without_dataset(self, folder: str) -> list[Run]:
        """Return the runs whose dataset is not described yet and that say that its images are in a folder."""
        return self._all(Run, sa.select(RUNS).where(RUNS.c.dataset_id.is_(None), _dataset_root == folder))

    def set_dataset(self, run_ids: Sequence[str], dataset: Dataset) -> None:
        """Say which dataset runs were trained on; it also tells the number of classes where a run does not."""
        values = {
            "dataset_id": dataset.dataset_id,
            "n_classes": sa.func.coalesce(RUNS.c.n_classes, dataset.n_classes),
        }
        with self.writing() as connection:
            for start in range(0, len(run_ids), _IDS_A_STATEMENT):
                some = RUNS.c.run_id.in_(run_ids[start : start + _IDS_A_STATEMENT])
                connection.execute(sa.update(RUNS).where(some).values(values))

    def datasets(self) -> list[Dataset]:
        """Return all described datasets by name."""
        return self._all(Dataset, sa.select(DATASETS).order_by(DATASETS.c.name, DATASETS.c.dataset_id))

    def dataset(self, dataset_id: str) -> Dataset | None:
        """Return the description of a dataset, or None if there is none."""
        found = self._all(Dataset, sa.select(DATASETS).where(DATASETS.c.dataset_id == dataset_id))
        return found[0] if found else None

    def save_suggestion(self, suggestion: StoredSuggestion) -> None:
        """Remember advice that was given."""
        with self.writing() as connection:
            upsert(connection, SUGGESTIONS, [row(suggestion)])

    def suggestions(self) -> list[StoredSuggestion]:
        """Return the advice that was given, newest first."""
        return self._all(StoredSuggestion, sa.select(SUGGESTIONS).order_by(SUGGESTIONS.c.created_at.desc()))

    def suggestion(self, suggestion_id: str) -> StoredSuggestion | None:
        """Return the advice of an id, or None if it is not remembered."""
        query = sa.select(SUGGESTIONS).where(SUGGESTIONS.c.suggestion_id == suggestion_id)
        found = self._all(StoredSuggestion, query)
        return found[0] if found else None

    def remove(self, run_ids: Sequence[str]) -> None:
        """Remove runs and their epochs. What a sync has taken of them is not taken again."""
        with self.writing() as connection:
            for start in range(0, len(run_ids), _IDS_A_STATEMENT):
                some = run_ids[start : start + _IDS_A_STATEMENT]
                for table in (EPOCHS, RUNS):
                    connection.execute(sa.delete(table).where(table.c.run_id.in_(some)))

    def counts(self) -> dict[str, int]:
        """Return how many runs, epochs, datasets and suggestions there are, by these names."""
        with self.reading() as connection:
            return {
                table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in (RUNS, EPOCHS, DATASETS, SUGGESTIONS)
            }

    def spool_states(self, run_ids: Sequence[str]) -> dict[str, tuple[int, Status | None]]:
        """Return, for those of the runs that are known, how many bytes of its spool are taken and its status."""
        if not run_ids:
            return {}
        joined = SPOOLS.outerjoin(RUNS, SPOOLS.c.run_id == RUNS.c.run_id)
        query = sa.select(SPOOLS, RUNS.c.status).select_from(joined)
        states: dict[str, tuple[int, Status | None]] = {}
        with self.reading() as connection:
            for start in range(0, len(run_ids), _IDS_A_STATEMENT):
                some = SPOOLS.c.run_id.in_(run_ids[start : start + _IDS_A_STATEMENT])
                for one in connection.execute(query.where(some)):
                    states[one.run_id] = one.offset, Status(one.status) if one.status else None
        return states

    def _all(self, kind: type[R], query: sa.Select[Any]) -> list[R]:
        with self.reading() as connection:
            return [record(kind, found) for found in connection.execute(query).mappings()]


def _by_start(*, descending: bool) -> tuple[sa.ColumnElement[Any], ...]:
    started = RUNS.c.started_at.desc() if descending else RUNS.c.started_at.asc()
    return started.nulls_last(), RUNS.c.run_id.desc()


def _thumbnails(connection: sa.Connection) -> dict[str, bytes]:
    return {found.dataset_id: found.thumbnails for found in connection.execute(sa.select(THUMBNAILS))}


def _groups_of(connection: sa.Connection, dataset_ids: Sequence[str]) -> list[str]:
    """Return the groups of datasets in the order of these, each once."""
    found = connection.execute(
        sa.select(DATASETS.c.dataset_id, DATASETS.c.group).where(DATASETS.c.dataset_id.in_(dataset_ids))
    )
    group_of = {one.dataset_id: one.group for one in found}
    return list(dict.fromkeys(group_of[key] for key in dataset_ids if key in group_of))
