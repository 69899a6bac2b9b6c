"""A recorder and where it writes; a PostgreSQL to test against, where one is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from advisor.plugins import Plugins
from advisor.records.recording import containment
from advisor.records.recording.recorder import Recorder
from advisor.records.store.store import Store
from advisor.records.store.tables import metadata


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def recorder(folder: Path) -> Iterator[Recorder]:
    recorder = Recorder(folder, Plugins("none"), hook_timeout=5)
    yield recorder
    recorder.end_run()


@pytest.fixture
def contained(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for users: what fails is told once, not raised."""
    monkeypatch.delenv("ADVISOR_TESTING")
    monkeypatch.setattr(containment, "_told", set())


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
