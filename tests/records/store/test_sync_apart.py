"""What is wrong with one spool, or belongs to another store, keeps nothing of the others from the store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from advisor.config import Config, store_name
from advisor.errors import StoreError
from advisor.plugins import Plugins
from advisor.records.recording import spool
from advisor.records.recording.recorder import Recorder
from advisor.records.schema import Status
from advisor.records.store import sync as module
from advisor.records.store.connection import unusable
from advisor.records.store.store import Store
from advisor.records.store.sync import sync, sync_own


@pytest.mark.parametrize(
    ("fields", "epoch"),
    [
        ({}, {"epoch": 2**63 - 1}),  # the number of epochs done is one more
        (
            {"n_eval": -5, "n_classes": 4},
            {"epoch": 0, "train_loss": 1.0, "eval_top1": 1.0},
        ),  # no accuracy has such a spread
    ],
)
def test_a_spool_that_the_store_refuses_keeps_nothing_of_the_others_from_it(spools, store, folder, fields, epoch):
    good = []
    for number in range(5):
        run_id, first = spools.begin(**(fields if number == 2 else {"lr": 0.1}))
        if number == 2:
            bad = run_id
            spools.write(folder, run_id, first, spool.encode("epoch", epoch))
        else:
            good.append(run_id)
            spools.write(folder, run_id, first, spools.epoch(0, eval_top1=50.0), spools.END)
    report = sync(store, folder)
    assert {run.run_id for run in store.runs()} == set(good)
    assert [Path(path).stem for path in report.refused] == [path.stem for path in folder.glob("*.jsonl")] == [bad]
    assert (report.runs, report.unreadable) == (4, 0)
    assert next(iter(sync(store, folder).refused.values()))
    later, first = spools.begin(lr=0.2)
    spools.write(folder, later, first, spools.END)
    sync(store, folder)
    assert store.run(later).lr == 0.2


def test_a_store_that_cannot_be_written_is_said_at_once(spools, store, folder, monkeypatch):
    run_id, first = spools.begin()
    spools.write(folder, run_id, first, spools.END)
    with store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE spools")
        connection.exec_driver_sql("CREATE VIEW spools AS SELECT 1")
    with pytest.raises(StoreError):
        sync(store, folder)


def test_a_store_that_fails_during_a_sync_is_said_and_no_spool_blamed(spools, store, folder, monkeypatch):
    for run_id, first in (spools.begin(), spools.begin()):
        spools.write(folder, run_id, first, spool.encode("epoch", {"epoch": 2**63 - 1}))
    take = module._take_together

    def fail_at_the_first_alone(store, paths, report):
        if len(paths) == 1:
            with store.writing() as connection:
                connection.exec_driver_sql("DROP TABLE spools")
        return take(store, paths, report)

    monkeypatch.setattr(module, "_take_together", fail_at_the_first_alone)
    with pytest.raises(StoreError, match="spools"):
        sync(store, folder)


def test_what_is_no_file_is_no_spool_and_a_line_without_end_is_none(spools, store, folder, monkeypatch):
    monkeypatch.setattr(spool, "LONGEST_LINE", 1000)
    run_id, first = spools.begin(lr=0.1)
    spools.write(folder, run_id, first, spools.END)
    os.mkfifo(folder / "0pipe.jsonl")
    (folder / "0zero.jsonl").symlink_to("/dev/zero")
    (folder / "0folder.jsonl").mkdir()
    (folder / "0gone.jsonl").symlink_to("/nowhere")
    (folder / "0loop.jsonl").symlink_to("0loop.jsonl")
    (folder / "0long.jsonl").write_bytes(b"x" * 5500)
    report = sync(store, folder, only="sqlite:////any.db")
    assert [run.run_id for run in store.runs()] == [run_id]
    assert (report.closed, report.unreadable, report.foreign) == (4, 5, 0)


def test_a_run_belongs_to_the_store_that_it_was_started_for(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("ADVISOR_SPOOL_DIR", str(folder))
    runs = {}
    for name in ("a", "b"):
        monkeypatch.setenv("ADVISOR_STORE", f"sqlite:///{tmp_path / name}.db")
        recorder = Recorder(folder, Plugins("none"))
        runs[name] = recorder.start_run(lr=0.1).run_id
        recorder.end_run()
    foreign = []
    for name in ("a", "b"):
        monkeypatch.setenv("ADVISOR_STORE", f"sqlite:///{tmp_path / name}.db")
        config = Config()
        store = Store(config["store"])
        foreign.append(sync_own(store, config).foreign)
        assert [run.run_id for run in store.runs()] == [runs[name]]
        store.close()
    assert foreign == [1, 0]  # when the second is asked, the first was put away


def test_a_run_from_before_runs_said_for_which_store_goes_to_the_one_that_asks(spools, store, folder):
    run_id, first = spools.begin(lr=0.1)
    spools.write(folder, run_id, first, spools.END)
    assert sync(store, folder, only="sqlite:////any.db").foreign == 0
    assert [run.run_id for run in store.runs()] == [run_id]


def test_what_is_left_of_a_run_that_the_store_has_belongs_to_it_too(spools, store, folder):
    run_id, first = spools.begin(store="sqlite:////other.db")
    path = spools.write(folder, run_id, first)
    sync(store, folder, archive=False)
    with path.open("ab") as file:
        file.write(spools.END)
    assert sync(store, folder, only="sqlite:////any.db").foreign == 0
    assert store.run(run_id).status is Status.FINISHED


def test_more_spools_than_one_transaction_takes_are_taken_in_several(spools, store, folder, monkeypatch):
    monkeypatch.setattr(module, "_SPOOLS_A_TRANSACTION", 2)
    begun = [spools.begin() for _ in range(5)]
    for run_id, first in begun:
        spools.write(folder, run_id, first, spools.END)
    statements = []
    sa.event.listen(store._engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    assert sync(store, folder).runs == 5
    assert sum(statement.startswith("INSERT INTO runs") for statement in statements) == 3
    assert {run.run_id for run in store.runs()} == {run_id for run_id, _ in begun}
    assert not list(folder.glob("*.jsonl"))


def test_why_a_spool_was_refused_is_said_in_one_short_line(spools, store, folder):
    run_id, first = spools.begin()
    path = spools.write(folder, run_id, first, spool.encode("epoch", {"epoch": 2**63 - 1}))
    ((refused, reason),) = sync(store, folder).refused.items()
    assert refused == str(path)
    assert reason.startswith(("OverflowError: ", "StoreError: "))
    assert "\n" not in reason
    assert "  " not in reason
    assert len(reason) <= 300


def test_a_new_store_takes_what_was_archived_for_it_and_for_no_other(spools, store_url, store, folder, monkeypatch):
    monkeypatch.setenv("ADVISOR_SPOOL_DIR", str(folder))
    monkeypatch.setenv("ADVISOR_STORE", store_url)
    config = Config()
    runs = {}
    ours, other = store_name(config["store"]), "sqlite:////other.db"
    for name, of in {"ours": ours, "theirs": other, "theirs too": other}.items():
        runs[name], first = spools.begin(store=of)
        spools.write(folder, runs[name], first, spools.END)
    sync(store, folder)
    before = sorted(folder.rglob("*"))
    assert len(list((folder / "ingested").iterdir())) == 3
    store.remove(list(runs.values()))
    with store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM spools")
    assert sync_own(store, config).lines == 0
    report = sync_own(store, config, archived=True)
    assert (report.runs, report.foreign) == (1, 2)
    assert [run.run_id for run in store.runs()] == [runs["ours"]]
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("kind", "state", "gone", "of_a_spool"),
    [
        (sa.exc.DataError, "22003", False, True),
        (sa.exc.IntegrityError, "23505", False, True),
        (sa.exc.OperationalError, "54000", False, True),
        (sa.exc.OperationalError, "40001", False, False),
        (sa.exc.DataError, "57P01", False, False),
        (sa.exc.DataError, "22003", True, False),
        (sa.exc.DataError, None, False, True),
        (sa.exc.ProgrammingError, None, False, True),
        (sa.exc.OperationalError, None, False, False),
        (sa.exc.DataError, None, True, False),
    ],
)
def test_an_error_is_of_a_spool_by_what_the_database_calls_it(kind, state, gone, of_a_spool):
    said = Exception("said")
    if state is not None:
        said.sqlstate = state
    error = unusable("any", OSError())
    error.__cause__ = kind("INSERT", {}, said, connection_invalidated=gone)
    assert module._is_of_a_spool(error) == of_a_spool


def test_what_is_no_error_of_the_database_is_of_a_spool_unless_it_is_the_stores():
    assert module._is_of_a_spool(OverflowError())
    assert not module._is_of_a_spool(unusable("any", OSError()))
    error = unusable("any", OSError())
    error.__cause__ = sa.exc.StatementError("said", "INSERT", {}, OverflowError())
    assert module._is_of_a_spool(error)
