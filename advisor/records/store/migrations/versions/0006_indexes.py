"""A million runs are listed, filtered and sorted within a second: each by an index."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

_TEXTS = ("name", "dataset_name", "model", "opt")
_KEYS = ("dataset_id", "status", "source")
_HYPERPARAMETERS = ("lr", "batch_size", "epochs", "dropout", "weight_decay")


def upgrade() -> None:
    """Make indexes in the order in which runs are listed, and two that have the numbers that they are sorted by."""
    # SQLite sorts unknown values last in a descending index without being told, and cannot be told.
    last = "" if op.get_bind().dialect.name == "sqlite" else " NULLS LAST"
    newest = f"started_at DESC{last}, run_id DESC"
    op.drop_index("ix_runs_started_at", "runs")
    op.drop_index("ix_runs_dataset_id", "runs")
    op.execute(f"CREATE INDEX ix_runs_started_at ON runs ({newest})")
    for name in _KEYS:
        op.execute(f"CREATE INDEX ix_runs_{name} ON runs ({name}, {newest})")
    for name in _TEXTS:
        # The beginning, as PostgreSQL refuses long keys.
        op.execute(f"CREATE INDEX ix_runs_{name} ON runs (substr({name}, 1, 200), {newest}, status, best_metric)")
    op.execute(f"CREATE INDEX ix_runs_scores ON runs (best_metric DESC{last}, final_metric, run_id)")
    op.execute(f"CREATE INDEX ix_runs_hyperparameters ON runs ({', '.join(_HYPERPARAMETERS)}, run_id)")
