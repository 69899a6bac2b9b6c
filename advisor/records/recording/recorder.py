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
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from advisor.records.recording.active import ActiveRun
from advisor.records.recording.containment import contained, guarded, raise_contained
from advisor.records.recording.exits import has_returned, watch_exits
from advisor.records.recording.observers import Observers
from advisor.records.recording.provenance import script_folder
from advisor.records.recording.undisturbed import undisturbed
from advisor.records.schema import Source, Status

if TYPE_CHECKING:
    from advisor.plugins import Plugins

__all__ = ["ActiveRun", "Recorder", "autolog", "process_recorder"]

_LAST_SECONDS = 10.0
"""How long ending the run at the end of the process may take, beside plugins."""


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
    project : Path, optional
        Folder of the script, whose project's settings count; by default that of ``__main__``.

    Attributes
    ----------
    active : ActiveRun or None
        The run in progress.
    defaults : dict
        Fields that every run begins with.
    before_end : list of callable
        Called when a run ends, for plugins to report what they held back.
    script_frame : frame or None
        Where the script's own lines run, to see in the end whether they came to theirs.
    """

    def __init__(
        self,
        spool_dir: Path | None = None,
        plugins: Plugins | None = None,
        hook_timeout: float | None = None,
        project: Path | None = None,
    ) -> None:
        self._pid = os.getpid()
        self._spool_dir: Path | None = None
        self._plugins = plugins
        self._hook_timeout = 0.0
        self._private_paths: Sequence[str] = ()
        self._store: str | None = None
        self._undo: list[Callable[[], None]] = []
        self._observers: Observers | None = None
        self._error_before: BaseException | None = None
        self.active: ActiveRun | None = None
        self.defaults: dict[str, Any] = {}
        self.before_end: list[Callable[[], None]] = []
        self.script_frame: FrameType | None = None
        self._configure(spool_dir, hook_timeout, project)
        atexit.register(self._end_at_exit)

    @contained
    def _configure(self, spool_dir: Path | None, hook_timeout: float | None, project: Path | None) -> None:
        from advisor.config import Config, store_name
        from advisor.plugins import Plugins

        config = Config({"spool_dir": spool_dir, "hook_timeout": hook_timeout}, project=project or script_folder())
        self._plugins = Plugins(config["plugins"]) if self._plugins is None else self._plugins
        self._hook_timeout = config["hook_timeout"]
        self._private_paths = config["private_paths"]
        self._store = store_name(config["store"])
        self._spool_dir = config["spool_dir"]  # set last: without it nothing is recorded

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
        self.active = ActiveRun(
            self._spool_dir, self._observers, fields, self.before_end, self._private_paths, self._store
        )
        return self.active

    @contained
    def end_run(self, status: Status | None = None, error: BaseException | str | None = None) -> None:
        """End the active run, if there is one; see ``ActiveRun.end``."""
        if self.active is not None:
            try:
                self.active.end(status, error)
            finally:
                self.active = None

    @contained
    def observe(self, where: str, observer: Callable[..., None], *arguments: Any) -> None:
        """Call a plugin's function: what it raises is said once, with ``where``, and does not reach the script."""
        guarded(where, observer, *arguments)

    @contained
    def add_plugin(self, plugin: object, name: str) -> None:
        """Have one more plugin take part in the runs from now on; see ``Plugins.register``."""
        if self._plugins is not None:
            self._plugins.register(plugin, name)

    @property
    def attached(self) -> bool:
        """Whether plugins are attached."""
        return bool(self._undo)

    @contained
    def attach(self) -> None:
        """Let every plugin attach to the framework it knows; nothing if that was done."""
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

    def _end_at_exit(self) -> None:
        if os.getpid() == self._pid:
            undisturbed(self._end_and_wait, _LAST_SECONDS + self._hook_timeout)

    def _end_and_wait(self) -> None:
        if self.active is not None:
            error = getattr(sys, "last_value", None)
            interactive = hasattr(sys, "ps1") or hasattr(builtins, "__IPYTHON__")
            # Set where the interpreter printed an uncaught exception; in an interactive session that ends nothing.
            if self.script_frame is not None and has_returned(self.script_frame):
                self.active.ends_by(None)
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


def process_recorder(project: Path | None = None) -> Recorder:
    """Return the recorder of this process, made on first use with the settings of a project: see ``Recorder``."""
    global _recorder
    if _recorder is None or _recorder._pid != os.getpid():
        _recorder = Recorder(project=project)
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
    recorder = process_recorder()
    recorder.defaults.update(fields)
    recorder.script_frame = recorder.script_frame or guarded("autolog", watch_exits, recorder)
    recorder.attach()
    return recorder
