"""Follows a run while it is trained: what the store says of it, again whenever its process has written something."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from advisor.records.recording import spool
from advisor.records.schema import Epoch, Run, Status
from advisor.records.store.store import Store
from advisor.records.store.sync import sync

PAUSE = 0.5
"""Seconds between two looks at the spool."""
LOOK_ANYWAY = 20.0
"""Seconds after which the store is asked though the spool is as it was: its process may be gone, or elsewhere."""


def follow(store: Store, spool_dir: Path, run_id: str, pause: float = PAUSE) -> Iterator[tuple[Run, list[Epoch]]]:
    """Give a run and its epochs in order, now and whenever they have changed, until it has ended.

    Nothing is written but what every command takes from the spools into the store.

    Parameters
    ----------
    store : Store
        Where the run is known already.
    spool_dir : Path
        Where its process writes, if that is on this machine.
    run_id : str
        The whole id.
    pause : float
        Seconds between two looks.

    Raises
    ------
    StoreError
        If the store cannot be read or written.
    UsageError
        If the run was removed from the store.
    """
    path = spool_dir / f"{run_id}{spool.SUFFIX}"
    given = ""
    size, looked = -1, 0.0
    while True:
        if (grown := _size(path)) != size or time.monotonic() - looked >= LOOK_ANYWAY:
            size, looked = grown, time.monotonic()
            sync(store, spool_dir)
            run, epochs = store.run(run_id), store.epochs(run_id)
            # As text: a number that is none is not equal to itself.
            if (found := repr((run.status, epochs))) != given:
                given = found
                yield run, epochs
            if run.status is not Status.RUNNING:
                return
        time.sleep(pause)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # put away, or on another machine
        return 0
