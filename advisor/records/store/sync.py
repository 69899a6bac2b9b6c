"""Takes what is new in the spools into the store, once each, from as many processes at a time as there are."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from advisor.config import Config, store_name
from advisor.errors import AdvisorError
from advisor.records.encoding import from_json
from advisor.records.outcome import outcome
from advisor.records.privacy.secrets import scrub_fields
from advisor.records.recording import spool
from advisor.records.recording.given import completed
from advisor.records.schema import EPOCH_METRICS, Dataset, Epoch, Run, Source, Status
from advisor.records.store.rows import record, row, upsert
from advisor.records.store.store import Store
from advisor.records.store.tables import DATASETS, EPOCHS, RUNS, SPOOLS, SUGGESTIONS

STALE_AFTER = timedelta(minutes=10)
"""A run whose lock cannot be asked, on another machine, is given up when it has shown no sign of life for so long."""
_CLOCKS_DIFFER = timedelta(minutes=10)
_SPOOLS_A_TRANSACTION = 50
_REASON_LENGTH = 300
_OF_VALUES = (
    *(sa.exc.DataError, sa.exc.IntegrityError, sa.exc.InterfaceError, sa.exc.NotSupportedError),
    sa.exc.ProgrammingError,
)
_RUN_ID = re.compile(r"[0-9a-z]+")
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
    closed: int = 0
    """Spools that may not be read, such as another user's; they are left for the next time."""
    foreign: int = 0
    """Spools of runs that were started for another store; they are left for that."""
    refused: dict[str, str] = field(default_factory=dict)
    """Spools that hold what the store cannot, with the reason; they are left where they are."""

    def add(self, other: SyncReport) -> None:
        """Add what another synchronisation did."""
        for name, count in vars(other).items():
            setattr(self, name, {**self.refused, **count} if name == "refused" else getattr(self, name) + count)


def sync(store: Store, spool_dir: Path, *, archive: bool = True, only: str | None = None) -> SyncReport:
    """Take every whole line that is not in the store yet.

    What the store cannot hold of one spool keeps nothing of the others from it.

    A run whose process is gone without a word is marked STALE, and taken up again should it turn out to live. A spool
    that is wholly in the store, and whose process is gone, is archived in the subfolder ``ingested``.

    Parameters
    ----------
    store : Store
        Where to.
    spool_dir : Path
        Where from; it need not exist.
    archive : bool
        Whether spools are archived; False for the folder of another machine.

    Raises
    ------
    StoreError
        If the store cannot be written; the spools keep what was not taken.
    """
    report = SyncReport()
    found = sorted(path for path in spool_dir.glob(f"*{spool.SUFFIX}") if _RUN_ID.fullmatch(path.stem))
    known = store.spool_states([path.stem for path in found])
    paths = []
    for path in found:
        if path.stem not in known and only is not None and not _belongs_to(path, only):
            report.foreign += 1
        elif _has_news(path, known, archive):
            paths.append(path)
    for start in range(0, len(paths), _SPOOLS_A_TRANSACTION):
        some = paths[start : start + _SPOOLS_A_TRANSACTION]
        try:
            done = _take_together(store, some, report)
        except Exception as error:  # isolation: one spool must not lose the others
            if not _is_of_a_spool(error):
                raise
            done = _take_apart(store, some, report)
        for path in done if archive else ():
            with suppress(OSError):  # it is in the store, and only read again
                spool.archive(path)
    return report


def sync_own(store: Store, config: Config) -> SyncReport:
    """Take what is new of the runs that were started for the configured store; see ``sync``."""
    return sync(store, config["spool_dir"], only=store_name(config["store"]))


def _take_together(store: Store, paths: Sequence[Path], report: SyncReport) -> list[Path]:
    """Take spools in one transaction; return those that are done with."""
    done, taken = [], SyncReport()
    with store.writing() as connection:
        for path in paths:
            try:
                if _take(connection, path, taken):
                    done.append(path)
            except FileNotFoundError:  # another process has taken all of it and put it away
                pass
            except OSError:
                taken.closed += 1
    report.add(taken)
    return done


def _take_apart(store: Store, paths: Sequence[Path], report: SyncReport) -> list[Path]:
    """Take spools in a transaction each, those that the store refuses left out."""
    done = []
    for path in paths:
        try:
            done += _take_together(store, [path], report)
        except Exception as error:  # isolation: one spool must not lose the others
            if not _is_of_a_spool(error):
                raise
            report.refused[str(path)] = " ".join(f"{type(error).__name__}: {error}".split())[:_REASON_LENGTH]
    return done


def _is_of_a_spool(error: Exception) -> bool:
    """Tell whether an error is of what a spool holds; else it is the store's: locked, full, damaged or gone."""
    if not isinstance(error, AdvisorError):
        return True
    cause = error.__cause__
    if isinstance(cause, sa.exc.DBAPIError):
        return isinstance(cause, _OF_VALUES) and not cause.connection_invalidated
    return isinstance(cause, sa.exc.StatementError)


def _belongs_to(path: Path, store: str) -> bool:
    try:
        return spool.store_of(path) in (None, store)
    except OSError:  # taking it will tell why
        return True


def sync_from(store: Store, folder: Path) -> SyncReport:
    """Take what is new in a copy of another machine's spool folder, what that one had archived included.

    Raises
    ------
    StoreError
        If the store cannot be written.
    """
    report = sync(store, folder / spool.INGESTED, archive=False)
    rest = sync(store, folder, archive=False)
    report.add(rest)
    return report


def forget(store: Store, spool_dir: Path, run_ids: Sequence[str]) -> None:
    """Remove runs with their epochs from the store, and their archived spools.

    Raises
    ------
    StoreError
        If the store cannot be written; then everything is still there.
    """
    store.remove(run_ids)
    for run_id in run_ids:
        with suppress(OSError):  # imported runs never had one
            (spool_dir / spool.INGESTED / f"{run_id}{spool.SUFFIX}").unlink()


def _has_news(path: Path, known: Mapping[str, tuple[int, Status | None]], archive: bool) -> bool:
    """Return, without a lock, whether a spool may have something for the store, or wants putting away."""
    offset, status = known.get(path.stem, (0, None))
    try:
        if path.stat().st_size != offset:
            return True
        return not spool.is_held(path) if status in _OPEN else archive
    except FileNotFoundError:
        return False
    except OSError:  # reading it will tell why
        return True


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
    if before is None and offset:  # it was removed from the store
        upsert(connection, SPOOLS, [{"run_id": run_id, "offset": chunk.end}])
        return held is False
    after = _apply(connection, before, run_id, chunk, report)
    if after is None:
        return False
    if after.resumed_from is None and after.extra.get("resume"):
        after = replace(after, resumed_from=_resumed(connection, after))
    if after.status in _OPEN:
        after = _derived(connection, after, path, _is_gone(after, path, held))
        report.stale += after.status is Status.STALE and (before is None or before.status is not Status.STALE)
    if after.source is Source.API and after.suggestion_id and after.status not in _OPEN:
        after = _as_suggested(connection, after)
    if after != before:
        upsert(connection, RUNS, [row(after)])
        report.runs += 1
    report.lines += len(chunk.lines)
    if chunk.end != offset:
        upsert(connection, SPOOLS, [{"run_id": run_id, "offset": chunk.end}])
    if after.status not in _OPEN:  # it has said its last word, also where locks cannot be asked
        return not held and not chunk.newer
    return held is False and not chunk.newer and after.host == socket.gethostname()


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
            elif line.type == "dataset":
                _know(connection, Dataset(**from_json(Dataset, line.data)))
            elif line.type in ("run", "end", "heartbeat"):
                # Again: an older version, or a program of another hand, may have written what this one would not.
                fields = scrub_fields(from_json(Run, {**line.data, "run_id": run_id}))
                for name in ("extra", "versions"):
                    fields[name] = {**known.get(name, {}), **(fields.get(name) or {})}
                known.update(fields)
        except (ValueError, TypeError, KeyError, OverflowError):
            report.unreadable += 1
    if "started_at" not in known:
        return None
    upsert(connection, EPOCHS, list(epochs.values()))
    return Run(**{"source": Source.API, **known})


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


def _derived(connection: sa.Connection, run: Run, path: Path, gone: bool) -> Run:
    """Return a run that has not said how it ended with what follows from its epochs so far."""
    query = sa.select(EPOCHS).where(EPOCHS.c.run_id == run.run_id).order_by(EPOCHS.c.epoch)
    epochs = [dict(found) for found in connection.execute(query).mappings()]
    fields = outcome(vars(run), epochs, Status.STALE)
    if gone:
        last_sign = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        fields |= {"ended_at": max(last_sign, run.started_at or last_sign), "error": "its process ended without a word"}
    else:
        fields |= {"status": Status.RUNNING, "ended_at": None, "error": None}
    return replace(run, **fields)
