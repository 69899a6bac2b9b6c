"""What a plugin that wraps a training framework reports to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from advisor.records.recording.active import ActiveRun
from advisor.records.schema import Source, Status


class AttachableRecorder(Protocol):
    """The part of a ``Recorder`` that a plugin's ``advisor_attach`` may rely on.

    Attributes
    ----------
    active : ActiveRun or None
        The run in progress.
    defaults : dict
        Fields that every run begins with.
    before_end : list of callable
        Called when a run ends, for the plugin to report what it held back.
    """

    active: ActiveRun | None
    defaults: dict[str, Any]
    before_end: list[Callable[[], None]]

    def start_run(self, source: Source = ..., **fields: Any) -> ActiveRun:
        """Begin a run; see ``Recorder.start_run``."""

    def end_run(self, status: Status | None = None, error: BaseException | str | None = None) -> None:
        """End the active run, if there is one."""

    def observe(self, where: str, observer: Callable[..., None], *arguments: Any) -> None:
        """Tell the plugin of something in the middle of the training; see ``Recorder.observe``."""
