"""One answer for all processes of a training: they must not train with different values."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Answer = dict[str, Any]

_BEFORE = 120.0
"""Seconds before this process began in which the answer to it may have been written: processes do not start at once."""
_began = time.time()


class SeveralMachines(Exception):
    """The processes of a training have no place in common where an answer could be left."""


def processes(environ: Mapping[str, str] = os.environ) -> int:
    """Return how many processes train together, by the launcher's word, as timm reads it.

    Raises
    ------
    SeveralMachines
        If they are not all torchrun's on this machine.
    """
    world = int(environ.get("WORLD_SIZE") or environ.get("SLURM_NTASKS") or 1)
    if world > 1 and environ.get("LOCAL_WORLD_SIZE") != str(world):
        raise SeveralMachines(f"{world} processes train together that torchrun did not start on one machine")
    return world


def one_answer(
    find: Callable[[], Answer], folder: Path, seconds: float, environ: Mapping[str, str] = os.environ
) -> Answer:
    """Return what ``find`` returns in the process of rank 0, in every process.

    Parameters
    ----------
    find : callable
        Returns values that JSON holds, within ``seconds``; called in rank 0 only.
    folder : Path
        Where rank 0 leaves its answer for the others.
    seconds : float
        How long the others wait at least.
    environ : mapping
        What the launcher told.

    Raises
    ------
    TimeoutError
        If rank 0 left no answer.
    """
    if processes(environ) == 1:
        return find()
    # The same for the processes of one start of torchrun, whose children they all are, and for no others.
    names = [str(os.getppid()), *(environ.get(name, "") for name in ("MASTER_PORT", "TORCHELASTIC_RESTART_COUNT"))]
    path = folder / f"{'-'.join(names)}.json"
    if environ.get("RANK") == "0":
        answer = find()
        _leave(path, answer)
        return answer
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and path.stat().st_mtime > _began - _BEFORE:
            found: Answer = json.loads(path.read_text(encoding="utf-8"))
            return found
        time.sleep(0.05)
    raise TimeoutError(f"rank 0 left no answer in {folder}")


def _leave(path: Path, answer: Answer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(answer), encoding="utf-8")
    os.replace(unfinished, path)
