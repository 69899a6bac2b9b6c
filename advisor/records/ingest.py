"""Takes what is new in the spools into the store, once each, from as many processes at a time as there are."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from advisor.records import spool
from advisor.records.schema import EPOCH_METRICS, RUN_FIELDS, Source, Status
from advisor.records.store import Store, plain, upsert
from advisor.records.tables import EPOCHS, RUNS, SPOOLS

STALE_AFTER = timedelta(minutes=10)
"""A run on another machine is given up when nothing was heard of it for so long."""


@dataclass
class SyncReport:
    """What a synchronisation did: runs that had something new, lines taken, and runs that were found dead."""

    runs: int = 0
    lines: int = 0
    stale: int = 0


def sync(store: Store, spool_dir: Path) -> SyncReport:
    """Take every whole line that is not in the store yet.

    A spool is removed once its run has ended and all of it is taken. A run whose process is gone without an end is
    marked STALE.

    Parameters
    ----------
    store : Store
        Where to.
    spool_dir : Path
        Where from; it need not exist.

    Raises
    ------
    StoreError
        If the store cannot be written; the spools keep what was not taken.
    """
    report = SyncReport()
    for path in sorted(spool_dir.glob(f"*{spool.SUFFIX}")):
        _sync_one(store, path, report)
    return report


def _sync_one(store: Store, path: Path, report: SyncReport) -> None:
    run_id = path.stem
    held = spool.is_held(path)
    with store.transaction() as connection:
        # Take the write lock before reading the offset: two processes must not both take the same lines.
        touch = sa.update(SPOOLS).where(SPOOLS.c.run_id == run_id).values(offset=SPOOLS.c.offset)
        if not connection.execute(touch).rowcount:
            upsert(connection, SPOOLS, [{"run_id": run_id, "offset": 0}])
        offset = connection.execute(sa.select(SPOOLS.c.offset).where(SPOOLS.c.run_id == run_id)).scalar_one()
        try:
            lines = list(spool.read(path, offset))
        except FileNotFoundError:  # another process has taken all of it and removed it
            return
        for line in lines:
            _take(connection, run_id, line)
        if lines:
            report.runs += 1
            report.lines += len(lines)
            connection.execute(sa.update(SPOOLS).where(SPOOLS.c.run_id == run_id).values(offset=lines[-1].end))
        current = connection.execute(sa.select(RUNS).where(RUNS.c.run_id == run_id)).mappings().first()
        if current is not None and current["status"] == Status.RUNNING and _is_stale(dict(current), path, held):
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run_id).values(status=Status.STALE.value))
            report.stale += 1
        done = current is not None and current["status"] not in (Status.RUNNING, Status.STALE)
    if done and not held:
        spool.remove(path)


def _take(connection: sa.Connection, run_id: str, line: spool.Line) -> None:
    if line.type == "epoch":
        values = {name: line.data.get(name) for name in ("epoch", *EPOCH_METRICS)}
        upsert(connection, EPOCHS, [{"run_id": run_id, **values}])
    elif line.type == "run":
        values = {name: plain(value) for name, value in line.data.items() if name in RUN_FIELDS}
        defaults = {"status": Status.RUNNING.value, "source": Source.API.value}
        exists = connection.execute(sa.select(RUNS.c.run_id).where(RUNS.c.run_id == run_id)).scalar()
        base: Mapping[str, Any] = {} if exists else defaults
        upsert(connection, RUNS, [{**base, **values, "run_id": run_id}])


def _is_stale(run: Mapping[str, Any], path: Path, held: bool) -> bool:
    if run["host"] == socket.gethostname():
        return not held
    heard = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    return datetime.now(timezone.utc) - heard > STALE_AFTER
