"""The engine that trains on this machine: a process a core."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

from advisor.collect.engine import WORKER_ATTEMPTS, Finished, Task, available_cores, prepare_worker
from advisor.errors import UsageError

logger = logging.getLogger("advisor.collect")


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
                    if died and attempt < WORKER_ATTEMPTS:
                        logger.warning("a worker died while it trained %s; another one starts that run again", task)
                        lost.append((task, attempt + 1))
                        continue
                    if not died:
                        future.result()
                    yield Finished(task, died)
        finally:
            executors = [*idle, *(entry[0] for entry in busy.values())]
            for executor in executors:
                for process in list((executor._processes or {}).values()):
                    process.terminate()
            with suppress(KeyboardInterrupt):  # pressed again: all that there is to end is ending
                for executor in executors:
                    executor.shutdown(wait=True, cancel_futures=True)


def _new_executor() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_prepare_local_worker)


def _prepare_local_worker() -> None:
    prepare_worker()
    # A Ctrl-C is for the collection, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A killed collection must not leave workers behind that train beside those of the next one.
    threading.Thread(target=_end_with_parent, name="advisor-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
