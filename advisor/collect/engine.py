"""What trains the runs of a plan: calls a function for every task, each in a worker of one core."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Task = TypeVar("Task")
NICENESS = 10
WORKER_ATTEMPTS = 2
"""How often a task is given out when its workers die under it."""


@dataclass(frozen=True)
class Finished(Generic[Task]):
    """A task that has come back.

    ``died`` tells that every worker that had it ended under it (killed, out of memory): it has no result.
    """

    task: Task
    died: bool = False


class Engine(Protocol):
    """Calls a function for every task, each in a worker of one core."""

    def run(self, function: Callable[[Task], None], tasks: Iterable[Task]) -> Iterator[Finished[Task]]:
        """Yield tasks as they come back, in any order.

        A task whose worker dies is given to another one, which is logged, up to ``WORKER_ATTEMPTS`` times in all.

        Parameters
        ----------
        function : callable
            Importable by name; returns None and lets no exception of a run out.
        tasks : iterable
            Picklable; drawn when a worker is free.
        """
        ...


class PlacingEngine(Engine, Protocol):
    """An engine that also finds room for a single call at a time, on a machine with the GPUs that it needs."""

    def places(self, gpus: int) -> int:
        """Return how many calls there is room for at a time, each with so many GPUs; 0 where there are none."""
        ...

    def place(self, function: Callable[[Task], None], task: Task, *, gpus: int = 0) -> Finished[Task]:
        """Call a function once, in a worker of one core and so many GPUs; return when it has come back, or died.

        May be called from many threads at a time. A call whose worker dies is not made again.
        """
        ...


def prepare_worker() -> None:
    """Give this process one computing thread and a niceness of at least ten; called before torch is imported in it."""
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
    if hasattr(os, "nice"):
        os.nice(max(0, NICENESS - os.nice(0)))


def available_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
