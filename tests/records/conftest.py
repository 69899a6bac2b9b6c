"""A recorder, where it writes and what is read there; stores on either database."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from advisor.plugins import Plugins
from advisor.records.recording import containment, spool
from advisor.records.recording.recorder import Recorder
from advisor.records.store.connection import parse
from advisor.records.store.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def recorder(folder: Path) -> Iterator[Recorder]:
    recorder = Recorder(folder, Plugins("none"), hook_timeout=5)
    yield recorder
    recorder.end_run()


@pytest.fixture(scope="session")
def lines() -> Callable[[Path], list[spool.Line]]:
    """Reads the lines of the one spool in a folder."""
    return _lines


@pytest.fixture(scope="session")
def told() -> Callable[[Path], tuple[dict[str, Any], dict[int, dict[str, Any]]]]:
    """Reads the run as its spool tells it, and its epochs."""
    return _told


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Waits until something is true."""
    return _wait_until


@pytest.fixture
def contained(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for users: what fails is told once, not raised."""
    monkeypatch.delenv("ADVISOR_TESTING")
    monkeypatch.setattr(containment, "_logged", set())


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL database of the test's own; skips where no server is named."""
    server = os.environ.get("ADVISOR_TEST_POSTGRES")
    if not server:
        pytest.skip("ADVISOR_TEST_POSTGRES is not set")
    name = f"advisor_test_{uuid.uuid4().hex}"
    engine = sa.create_engine(parse(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield parse(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store, on either database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'records.db'}"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    store = Store(store_url)
    yield store
    store.close()


def _lines(folder: Path) -> list[spool.Line]:
    [path] = folder.glob("*.jsonl")
    return spool.read(path).lines


def _told(folder: Path) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    run: dict[str, Any] = {"extra": {}, "versions": {}}
    epochs = {}
    for line in _lines(folder):
        if line.type == "epoch":
            epochs[line.data["epoch"]] = line.data
        else:
            for name in ("extra", "versions"):
                run[name] |= line.data.get(name, {})
            run |= {name: value for name, value in line.data.items() if name not in ("extra", "versions")}
    return run, epochs


def _wait_until(true: Callable[[], Any], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.005)
