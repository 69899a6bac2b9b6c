"""What was asked is kept with the advice that was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("suggestions", sa.Column("request", sa.JSON(), nullable=True))
