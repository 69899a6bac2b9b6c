"""Calls the observing hooks of plugins beside the training and beside the spool, each plugin on a thread of its own."""

from __future__ import annotations

import copy
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from advisor.records.recording.containment import contain

logger = logging.getLogger("advisor.records")

OBSERVING = ("advisor_run_start", "advisor_epoch_end", "advisor_run_end")
QUEUE_SIZE = 1_000

Hook = Callable[..., Any]


class Hooks(Protocol):
    """Who knows the implementations of hooks, as ``advisor.plugins.Plugins`` does."""

    def implementations(self, hook: str) -> list[tuple[str, Hook]]:
        """Return (plugin name, callable taking the hook's keywords) in calling order."""


class Observers:
    """The plugins that observe one run.

    Parameters
    ----------
    plugins : Hooks or None
    timeout : float
        Seconds one call may take; a plugin that takes longer is switched off for this run.
    """

    def __init__(self, plugins: Hooks | None, timeout: float) -> None:
        observers: dict[str, _Observer] = {}
        for hook in OBSERVING:
            for name, function in plugins.implementations(hook) if plugins is not None else ():
                observers.setdefault(name, _Observer(name, timeout)).hooks.setdefault(hook, []).append(function)
        self._observers = list(observers.values())

    def __bool__(self) -> bool:
        return bool(self._observers)

    def call(self, hook: str, **frozen: Any) -> None:
        """Have a hook called with copies of its own, made on the plugin's thread."""
        for observer in self._observers:
            observer.put(hook, frozen)

    def close(self) -> None:
        """Tell every plugin's thread that nothing follows."""
        for observer in self._observers:
            observer.close()

    def wait(self, seconds: float) -> None:
        """Wait until every plugin has seen everything, for at most ``seconds`` in all; the others are switched off."""
        until = time.monotonic() + seconds
        for observer in self._observers:
            observer.wait(max(0.0, until - time.monotonic()))


class _Observer:
    def __init__(self, name: str, timeout: float) -> None:
        self.hooks: dict[str, list[Hook]] = {}
        self._name = name
        self._timeout = timeout
        self._queue: queue.SimpleQueue[tuple[str, dict[str, Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._call: tuple[str, float] | None = None
        self._off = False

    def put(self, hook: str, frozen: dict[str, Any]) -> None:
        if hook not in self.hooks or self._off or self._is_overdue():
            return
        if self._queue.qsize() >= QUEUE_SIZE:
            self._switch_off(hook, "falls ever further behind")
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"advisor-hooks-{self._name}", daemon=True)
            self._thread.start()
        self._queue.put((hook, frozen))

    def close(self) -> None:
        self._queue.put(None)

    def wait(self, seconds: float) -> None:
        if self._thread is not None and not self._off:
            self._thread.join(seconds)
            if self._thread.is_alive():
                self._switch_off(*(self._call or ("advisor_run_end", 0.0))[:1], "did not end in time")

    def _work(self) -> None:
        while (event := self._queue.get()) is not None and not self._off:
            hook, frozen = event
            for function in self.hooks[hook]:
                self._call = (hook, time.monotonic())
                try:
                    function(**copy.deepcopy(frozen))
                except BaseException as error:  # isolation: one faulty plugin must not stop the others
                    contain(f"{hook} of the plugin {self._name}", error)
                overdue = self._is_overdue()
                self._call = None
                if overdue:
                    return

    def _is_overdue(self) -> bool:
        call = self._call
        if call is None or time.monotonic() - call[1] <= self._timeout:
            return False
        self._switch_off(call[0], f"took longer than {self._timeout:g} s")
        return True

    def _switch_off(self, hook: str, reason: str) -> None:
        if not self._off:
            self._off = True
            logger.warning("the plugin %s is switched off for this run: its %s %s", self._name, hook, reason)
