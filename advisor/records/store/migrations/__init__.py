"""Brings a store's schema up to date; one module a revision in ``versions``, named by their order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

HEAD = "0006"
_LOCK = 0x61647669736F72
"""Any number that other programs are unlikely to lock."""


def lock_server(connection: sa.Connection) -> None:
    """Wait, on PostgreSQL, until no other connection writes; it is the only one until its transaction ends."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def upgrade(engine: sa.Engine) -> None:
    """Run every migration that the store has not seen, in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # so that two processes do not make the tables at once
            lock_server(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
