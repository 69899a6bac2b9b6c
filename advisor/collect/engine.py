"""Who trains the runs of a plan: the processes of this machine, or what a plugin offers."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from advisor.errors import AdvisorError, UsageError
from advisor.plugins import Plugins

Task = TypeVar("Task")
NICENESS = 10
ATTEMPTS = 2
"""How often a task is given out when its workers die under it."""

logger = logging.getLogger("advisor.collect")


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

        A task whose worker dies is given to another one, which is logged, up to ``ATTEMPTS`` times in all.

        Parameters
        ----------
        function : callable
            Importable by name; returns None and lets no exception of a run out.
        tasks : iterable
            Picklable; drawn when a worker is free.
        """
        ...


class LocalEngine:
    """A process per core on this machine, each with one computing thread and low priority.

    Parameters
    ----------
    workers : int, optional
        Number of processes; by default one per core this process may use.

    Raises
    ------
    UsageError
        If the number is below one.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = available_cores() if workers is None else workers
        if self._workers < 1:
            raise UsageError(f"{self._workers} workers cannot train", hint="--workers 1 or more")

    def run(self, function: Callable[[Task], None], tasks: Iterable[Task]) -> Iterator[Finished[Task]]:
        """Yield tasks as they come back; a worker that dies is replaced."""
        # One executor per core: when a worker dies its executor breaks, and it is known which task was lost.
        idle = [_new_executor() for _ in range(self._workers)]
        busy: dict[Future[None], tuple[ProcessPoolExecutor, Task, int]] = {}
        waiting = ((task, 1) for task in tasks)
        lost: deque[tuple[Task, int]] = deque()
        try:
            while True:
                while idle and (entry := lost.popleft() if lost else next(waiting, None)):
                    executor = idle.pop()
                    busy[executor.submit(function, entry[0])] = (executor, *entry)
                if not busy:
                    return
                for future in wait(busy, return_when=FIRST_COMPLETED).done:
                    executor, task, attempt = busy.pop(future)
                    died = isinstance(future.exception(), BrokenProcessPool)
                    idle.append(_new_executor() if died else executor)
                    if died and attempt < ATTEMPTS:
                        logger.warning("a worker died while it trained %s; another one starts that run again", task)
                        lost.append((task, attempt + 1))
                        continue
                    if not died:
                        future.result()
                    yield Finished(task, died)
        finally:
            for executor in [*idle, *(entry[0] for entry in busy.values())]:
                for process in list((executor._processes or {}).values()):
                    process.terminate()
                executor.shutdown(wait=True, cancel_futures=True)


def _new_executor() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_prepare_local_worker)


def _prepare_local_worker() -> None:
    prepare_worker()
    # A killed collection must not leave workers behind that train beside those of the next one.
    threading.Thread(target=_end_with_parent, name="advisor-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def prepare_worker() -> None:
    """Give this process one computing thread and a niceness of at least ten; called before torch is imported in it."""
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
    if hasattr(os, "nice"):
        os.nice(max(0, NICENESS - os.nice(0)))


def available_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def find_engine(name: str, plugins: Plugins, *, workers: int | None, address: str | None) -> Engine:
    """Return the engine called ``name``: the local one, or one that a plugin offers.

    Raises
    ------
    UsageError
        If there is none of that name; the hint lists those there are.
    """
    if name == "local":
        return LocalEngine(workers)
    offered = {key: make for _, engines in plugins.call_each("advisor_engines") for key, make in engines.items()}
    if name not in offered:
        raise UsageError(
            f"no engine is called {name!r}",
            cause="no loaded plugin offers it",
            hint=f"--engine one of: {', '.join(['local', *sorted(offered)])}; see `advisor plugins`",
        )
    engine = offered[name](workers=workers, address=address)
    if not callable(getattr(engine, "run", None)):
        raise AdvisorError(f"the engine {name!r} has no run method", hint="see advisor.collect.engine.Engine")
    return engine  # type: ignore[no-any-return]
