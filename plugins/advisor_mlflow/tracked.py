"""A run as MLflow keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Tracked:
    """A run as MLflow keeps it; each metric as (step, value) in the order logged."""

    run_id: str
    name: str
    experiment: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What of it could not be read."""
