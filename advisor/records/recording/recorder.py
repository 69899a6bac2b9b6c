"""The recorder: what a training process reports to, and which can never hurt it.

What is reported is merged in memory and handed to a thread that writes the run's spool file; the observing hooks of
plugins are called on threads of their own. Nothing here opens the store. Importing this module is cheap: settings
and plugins are loaded with the first recorder.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.records.recording.active import ActiveRun
from advisor.records.recording.containment import contained, raise_contained
from advisor.records.recording.observers import Observers
from advisor.records.schema import Source, Status

if TYPE_CHECKING:
    from advisor.plugins import Plugins

__all__ = ["ActiveRun", "Recorder", "autolog", "record_run"]


class Recorder:
    """Records the runs of this process, at most one at a time; plugins attach frameworks to it.

    Its methods raise nothing and do nothing in a process that was forked from the recorder's.

    Parameters
    ----------
    spool_dir : Path, optional
        Folder of the spool files; by default the configured one.
    plugins : Plugins, optional
        By default those of this process.
    hook_timeout : float, optional
        Seconds an observing hook may take; by default the configured ones.

    Attributes
    ----------
    active : ActiveRun or None
        The run in progress.
    defaults : dict
        Fields that every run begins with.
    before_end : list of callable
        Called when a run ends, for plugins to report what they held back.
    """

    def __init__(
        self, spool_dir: Path | None = None, plugins: Plugins | None = None, hook_timeout: float | None = None
    ) -> None:
        self._pid = os.getpid()
        self._spool_dir: Path | None = None
        self._plugins = plugins
        self._hook_timeout = 0.0
        self._private_paths: Sequence[str] = ()
        self._undo: list[Callable[[], None]] = []
        self._observers: Observers | None = None
        self._error_before: BaseException | None = None
        self.active: ActiveRun | None = None
        self.defaults: dict[str, Any] = {}
        self.before_end: list[Callable[[], None]] = []
        self._configure(spool_dir, hook_timeout)
        atexit.register(self._end_at_exit)

    @contained
    def _configure(self, spool_dir: Path | None, hook_timeout: float | None) -> None:
        from advisor.config import Config
        from advisor.plugins import get_plugins

        config = Config({"spool_dir": spool_dir, "hook_timeout": hook_timeout})
        self._plugins = get_plugins() if self._plugins is None else self._plugins
        self._hook_timeout = config["hook_timeout"]
        self._private_paths = config["private_paths"]
        # Absolute: the script may change its folder. Set last: without it nothing is recorded.
        self._spool_dir = Path(config["spool_dir"]).absolute()

    def start_run(self, source: Source = Source.TIMM_HOOK, **fields: Any) -> ActiveRun:
        """Begin a run; one that is still active is ended first.

        Parameters
        ----------
        source : Source, optional
            Where the record comes from.
        **fields
            What is known of the run, see ``ActiveRun.update``.

        Returns
        -------
        ActiveRun
            Where recording could not begin, one that takes every report and keeps none.
        """
        return self._start({"source": source, **self.defaults, **fields}) or _no_run()

    @contained
    def _start(self, fields: dict[str, Any]) -> ActiveRun | None:
        self.end_run()
        if self._plugins is None or self._spool_dir is None:
            return None
        self._error_before = getattr(sys, "last_value", None)
        self._observers = Observers(self._plugins, self._hook_timeout)
        self.active = ActiveRun(self._spool_dir, self._observers, fields, self.before_end, self._private_paths)
        return self.active

    @contained
    def end_run(self, status: Status | None = None, error: BaseException | str | None = None) -> None:
        """End the active run, if there is one; see ``ActiveRun.end``."""
        if self.active is not None:
            try:
                self.active.end(status, error)
            finally:
                self.active = None

    @property
    def attached(self) -> bool:
        """Whether plugins are attached."""
        return bool(self._undo)

    @contained
    def attach(self) -> None:
        """Let every plugin wrap the framework it knows; nothing if that was done."""
        if not self._undo and self._plugins is not None:
            self._undo = [undo for _, undo in self._plugins.call_each("advisor_attach", recorder=self)]

    @contained
    def detach(self) -> None:
        """Undo what ``attach`` did, last first."""
        while self._undo:
            self._undo_one(self._undo.pop())

    @contained
    def _undo_one(self, undo: Callable[[], None]) -> None:
        undo()

    @contained
    def _end_at_exit(self) -> None:
        error = getattr(sys, "last_value", None)
        interactive = hasattr(sys, "ps1") or hasattr(builtins, "__IPYTHON__")
        # Set where the interpreter printed an uncaught exception; in an interactive session that ends nothing.
        self.end_run(error=None if interactive or error is self._error_before else error)
        self.wait_for_plugins()

    @contained
    def wait_for_plugins(self) -> None:
        """Wait until the observing hooks have seen the last run to its end, for as long as one of them may take."""
        if self._observers is not None:
            self._observers.wait(self._hook_timeout)
        raise_contained()


def _no_run() -> ActiveRun:
    return ActiveRun(None, Observers(None, 0.0), {})


_recorder: Recorder | None = None


def _process_recorder() -> Recorder:
    global _recorder
    if _recorder is None or _recorder._pid != os.getpid():
        _recorder = Recorder()
    return _recorder


def autolog(**fields: Any) -> Recorder:
    """Record every timm training of this process from now on; one line at the top of a script.

    Calling it again only adds to the fields.

    Parameters
    ----------
    **fields
        Facts about the runs that nothing reveals, such as ``name``.

    Returns
    -------
    Recorder
        Its ``active`` run can be reported to.
    """
    recorder = _process_recorder()
    recorder.defaults.update(fields)
    recorder.attach()
    return recorder


@contextmanager
def record_run(**fields: Any) -> Iterator[ActiveRun]:
    """Record a hand-written training loop.

    While it lasts plugins are attached, so that the model, the optimizer and the schedule made with timm are known.
    A run that was begun by making the model before, and has no epoch yet, is this run.

    Parameters
    ----------
    **fields
        Facts about the run, see ``ActiveRun.update``.

    Yields
    ------
    ActiveRun
        Report epochs to it with ``log_epoch``. An exception that leaves the block ends the run as FAILED, Ctrl-C as
        INTERRUPTED, and goes on.

    Examples
    --------
    >>> with advisor.record_run(dataset_name="flowers", epochs=20) as run:  # doctest: +SKIP
    ...     for epoch in range(20):
    ...         loss = train(model)
    ...         run.log_epoch(train_loss=loss, eval_top1=evaluate(model))
    """
    recorder = _process_recorder()
    attached_before = recorder.attached
    fields = {"source": Source.API, **fields}
    run = recorder.active
    if run is not None and not run.epochs_reported:
        run.update(**fields)
    else:
        run = recorder.start_run(**fields)
    recorder.attach()
    error: BaseException | None = None
    try:
        yield run
    except BaseException as raised:
        error = raised
        raise
    finally:
        if recorder.active is run:
            recorder.end_run(error=error)
        else:
            run.end(error=error)
        if not attached_before:
            recorder.detach()
