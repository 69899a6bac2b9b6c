"""Takes what is new in the spools into the store, once each, from as many processes at a time as there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

from advisor.config import Config, store_name
from advisor.errors import AdvisorError
from advisor.records.recording import spool
from advisor.records.schema import Status
from advisor.records.store.ingest import Ingest
from advisor.records.store.store import Store
from advisor.records.store.sync_report import SyncReport

_SPOOLS_A_TRANSACTION = 200
_REASON_LENGTH = 300
_OF_VALUES = (
    *(sa.exc.DataError, sa.exc.IntegrityError, sa.exc.InterfaceError, sa.exc.NotSupportedError),
    sa.exc.ProgrammingError,
)
_STATES_OF_VALUES = ("22", "23", "54")
"""Classes of PostgreSQL's error codes that are about what was to be stored."""
_RUN_ID = re.compile(r"[0-9a-z]+")


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


def sync_own(store: Store, config: Config, *, archived: bool = False) -> SyncReport:
    """Take what is new of the runs that were started for the configured store; see ``sync``.

    Parameters
    ----------
    store : Store
        Where to.
    config : Config
        Where from.
    archived : bool
        Whether archived spools are looked at too: a store that was restored, or is a new one, lacks what they hold.
    """
    folder, own = Path(config["spool_dir"]), store_name(config["store"])
    report = sync(store, folder, only=own)
    if archived:
        report.add(sync(store, folder / spool.INGESTED, archive=False, only=own))
    return report


def _take_together(store: Store, paths: Sequence[Path], report: SyncReport) -> list[Path]:
    """Take spools in one transaction; return those that are done with."""
    done, taken = [], SyncReport()
    with store.writing() as connection:
        ingest = Ingest(connection, [path.stem for path in paths], taken)
        for path in paths:
            try:
                if ingest.take(path):
                    done.append(path)
            except FileNotFoundError:  # another process has taken all of it and put it away
                pass
            except OSError:
                taken.closed += 1
        ingest.write()
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
        state = getattr(cause.orig, "sqlstate", None)
        of_values = isinstance(cause, _OF_VALUES) if state is None else state[:2] in _STATES_OF_VALUES
        return of_values and not cause.connection_invalidated
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
        if status is Status.RUNNING or (status is Status.STALE and archive):
            return not spool.is_held(path)
        return archive
    except FileNotFoundError:
        return False
    except OSError:  # reading it will tell why
        return True
