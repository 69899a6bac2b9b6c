"""A copy of the store is whole whoever writes it; put back, it has what it had, and what the spools hold."""

import re
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

from advisor.errors import StoreError, UsageError
from advisor.records.schema import Epoch, Run, Source
from advisor.records.store import backup
from advisor.records.store.backup import back_up, restore
from advisor.records.store.migrations import HEAD
from advisor.records.store.store import Store
from advisor.records.store.sync import sync

FROZEN = Path(__file__).parent / "frozen_stores"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "records.db"


@pytest.fixture
def url(file):
    return f"sqlite:///{file}"


def numbered(number):
    run_id = f"01run{number:05d}"
    return Run(run_id=run_id, source=Source.API), [Epoch(run_id=run_id, epoch=epoch) for epoch in range(3)]


def ids(url):
    store = Store(url)
    found = [run.run_id for run in store.runs(sort="run_id", descending=False)]
    assert store.counts()["epochs"] == 3 * len(found)
    store.close()
    return found


def add(store, *numbers):
    for number in numbers:
        run, epochs = numbered(number)
        store.add_runs([run], epochs)


def test_a_copy_is_whole_while_others_write(url, tmp_path):
    store, over = Store(url), threading.Event()
    add(store, *range(50))

    def write():
        number = 50
        while not over.is_set():
            add(store, number)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            copy = tmp_path / f"copy-{number}.db"
            back_up(url, copy)
            assert ids(f"sqlite:///{copy}")[:50] == [numbered(i)[0].run_id for i in range(50)]
            assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    finally:
        over.set()
        writer.join()
        store.close()


def test_who_has_the_store_open_sees_what_was_restored(url, tmp_path):
    store = Store(url)
    add(store, 1)
    back_up(url, tmp_path / "copy.db")
    add(store, 2)
    assert restore(url, tmp_path / "copy.db") is None
    assert [run.run_id for run in store.runs()] == ["01run00001"]
    add(store, 3)
    store.close()
    assert ids(url) == ["01run00001", "01run00003"]


def test_an_older_store_takes_again_what_its_spools_hold(spools, folder, url, tmp_path):
    """Of runs that came after the copy, of those that went on, and not of those that were removed before it."""
    store = Store(url)
    for run_id in ("01before", "01removed"):
        spools.write(folder, *spools.begin(run_id), spools.END)
    _, first = spools.begin("01longer")
    spools.write(folder, "01longer", first, spools.epoch(0, eval_top1=1.0))
    sync(store, folder, archive=False)
    store.remove(["01removed"])
    back_up(url, tmp_path / "copy.db")
    spools.write(folder, "01longer", first, spools.epoch(0, eval_top1=1.0), spools.epoch(1, eval_top1=2.0), spools.END)
    spools.write(folder, *spools.begin("01after"), spools.END)
    sync(store, folder)
    assert not list(folder.glob("*.jsonl"))
    expected = store.runs(), store.epochs("01longer")
    assert {run.run_id for run in expected[0]} == {"01before", "01longer", "01after"}
    restore(url, tmp_path / "copy.db")
    assert {run.run_id for run in store.runs()} == {"01before", "01longer"}
    report = sync(store, folder / "ingested", archive=False)
    assert (report.runs, report.lines) == (2, 4)
    assert (store.runs(), store.epochs("01longer")) == expected
    assert sync(store, folder / "ingested", archive=False).lines == 0
    store.close()


def test_a_damaged_store_is_kept_beside_what_was_restored(url, file, tmp_path):
    store = Store(url)
    add(store, 1)
    store.close()
    back_up(url, tmp_path / "copy.db")
    file.write_bytes(b"not a database" * 1_000)
    moved = restore(url, tmp_path / "copy.db")
    assert moved is not None
    assert moved.read_bytes().startswith(b"not a database")
    assert ids(url) == ["01run00001"]


def test_a_copy_of_an_older_version_is_brought_up_to_date(url):
    restore(url, FROZEN / "0001.db")
    store = Store(url)
    assert len(store.runs()) == 2
    store.close()


def refused(tmp_path):
    """Files that are no copies of a store, with what is said."""
    text, other, cut, newer = (tmp_path / name for name in ("text", "other", "cut", "newer"))
    text.write_text("not a database\n" * 100)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    cut.write_bytes((FROZEN / "0006.db").read_bytes()[:-5_000])
    shutil.copy(FROZEN / "0006.db", newer)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    return {text: "damaged", other: "no store of records", cut: "damaged", newer: "newer version"}


def test_what_is_no_copy_changes_nothing(url, tmp_path):
    store = Store(url)
    add(store, 1)
    for file, why in refused(tmp_path).items():
        with pytest.raises(StoreError, match=why):
            restore(url, file)
    assert [run.run_id for run in store.runs()] == ["01run00001"]
    store.close()


def test_a_damaged_store_is_not_copied_and_the_copy_of_before_stays(url, file, tmp_path):
    store = Store(url)
    add(store, 1)
    store.close()
    copy = tmp_path / "copy.db"
    back_up(url, copy)
    before = copy.read_bytes()
    file.write_bytes(file.read_bytes()[:-5_000])
    with pytest.raises(StoreError, match="damaged"):
        back_up(url, copy)
    assert copy.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_which_page_is_damaged_is_said(url, tmp_path):
    content, page = (FROZEN / "0006.db").read_bytes(), 4096
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(content[: 4 * page] + b"\xff" * page + content[5 * page :])
    with pytest.raises(StoreError) as caught:
        restore(url, damaged)
    assert caught.value.problem == f"{damaged} is damaged"
    assert "page 5" in caught.value.cause.lower()


def test_a_full_disk_keeps_the_copy_of_before(url, small_disk):
    store = Store(url)
    add(store, 1)
    (small_disk / "copy.db").write_text("before")
    with pytest.raises(StoreError, match="cannot be"):
        back_up(url, small_disk / "copy.db")
    assert [path.name for path in small_disk.iterdir()] == ["copy.db"]
    assert (small_disk / "copy.db").read_text() == "before"
    store.close()


def test_what_cannot_be_copied_is_refused_with_what_to_do(url, file):
    Store(url).close()
    for action, other in ((back_up, "name another file"), (restore, "name the copy of it")):
        with pytest.raises(UsageError) as caught:
            action(url, file)
        assert (caught.value.problem, caught.value.hint) == (f"{file} is the store itself", other)
        with pytest.raises(UsageError) as caught:
            action("postgresql://me:hunter2@host/runs", file)
        assert str(caught.value) == (
            "the store postgresql+psycopg://me:***@host/runs is on a server: this command copies files"
        )
        assert caught.value.hint == (
            "pg_dump --format custom --file FILE DATABASE, and pg_restore --clean --dbname DATABASE FILE"
        )
        for no_file in ("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:here?uri=true"):
            with pytest.raises(UsageError) as caught:
                action(no_file, file)
            assert (str(caught.value), caught.value.hint) == (f"the store {no_file} is no file", "advisor config")


def test_a_database_of_another_program_is_not_copied(tmp_path):
    other, copy = tmp_path / "other.db", tmp_path / "copy.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(StoreError) as caught:
        back_up(f"sqlite:///{other}", copy)
    assert str(caught.value) == f"{other} is no store of records"
    assert not copy.exists()


def test_why_a_copy_failed_is_said_of_the_file_that_it_failed_for(url, file, tmp_path):
    with pytest.raises(StoreError) as caught:
        back_up(url, tmp_path / "copy.db")
    assert caught.value.problem == f"{file} cannot be copied to {tmp_path / 'copy.db'}"
    assert caught.value.cause == "unable to open database file"
    assert caught.value.hint == "check that both can be read and written"
    Store(url).close()
    nowhere = tmp_path / "nowhere" / "copy.db"
    with pytest.raises(StoreError) as caught:
        back_up(url, nowhere)
    assert str(caught.value) == f"{nowhere} cannot be written: No such file or directory"
    assert caught.value.hint == "name a file in a folder of yours"
    told = {}
    for name, copy in {copy.name: copy for copy in refused(tmp_path)}.items():
        with pytest.raises(StoreError) as caught:
            restore(url, copy)
        told[name] = caught.value
    assert str(told["text"]) == f"{tmp_path / 'text'} is damaged: file is not a database"
    assert told["text"].hint == "advisor records restore BACKUP"
    assert str(told["other"]) == f"{tmp_path / 'other'} is no store of records"
    assert told["other"].hint == "name a file that `advisor records backup` wrote"
    assert told["newer"].problem == f"{tmp_path / 'newer'} was made by a newer version of timm-advisor"
    assert told["newer"].cause == f"its schema is 9999, this version knows {HEAD}"
    assert told["newer"].hint == "pip install --upgrade timm-advisor"


def test_a_store_that_another_process_brings_up_to_date_is_waited_for(url, file, tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "BUSY_SECONDS", 0.05)
    Store(url).close()
    back_up(url, tmp_path / "copy.db")
    with FileLock(f"{file}.lock"), pytest.raises(StoreError) as caught:
        restore(url, tmp_path / "copy.db")
    assert caught.value.problem == f"{file} cannot be written"
    assert caught.value.cause == f"another process has been holding {file}.lock for 0.05 s"


def test_a_copy_is_one_private_file_and_is_put_back_where_there_was_no_store(url, tmp_path):
    store = Store(url)
    add(store, 1)
    back_up(url, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    store.close()
    elsewhere = tmp_path / "new" / "records.db"
    assert restore(f"sqlite:///{elsewhere}", tmp_path / "copy.db") is None
    assert ids(f"sqlite:///{elsewhere}") == ["01run00001"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (elsewhere.parent, elsewhere)] == [0o700, 0o600]


def test_what_belongs_to_a_damaged_store_is_moved_with_it(url, file, tmp_path):
    Store(url).close()
    back_up(url, tmp_path / "copy.db")
    for part in ("", "-wal", "-shm"):
        file.with_name(f"{file.name}{part}").write_bytes(f"damaged{part}".encode() * 1_000)
    moved = restore(url, tmp_path / "copy.db")
    assert re.fullmatch(r"records\.db\.damaged-\d{8}T\d{6}", moved.name)
    assert moved.with_name(f"{moved.name}-wal").read_bytes() == b"damaged-wal" * 1_000
    assert moved.with_name(f"{moved.name}-shm").exists()
    assert ids(url) == []
