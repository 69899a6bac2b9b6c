"""What is recorded is its owner's to read, whatever the umask is."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from advisor.records.recording.spool import SpoolFile, archive
from advisor.records.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_spool_and_the_folders_that_are_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "spool" / "01a.jsonl"
    SpoolFile(path).close()
    archive(path)
    assert mode(tmp_path / "data") == mode(path.parent) == mode(path.parent / "ingested") == 0o700
    assert mode(path.parent / "ingested" / path.name) == 0o600


def test_a_store_and_what_sqlite_writes_beside_it(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'data' / 'records.db'}")
    with store.writing():
        beside = [path for path in (tmp_path / "data").iterdir() if path.suffix != ".lock"]
        assert len(beside) >= 2
        assert {mode(path) for path in beside} == {0o600}
    assert mode(tmp_path / "data") == 0o700
    store.close()


def test_what_older_versions_left_open_is_closed(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o755)
    (spool / "01a.jsonl").touch(mode=0o644)
    SpoolFile(spool / "01a.jsonl").close()
    store = tmp_path / "records.db"
    store.touch(mode=0o644)
    Store(f"sqlite:///{store}").close()
    assert mode(spool) == 0o700
    assert mode(spool / "01a.jsonl") == mode(store) == 0o600


def test_a_folder_that_is_shared_on_purpose_stays_so(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    SpoolFile(shared / "01a.jsonl").close()
    Store(f"sqlite:///{shared / 'records.db'}").close()
    assert mode(shared) == 0o2770
    assert mode(shared / "01a.jsonl") == mode(shared / "records.db") == 0o660


def test_the_folder_that_a_store_was_put_into_is_left_alone(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir(mode=0o755)
    Store(f"sqlite:///{project / 'records.db'}").close()
    assert mode(project) == 0o755
