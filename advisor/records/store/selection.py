"""Which runs are asked for, as a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from advisor.records.schema import Source, Status
from advisor.records.store.tables import RUNS, equals


@dataclass(frozen=True)
class Selection:
    """Filters; None keeps all.

    Parameters
    ----------
    status : Status or sequence of Status, optional
        Keep only runs with this status, or one of these.
    source, model, opt, name : optional
        Keep only runs with this value.
    architecture : str, optional
        Keep only runs of this timm model, whatever the tag of its weights.
    dataset : str, optional
        Keep only runs on the dataset of this name or id.
    since, before : datetime, optional
        Keep only runs that started then or later, or before.
    """

    status: Status | Sequence[Status] | None = None
    source: Source | None = None
    model: str | None = None
    architecture: str | None = None
    opt: str | None = None
    name: str | None = None
    dataset: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def of(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """Return a query of runs with these filters."""
        return query.where(*self._conditions())

    def _conditions(self) -> list[sa.ColumnElement[bool]]:
        conditions: list[sa.ColumnElement[bool]] = []
        if self.status is not None:
            statuses = [self.status] if isinstance(self.status, Status) else list(self.status)
            conditions.append(RUNS.c.status.in_([one.value for one in statuses]))
        if self.source is not None:
            conditions.append(RUNS.c.source == self.source.value)
        for column, value in ((RUNS.c.model, self.model), (RUNS.c.opt, self.opt), (RUNS.c.name, self.name)):
            if value is not None:
                conditions.append(equals(column, value))
        if self.architecture is not None:
            tagged = RUNS.c.model.startswith(f"{self.architecture}.", autoescape=True)
            conditions.append(equals(RUNS.c.model, self.architecture) | tagged)
        if self.dataset is not None:
            conditions.append(equals(RUNS.c.dataset_name, self.dataset) | (RUNS.c.dataset_id == self.dataset))
        if self.since is not None:
            conditions.append(RUNS.c.started_at >= self.since)
        if self.before is not None:
            conditions.append(RUNS.c.started_at < self.before)
        return conditions


EVERY = Selection()
