"""The table of what is kept of a dataset's images is called after it."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Rename the table."""
    op.rename_table("likenesses", "thumbnails")
