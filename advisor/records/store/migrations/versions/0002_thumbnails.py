"""What is kept of the images of a dataset, so that datasets that share images are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "likenesses",
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("thumbnails", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id"),
    )
