"""Takes what is new in the spools into the store, once each, from as many processes at a time as there are."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from advisor.records import spool
from advisor.records.encoding import from_json
from advisor.records.outcome import outcome
from advisor.records.schema import EPOCH_METRICS, Epoch, Run, Source, Status
from advisor.records.store import Store, record, row, upsert
from advisor.records.tables import EPOCHS, RUNS, SPOOLS

STALE_AFTER = timedelta(minutes=10)
"""A run whose lock cannot be asked, on another machine, is given up when nothing was heard of it for so long."""
_SPOOLS_A_TRANSACTION = 50
_OPEN = (Status.RUNNING, Status.STALE)


@dataclass
class SyncReport:
    """What a synchronisation did."""

    runs: int = 0
    """Runs that had something new."""
    lines: int = 0
    stale: int = 0
    """Runs that were found dead."""
    unreadable: int = 0
    """Lines that were cut or damaged; they are passed over."""
    newer: int = 0
    """Spools that a newer version of this program writes; they are left for it."""


def sync(store: Store, spool_dir: Path, *, archive: bool = True) -> SyncReport:
    """Take every whole line that is not in the store yet.

    A run whose process is gone without a word is marked STALE, and taken up again should it turn out to live. A spool
    that is wholly in the store, and whose process is gone, is put into the subfolder ``ingested``.

    Parameters
    ----------
    store : Store
        Where to.
    spool_dir : Path
        Where from; it need not exist.
    archive : bool
        Whether spools are put away; False for the folder of another machine.

    Raises
    ------
    StoreError
        If the store cannot be written; the spools keep what was not taken.
    """
    report = SyncReport()
    known = store.spool_states()
    paths = [path for path in sorted(spool_dir.glob(f"*{spool.SUFFIX}")) if _has_news(path, known)]
    for start in range(0, len(paths), _SPOOLS_A_TRANSACTION):
        done = []
        with store.writing() as connection:
            for path in paths[start : start + _SPOOLS_A_TRANSACTION]:
                with suppress(FileNotFoundError):  # another process has taken all of it and put it away
                    if _take(connection, path, report):
                        done.append(path)
        for path in done if archive else ():
            spool.archive(path)
    return report


def _has_news(path: Path, known: Mapping[str, tuple[int, Status | None]]) -> bool:
    """Return, without a lock, whether a spool may have something for the store, or wants putting away."""
    offset, status = known.get(path.stem, (0, None))
    try:
        return path.stat().st_size != offset or not (status in _OPEN and spool.is_held(path))
    except FileNotFoundError:
        return False


def _take(connection: sa.Connection, path: Path, report: SyncReport) -> bool:
    """Take what is new in one spool; return whether all of it is taken and nothing will follow."""
    held = spool.is_held(path)  # before reading: what a process wrote before it let go is then read too
    run_id = path.stem
    offset = _offset(connection, run_id)
    chunk = spool.read(path, offset)
    report.unreadable += chunk.unreadable
    report.newer += chunk.newer
    found = connection.execute(sa.select(RUNS).where(RUNS.c.run_id == run_id)).mappings().first()
    before = record(Run, found) if found is not None else None
    if before is None and offset and not chunk.lines:
        return held is False  # it was removed from the store
    after = _apply(connection, before, run_id, chunk, report)
    if after is None:
        return False
    if after.resumed_from is None and after.extra.get("resume"):
        after = replace(after, resumed_from=_resumed(connection, after))
    if after.status in _OPEN:
        after = _derived(connection, after, path, _is_gone(after, path, held))
        report.stale += after.status is Status.STALE and (before is None or before.status is not Status.STALE)
    if after != before:
        upsert(connection, RUNS, [row(after)])
        report.runs += 1
    report.lines += len(chunk.lines)
    if chunk.end != offset:
        upsert(connection, SPOOLS, [{"run_id": run_id, "offset": chunk.end}])
    return held is False and not chunk.newer and (after.status not in _OPEN or after.host == socket.gethostname())


def _offset(connection: sa.Connection, run_id: str) -> int:
    """Return how much of a spool is taken; until the transaction ends no other process takes of it."""
    query = sa.select(SPOOLS.c.offset).where(SPOOLS.c.run_id == run_id).with_for_update()
    offset: int | None = connection.execute(query).scalar()
    if offset is None:
        upsert(connection, SPOOLS, [{"run_id": run_id, "offset": 0}])
        offset = connection.execute(query).scalar_one()
    return offset


def _apply(
    connection: sa.Connection, before: Run | None, run_id: str, chunk: spool.Chunk, report: SyncReport
) -> Run | None:
    """Return the run as the lines tell it, its epochs stored; None if nothing is known of it yet."""
    known: dict[str, Any] = vars(before).copy() if before is not None else {}
    epochs: dict[int, dict[str, Any]] = {}
    for line in chunk.lines:
        try:
            if line.type == "epoch":
                metrics = dict.fromkeys(EPOCH_METRICS) | from_json(Epoch, {**line.data, "run_id": run_id})
                epochs[int(line.data["epoch"])] = metrics
            elif line.type in ("run", "end", "heartbeat"):
                fields = from_json(Run, {**line.data, "run_id": run_id})
                for name in ("extra", "versions"):
                    fields[name] = {**known.get(name, {}), **(fields.get(name) or {})}
                known.update(fields)
        except (ValueError, TypeError, KeyError, OverflowError):
            report.unreadable += 1
    if "started_at" not in known:
        return None
    upsert(connection, EPOCHS, list(epochs.values()))
    return Run(**{"source": Source.API, **known})


def _resumed(connection: sa.Connection, run: Run) -> str | None:
    """Return the run whose checkpoint a run resumes: the latest before it that wrote to the checkpoint's folder."""
    folder = str(Path(str(run.extra["resume"])).parent)
    writes_there = RUNS.c.extra["output_dir"].as_string() == folder
    earlier = sa.select(sa.func.max(RUNS.c.run_id)).where(RUNS.c.run_id < run.run_id, writes_there)
    found: str | None = connection.execute(earlier).scalar()
    return found


def _is_gone(run: Run, path: Path, held: bool | None) -> bool:
    if held is not None and run.host == socket.gethostname():
        return not held
    heard = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    return not held and datetime.now(timezone.utc) - max(heard, run.heartbeat_at or heard) > STALE_AFTER


def _derived(connection: sa.Connection, run: Run, path: Path, gone: bool) -> Run:
    """Return a run that has not said how it ended with what follows from its epochs so far."""
    query = sa.select(EPOCHS).where(EPOCHS.c.run_id == run.run_id).order_by(EPOCHS.c.epoch)
    epochs = [dict(found) for found in connection.execute(query).mappings()]
    fields = outcome(vars(run), epochs, Status.STALE)
    if gone:
        last_sign = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        fields |= {"ended_at": last_sign, "error": "its process ended without a word"}
    else:
        fields |= {"status": Status.RUNNING, "ended_at": None, "error": None}
    return replace(run, **fields)
