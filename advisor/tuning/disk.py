"""Keeps the checkpoints of a tuning within what they may take: those of trials that will not be needed go first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from advisor.tuning.session import Session
from advisor.tuning.trials import Trial, best_of

_CHECKPOINTS = ("*.pth.tar", "*.pth", "*.pt", "*.safetensors")
_EARLIER = "checkpoint-*"
"""What timm's train.py keeps beside the last checkpoint and the best, under the number of its epoch."""
REMOVED = "its checkpoints were removed to keep to --max-disk"


def bytes_used(session: Session, trials: Sequence[Trial]) -> int:
    """Return what the checkpoints of trials take; what is linked under several names counts once."""
    found = {}
    for trial in trials:
        for path in _files(session.trial_folder(trial)):
            with suppress(FileNotFoundError):  # a script that saves renames and removes its own
                status = path.stat()
                found[status.st_dev, status.st_ino] = status.st_size
    return sum(found.values())


def make_room(
    session: Session, trials: Sequence[Trial], promise: Sequence[float], busy: Collection[int], limit: int
) -> list[Trial]:
    """Remove checkpoints until they take no more than ``limit``, as far as that is possible.

    Earlier checkpoints go first, then all of trials that have ended and are not the best, then those of trials that
    wait, the least promising first. The best trial keeps its own, and nothing is removed of a trial in training.

    Parameters
    ----------
    session : Session
        Where.
    trials : sequence of Trial
        All of it.
    promise : sequence of float
        Accuracy expected of each.
    busy : collection of int
        Numbers of those in training.
    limit : int
        Bytes.

    Returns
    -------
    list of Trial
        Those that can no longer go on.
    """
    best = best_of(trials)
    idle = [trial for trial in trials if trial.number not in busy]
    others = [trial for trial in idle if best is None or trial.number != best.number]
    others.sort(key=lambda trial: (trial.waits, promise[trial.number]))
    steps = [(trial, _EARLIER) for trial in idle] + [(trial, "*") for trial in others]
    gone = []
    for trial, which in steps:
        if bytes_used(session, trials) <= limit:
            break
        files = [path for path in _files(session.trial_folder(trial)) if path.match(which)]
        for path in files:
            path.unlink(missing_ok=True)
        if which == "*" and files and trial.waits:
            gone.append(trial)
    return gone


def _files(folder: Path) -> Iterator[Path]:
    for pattern in _CHECKPOINTS:
        yield from (path for path in folder.rglob(pattern) if path.is_file())
