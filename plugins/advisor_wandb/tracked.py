"""A run as Weights & Biases keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Tracked:
    """A run as Weights & Biases keeps it.

    Attributes
    ----------
    identity : tuple
        What tells the run from every other one.
    name : str
        What people call it.
    state : str or None
        ``finished``, ``failed``, ``crashed``, ``killed`` or ``running``; None if nothing tells.
    config, summary : dict
        The arguments, and the last value of each metric.
    history : list of dict
        What was logged, in order.
    """

    identity: tuple[object, ...]
    name: str = ""
    project: str | None = None
    state: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    script: str | None = None
    git_commit: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
