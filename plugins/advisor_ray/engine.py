"""The engine itself; Ray is imported when it is used."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from advisor import WORKER_ATTEMPTS, AdvisorError, Finished, MissingExtraError, prepare_worker

Task = TypeVar("Task")
CONNECT_SECONDS = 10


class RayEngine:
    """One core of a Ray cluster for every run, and a GPU where one is asked for.

    The folder of the datasets and the spool folder must be the same path on every node (a shared file system), and
    every node needs timm-advisor[timm,ray].

    Parameters
    ----------
    workers : int, optional
        Runs at a time; by default as many as the cluster has cores.
    address : str, optional
        The cluster's; by default the one that Ray finds here, or one is started on this machine.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    AdvisorError
        If there is no cluster at the address.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        try:
            import ray
        except ModuleNotFoundError as error:
            raise MissingExtraError("ray", "ray", "collect on a Ray cluster") from error
        if not ray.is_initialized():
            if address is None:
                ray.init(include_dashboard=False, log_to_driver=False)
            else:
                _check_reachable(address)
                ray.init(address=address, log_to_driver=False)
        self._ray: Any = ray
        self._workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def run(self, function: Callable[[Task], None], tasks: Iterable[Task]) -> Iterator[Finished[Task]]:
        """Yield tasks as they come back; Ray itself gives a task out again whose worker or node died."""
        ray = self._ray
        call = ray.remote(num_cpus=1, max_retries=WORKER_ATTEMPTS - 1)(_call)
        waiting = iter(tasks)
        busy: dict[Any, Task] = {}
        try:
            while True:
                for task in islice(waiting, self._workers - len(busy)):
                    busy[call.remote(function, task)] = task
                if not busy:
                    return
                for reference in ray.wait(list(busy))[0]:
                    task = busy.pop(reference)
                    died = False
                    try:
                        ray.get(reference)
                    except _lost(ray):
                        died = True
                    yield Finished(task, died)
        finally:
            for reference in busy:
                ray.cancel(reference, force=True)

    def places(self, gpus: int) -> int:
        """Return how many calls there is room for at a time, each with so many GPUs; 0 where there are none."""
        there = int(self._ray.cluster_resources().get("GPU", 0))
        return min(self._workers, there // gpus) if gpus else self._workers

    def place(self, function: Callable[[Task], None], task: Task, *, gpus: int = 0) -> Finished[Task]:
        """Call a function once, in a worker of one core and so many GPUs, and not again where the worker dies.

        Raises
        ------
        AdvisorError
            If it raises one, or anything else: a machine that lacks what the others have is the likeliest cause.
        """
        ray = self._ray
        reference = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(_call).remote(function, task)
        try:
            ray.get(reference)
        except _lost(ray):
            return Finished(task, died=True)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, AdvisorError):
                raise error.cause from error
            raise AdvisorError(
                "a call failed in a worker of Ray",
                cause=f"{type(error.cause).__name__}: {error.cause}",
                hint="see that timm-advisor[timm,ray] is installed on every machine of the cluster",
            ) from error
        return Finished(task)


def _lost(ray: Any) -> tuple[type[BaseException], ...]:
    """Return what Ray raises for a call whose worker is gone, by a signal, with its machine or for want of memory."""
    found = ray.exceptions
    return found.WorkerCrashedError, found.NodeDiedError, found.OutOfMemoryError


def _check_reachable(address: str) -> None:
    """Raise AdvisorError unless something listens at HOST:PORT; Ray itself would try for minutes and then exit."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS):
            return
    except (OSError, ValueError) as error:
        raise AdvisorError(
            f"there is no Ray cluster at {address}", cause=str(error), hint="ray status; or leave --address out"
        ) from error


def _call(function: Callable[[Task], None], task: Task) -> None:
    """Run in a Ray worker, which Ray reuses for many tasks: what prepares it is done once."""
    global _prepared
    if not _prepared:
        prepare_worker()
        _prepared = True
    function(task)


_prepared = False
