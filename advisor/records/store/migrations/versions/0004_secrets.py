"""Secrets that older versions did not know as such are masked in the runs that they recorded."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from advisor.records.privacy.secrets import scrub_fields

revision = "0004"
down_revision = "0003"

_TEXTS = ("name", "error", "dataset_name", "model", "opt", "sched", "augment", "metric", "device", "script")
_RUNS = sa.table(
    "runs",
    sa.column("run_id", sa.String),
    *(sa.column(name, sa.String) for name in _TEXTS),
    sa.column("versions", sa.JSON),
    sa.column("extra", sa.JSON),
)
_AT_ONCE = 1_000


def upgrade() -> None:
    """Mask them, a thousand runs at a time."""
    connection, last = op.get_bind(), ""
    if connection.dialect.name == "sqlite":  # else what was there stays in the file until its place is needed
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    while True:
        query = sa.select(_RUNS).where(_RUNS.c.run_id > last).order_by(_RUNS.c.run_id).limit(_AT_ONCE)
        rows: list[dict[str, Any]] = [dict(row) for row in connection.execute(query).mappings()]
        if not rows:
            return
        last = rows[-1]["run_id"]
        for row in rows:
            masked = scrub_fields({name: value for name, value in row.items() if name != "run_id"})
            changed = {name: value for name, value in masked.items() if value != row[name]}
            if changed:
                connection.execute(sa.update(_RUNS).where(_RUNS.c.run_id == row["run_id"]).values(**changed))
