"""A PostgreSQL to test against, where one is named."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from advisor.records.store import Store
from advisor.records.tables import metadata


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL database for tests, empty before and after; skips where none is named."""
    url = os.environ.get("ADVISOR_TEST_POSTGRES")
    if not url:
        pytest.skip("ADVISOR_TEST_POSTGRES is not set")
    _empty(url)
    yield url
    _empty(url)


def _empty(url: str) -> None:
    store = Store(url)
    with store.writing() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    store.close()
