"""Turns what is new in spools into rows of the store, those of many spools in few statements."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from advisor.records.encoding import from_json
from advisor.records.outcome import outcome
from advisor.records.privacy.secrets import scrub_fields
from advisor.records.recording import spool
from advisor.records.recording.given import completed
from advisor.records.schema import EPOCH_METRICS, Dataset, Epoch, Run, Source, Status
from advisor.records.store.rows import record, row, upsert
from advisor.records.store.sync_report import SyncReport
from advisor.records.store.tables import DATASETS, EPOCHS, RUNS, SPOOLS, SUGGESTIONS

STALE_AFTER = timedelta(minutes=10)
"""A run whose lock cannot be asked, on another machine, is given up when it has shown no sign of life for so long."""
OPEN = (Status.RUNNING, Status.STALE)
"""Statuses of runs that have not said how they ended."""
_CLOCKS_DIFFER = timedelta(minutes=10)
_EPOCHS_AT_ONCE = 20_000
"""Rows that wait to be written, which bounds the memory."""


class Ingest:
    """Takes what is new in some spools, within one transaction.

    Parameters
    ----------
    connection : Connection
        One that is writing.
    run_ids : sequence of str
        Of the spools.
    report : SyncReport
        Counts what is done.
    """

    def __init__(self, connection: sa.Connection, run_ids: Sequence[str], report: SyncReport) -> None:
        self._connection = connection
        self._report = report
        taken = connection.execute(sa.select(SPOOLS).where(SPOOLS.c.run_id.in_(run_ids)))
        self._offsets: dict[str, int] = {one.run_id: one.offset for one in taken}
        found = connection.execute(sa.select(RUNS).where(RUNS.c.run_id.in_(run_ids))).mappings()
        self._runs = {one["run_id"]: record(Run, one) for one in found}
        self._waiting: dict[sa.Table, list[dict[str, Any]]] = {RUNS: [], EPOCHS: [], SPOOLS: []}

    def write(self) -> None:
        """Write the rows that wait."""
        for table, rows in self._waiting.items():
            upsert(self._connection, table, rows)
            rows.clear()

    def take(self, path: Path) -> bool:
        """Take what is new in one of the spools; return whether all of it is taken and nothing will follow.

        Raises
        ------
        OSError
            If the file cannot be read, or is no longer there.
        """
        held = spool.is_held(path)  # before reading: what a process wrote before it let go is then read too
        run_id = path.stem
        offset = self._offsets.get(run_id, 0)
        chunk = spool.read(path, offset)
        self._report.unreadable += chunk.unreadable
        self._report.newer += chunk.newer
        before = self._runs.get(run_id)
        if before is None and offset:  # it was removed from the store
            self._reached(run_id, offset, chunk.end)
            return held is False
        after = self._applied(before, run_id, chunk, path, held)
        if after is None:
            return False
        if after != before:
            self._waiting[RUNS].append(row(after))
            self._report.runs += 1
        self._report.lines += len(chunk.lines)
        self._reached(run_id, offset, chunk.end)
        if len(self._waiting[EPOCHS]) > _EPOCHS_AT_ONCE:
            self.write()
        if after.status not in OPEN:  # it has said its last word, also where locks cannot be asked
            return not held and not chunk.newer
        return held is False and not chunk.newer and after.host == socket.gethostname()

    def _reached(self, run_id: str, before: int, end: int) -> None:
        if end != before:
            self._waiting[SPOOLS].append({"run_id": run_id, "offset": end})

    def _applied(
        self, before: Run | None, run_id: str, chunk: spool.Chunk, path: Path, held: bool | None
    ) -> Run | None:
        """Return the run as the lines tell it, its epochs waiting; None if nothing is known of it yet."""
        known: dict[str, Any] = vars(before).copy() if before is not None else {}
        epochs: dict[int, dict[str, Any]] = {}
        for line in chunk.lines:
            try:
                if line.type == "epoch":
                    metrics = dict.fromkeys(EPOCH_METRICS) | from_json(Epoch, {**line.data, "run_id": run_id})
                    epochs[int(line.data["epoch"])] = metrics
                elif line.type == "dataset":
                    _know(self._connection, Dataset(**from_json(Dataset, line.data)))
                elif line.type in ("run", "end", "heartbeat"):
                    # Again: an older version, or a program of another hand, may have written what this one would not.
                    fields = scrub_fields(from_json(Run, {**line.data, "run_id": run_id}))
                    for name in ("extra", "versions"):
                        fields[name] = {**known.get(name, {}), **(fields.get(name) or {})}
                    known.update(fields)
            except (ValueError, TypeError, KeyError, OverflowError):
                self._report.unreadable += 1
        if "started_at" not in known:
            return None
        self._waiting[EPOCHS] += epochs.values()
        run = Run(**{"source": Source.API, **known})
        if run.resumed_from is None and run.extra.get("resume"):
            self.write()  # it may resume one of those that wait
            run = replace(run, resumed_from=_resumed(self._connection, run))
        if run.status in OPEN:
            stored = _stored_epochs(self._connection, run_id) if before is not None else {}
            run = _derived(run, {**stored, **epochs}, path, _is_gone(run, path, held))
            was_stale = before is not None and before.status is Status.STALE
            self._report.stale += run.status is Status.STALE and not was_stale
        if run.source is Source.API and run.suggestion_id and run.status not in OPEN:
            run = _as_suggested(self._connection, run)
        return run


def _know(connection: sa.Connection, dataset: Dataset) -> None:
    """Store the description of a dataset that is not known yet; one that is may have been put into a group since."""
    known = sa.select(DATASETS.c.dataset_id).where(DATASETS.c.dataset_id == dataset.dataset_id)
    if connection.execute(known).first() is None:
        upsert(connection, DATASETS, [row(dataset)])


def _resumed(connection: sa.Connection, run: Run) -> str | None:
    """Return the run whose checkpoint a run resumes: the latest before it that wrote to the checkpoint's folder."""
    folder = str(Path(str(run.extra["resume"])).parent)
    writes_there = RUNS.c.extra["output_dir"].as_string() == folder
    earlier = sa.select(sa.func.max(RUNS.c.run_id)).where(RUNS.c.run_id < run.run_id, writes_there)
    found: str | None = connection.execute(earlier).scalar()
    return found


def _as_suggested(connection: sa.Connection, run: Run) -> Run:
    """Return a run of a loop that named its suggestion, with what it left to that."""
    query = sa.select(SUGGESTIONS.c.suggestion).where(SUGGESTIONS.c.suggestion_id == run.suggestion_id)
    document = connection.execute(query).scalar()
    try:
        run = replace(run, **(completed(run, document) if document else {}))
    except (KeyError, IndexError, TypeError):  # a suggestion of another version
        return run
    if run.status is Status.FINISHED and run.epochs is not None and run.epochs_done < run.epochs:
        return replace(run, status=Status.INTERRUPTED)
    return run


def _is_gone(run: Run, path: Path, held: bool | None) -> bool:
    if held is not None and run.host == socket.gethostname():
        return not held
    now = datetime.now(timezone.utc)
    signs = [datetime.fromtimestamp(path.stat().st_mtime, timezone.utc), run.heartbeat_at or run.started_at]
    # A clock that went wrong, there or here, must not keep a dead run alive until the time it showed.
    credible = [sign for sign in signs if sign is not None and sign < now + _CLOCKS_DIFFER]
    return not held and all(now - sign > STALE_AFTER for sign in credible)


def _stored_epochs(connection: sa.Connection, run_id: str) -> dict[int, dict[str, Any]]:
    found = connection.execute(sa.select(EPOCHS).where(EPOCHS.c.run_id == run_id)).mappings()
    return {one["epoch"]: dict(one) for one in found}


def _derived(run: Run, epochs: Mapping[int, Mapping[str, Any]], path: Path, gone: bool) -> Run:
    """Return a run that has not said how it ended with what follows from its epochs so far."""
    fields = outcome(vars(run), [epochs[number] for number in sorted(epochs)], Status.STALE)
    if gone:
        last_sign = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        fields |= {"ended_at": max(last_sign, run.started_at or last_sign), "error": "its process ended without a word"}
    else:
        fields |= {"status": Status.RUNNING, "ended_at": None, "error": None}
    return replace(run, **fields)
