"""One contract for every store: what goes in comes out, and what goes wrong is explained and loses nothing."""

import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from advisor.errors import StoreError, UsageError
from advisor.records.schema import Dataset, Epoch, Run, Source, Status, StoredSuggestion
from advisor.records.store.migrations import HEAD
from advisor.records.store.store import Store
from advisor.records.store.tables import metadata

START = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


@pytest.fixture(params=["file", "memory", "postgres"])
def store(request, tmp_path):
    if request.param == "postgres":
        store = Store(request.getfixturevalue("postgres_url"))
    else:
        store = Store("sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'sub' / 'records.db'}")
    yield store
    store.close()


def make_run(number=0, **fields):
    known = {
        "run_id": f"01run{number:021d}",
        "source": Source.API,
        "status": Status.FINISHED,
        "started_at": START + timedelta(hours=number),
    }
    return Run(**{**known, **fields})


FULL = make_run(
    name="früh\n'; DROP TABLE runs; --",
    pid=2**62,
    lr=1e-300,
    weight_decay=math.inf,
    amp=False,
    ended_at=START.astimezone(timezone(timedelta(hours=9))),
    versions={"timm": "1.0"},
    extra={"nested": [{"a": None}, "☃", 2**70, 1.5], "flag": True},
)


def test_records_come_back_as_they_were(store):
    store.add_runs([FULL], [Epoch(run_id=FULL.run_id, epoch=0, train_loss=-math.inf, eval_top1=12.5)])
    assert store.runs() == [FULL]
    assert store.run(FULL.run_id) == FULL
    assert store.epochs(FULL.run_id) == [Epoch(run_id=FULL.run_id, epoch=0, train_loss=-math.inf, eval_top1=12.5)]
    assert store.counts() == {"runs": 1, "epochs": 1, "datasets": 0, "suggestions": 0}


def test_not_a_number_is_not_nothing(store):
    store.add_runs([make_run(final_metric=math.nan)], [Epoch(run_id=make_run().run_id, epoch=0, train_loss=math.nan)])
    assert math.isnan(store.runs()[0].final_metric)
    assert store.runs()[0].best_metric is None
    epoch = store.epochs(make_run().run_id)[0]
    assert math.isnan(epoch.train_loss)
    assert epoch.eval_loss is None


def test_adding_again_replaces(store):
    store.add_runs([make_run(lr=1.0)], [Epoch(run_id=make_run().run_id, epoch=0, lr=1.0)])
    store.add_runs([make_run(lr=2.0)], [Epoch(run_id=make_run().run_id, epoch=0, lr=2.0)])
    assert [run.lr for run in store.runs()] == [2.0]
    assert [epoch.lr for epoch in store.epochs(make_run().run_id)] == [2.0]


def test_filters(store):
    runs = [
        make_run(0, status=Status.FAILED, model="a", dataset_name="pets", dataset_id="d1"),
        make_run(1, status=Status.STALE, model="b", dataset_name="pets", opt="sgd", name="mine"),
        make_run(2, model="b", source=Source.MLFLOW),
    ]
    store.add_runs(runs)

    def numbers(**filters):
        return sorted(runs.index(run) for run in store.runs(**filters))

    assert numbers(status=Status.FAILED) == [0]
    assert numbers(status=[Status.FAILED, Status.STALE]) == [0, 1]
    assert numbers(status=[]) == []
    assert numbers(model="b", dataset="pets") == [1]
    assert numbers(dataset="d1") == [0]
    assert numbers(source=Source.MLFLOW) == [2]
    assert numbers(opt="sgd") == numbers(name="mine") == [1]
    assert numbers(since=START + timedelta(hours=1)) == [1, 2]
    assert numbers(before=START + timedelta(hours=1)) == [0]
    assert numbers(since=(START + timedelta(hours=1)).astimezone(timezone(timedelta(hours=-8)))) == [1, 2]


def test_sorting_puts_the_unknown_last(store):
    for number, value in enumerate([2.0, None, 3.0]):
        store.add_runs([make_run(number, best_metric=value)])
    assert [run.best_metric for run in store.runs(sort="best_metric")] == [3.0, 2.0, None]
    assert [run.best_metric for run in store.runs(sort="best_metric", descending=False)] == [2.0, 3.0, None]
    assert [run.best_metric for run in store.runs()] == [3.0, None, 2.0]
    assert len(store.runs(limit=2)) == 2
    with pytest.raises(UsageError, match="cannot be sorted by 'speed'") as caught:
        store.runs(sort="speed")
    assert {"run_id", "lr"} < {*caught.value.hint.removeprefix("one of: ").split(", ")}


def test_a_run_is_found_by_its_id_its_beginning_or_its_name(store):
    store.add_runs([make_run(0, name="old"), *(make_run(number, name="same") for number in (1, 2))])
    store.add_runs([make_run(3, name="same", started_at=START)])
    assert store.run("old") == make_run(0, name="old")
    assert store.run("same") == make_run(2, name="same")
    assert store.run(f"01run{1:021d}"[:-1] + "1").run_id == make_run(1).run_id
    why = "none is recorded under this name or id; one that was just started is there once it trains"
    several = "'01run' fits several runs", "give more of the id; see `advisor records list`"
    none = ((name, (f"there is no run {name!r}: {why}", "advisor records list")) for name in ("gone", "%"))
    for name, said in (("01run", several), *none):
        with pytest.raises(UsageError) as caught:
            store.run(name)
        assert (str(caught.value), caught.value.hint) == said


def test_a_whole_id_is_meant_before_a_name_and_before_what_begins_so(store):
    store.add_runs([make_run(run_id="01a"), make_run(run_id="01ab", name="01a"), make_run(run_id="01b", name="01ab")])
    assert [store.run(asked).run_id for asked in ("01a", "01ab", "01b")] == ["01a", "01ab", "01b"]


def test_epochs_come_in_order_and_those_of_a_run_together(store):
    numbers = [("b", 1), ("a", 2), ("b", 0), ("a", 0), ("a", 1)]
    store.add_runs(
        [make_run(run_id=run_id) for run_id in "ab"], [Epoch(run_id=run_id, epoch=epoch) for run_id, epoch in numbers]
    )
    assert [epoch.epoch for epoch in store.epochs("a")] == [0, 1, 2]
    assert [(epoch.run_id, epoch.epoch) for epoch in store.epochs_of(["b", "a"])] == sorted(numbers)


def test_removing_takes_the_epochs_along(store):
    runs = [make_run(number) for number in range(1200)]
    store.add_runs(runs, [Epoch(run_id=run.run_id, epoch=0) for run in runs])
    store.remove([run.run_id for run in runs[1:]])
    assert store.runs() == runs[:1]
    assert store.counts()["epochs"] == 1


def test_datasets_and_suggestions(store):
    counts = {"n_train": 3, "n_eval": 2, "n_classes": 2}
    dataset = Dataset(dataset_id="d", name="pets", group="g", **counts, features={"x": 0.5}, features_version=2)
    store.put_dataset(replace(dataset, name="old"))
    store.put_dataset(dataset)
    assert store.datasets() == [dataset]
    assert store.dataset("d") == dataset
    assert store.dataset("e") is None
    advice = [
        StoredSuggestion(
            suggestion_id=str(i), created_at=START + timedelta(i), dataset_id=None, model="m", suggestion={}
        )
        for i in range(2)
    ]
    for one in advice:
        store.save_suggestion(one)
    assert store.suggestions() == advice[::-1]
    assert (store.suggestion("0"), store.suggestion("2")) == (advice[0], None)


def test_text_that_databases_do_not_take_is_stored_as_its_escapes(store):
    store.add_runs([make_run(name="a\ud800b\0", extra={"said": ["\0"]})])
    assert store.runs() == [make_run(name="a\\ud800b\\x00", extra={"said": ["\\x00"]})]


def test_a_failing_transaction_leaves_nothing(store):
    broken = [make_run(1), replace(make_run(2), run_id=None)]
    with pytest.raises(StoreError):
        store.add_runs(broken)
    assert store.runs() == []


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_migrations_make_the_declared_tables(store):
    import sqlalchemy as sa
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.reading() as connection:
        options = {"compare_type": False, "include_object": lambda thing, name, kind, *_: kind != "index"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        assert {column["name"] for column in sa.inspect(connection).get_columns("runs")} == set(Run.__annotations__)


# What goes wrong: SQLite files.


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "records.db"
    store = Store(f"sqlite:///{path}")
    store.add_runs([FULL])
    store.close()
    return path


def test_opening_again_keeps_everything(file):
    store = Store(f"sqlite:///{file}")
    assert store.runs() == [FULL]
    store.close()


def test_locked(file):
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = Store(f"sqlite:///{file}?timeout=0.05")
    assert store.runs() == [FULL]  # readers need not wait for a writer
    with pytest.raises(StoreError, match="locked") as caught:
        store.add_runs([make_run(1)])
    assert "try again" in caught.value.hint
    other.execute("ROLLBACK")
    other.close()
    store.add_runs([make_run(1)])
    assert len(store.runs()) == 2
    store.close()


@pytest.mark.parametrize("content", [b"this is no database, " * 500, b"SQLite format 3\0" + b"\xff" * 8000])
def test_corrupt(tmp_path, content):
    path = tmp_path / "records.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be used") as caught:
        Store(f"sqlite:///{path}")
    assert "records sync" in caught.value.hint
    assert path.read_bytes() == content


def test_made_by_a_newer_version(file):
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="newer version") as caught:
        Store(f"sqlite:///{file}")
    assert "pip install --upgrade timm-advisor" in caught.value.hint
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    connection.close()


def test_a_store_that_cannot_be_used_is_named_without_its_password():
    with pytest.raises(StoreError, match=r"the store \S+://me:\*\*\*@127.0.0.1:1/x\S* cannot be used") as caught:
        Store("postgresql://me:hunter2@127.0.0.1:1/x?connect_timeout=2")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(StoreError, match="the store my store cannot be used"):
        Store("my store")


@pytest.fixture
def as_nobody():
    """Be a user without rights, whom files can shut out, in a folder that they can reach."""
    if os.getuid() != 0:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
        os.setresuid(0, 0, 0)


def become_nobody():
    if os.getuid() == 0:
        os.setresuid(65534, 65534, 0)


@pytest.mark.parametrize("log", ["gone", "empty", "live"])
def test_a_read_only_disk_can_be_read(as_nobody, file, log):
    path = as_nobody / "read#only.db"
    shutil.copy(file, path)
    writer = Store(f"sqlite:///{path}")
    writer.add_runs([make_run(1)])
    if log != "live":
        writer.close()
    if log == "empty":
        path.with_name(f"{path.name}-wal").touch()
    for one in as_nobody.iterdir():  # the log beside it too
        os.chmod(one, 0o444)
    os.chmod(as_nobody, 0o555)
    become_nobody()
    store = Store(f"sqlite:///{path}")
    try:
        assert len(store.runs()) == 2
        with store.reading() as rows:
            assert rows.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
        with pytest.raises(StoreError) as caught:
            store.add_runs([make_run(2)])
        assert "ADVISOR_STORE" in caught.value.hint
    finally:
        store.close()
        if os.geteuid() != 0 and os.getresuid()[2] == 0:
            os.setresuid(0, 0, 0)
        os.chmod(as_nobody, 0o755)
        writer.close()


def test_a_folder_that_cannot_be_written(as_nobody):
    os.chmod(as_nobody, 0o555)
    become_nobody()
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{as_nobody / 'records.db'}")
    assert "ADVISOR_STORE" in caught.value.hint


def test_many_processes_make_one_store(tmp_path):
    """Opened for the first time by several at once, it is made once, and everyone's runs are in it."""
    url = f"sqlite:///{tmp_path / 'records.db'}"
    code = (
        "import sys; from advisor.records.store.store import Store; from advisor.records.schema import Run, Source\n"
        "Store(sys.argv[1]).add_runs([Run(run_id=sys.argv[2], source=Source.API)])"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, url, str(number)]) for number in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    store = Store(url)
    assert {run.run_id for run in store.runs()} == {"0", "1", "2"}
    store.close()


# Stores of every released schema stay readable.

FROZEN = sorted((Path(__file__).parent / "frozen_stores").glob("*.db"))


def test_there_is_a_frozen_store_of_every_schema():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    import advisor.records.store.migrations as migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    revisions = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    assert {path.stem for path in FROZEN} == revisions
    assert max(revisions) == HEAD


@pytest.mark.parametrize("frozen", FROZEN, ids=[path.stem for path in FROZEN])
def test_frozen_stores_are_brought_up_to_date_with_everything_in_them(tmp_path, frozen):
    path = tmp_path / "records.db"
    shutil.copy(frozen, path)
    store = Store(f"sqlite:///{path}")
    runs = store.runs(sort="run_id", descending=False)
    assert [run.run_id for run in runs] == ["01frozen000000000000000001", "01frozen000000000000000002"]
    finished, diverged = runs
    assert finished.status is Status.FINISHED
    assert (finished.lr, finished.batch_size, finished.epochs, finished.dropout, finished.weight_decay) == (
        0.05,
        64,
        2,
        0.1,
        2e-5,
    )
    assert finished.started_at == START
    assert finished.extra == {"color_jitter": 0.4, "note": "☃"}
    assert diverged.status is Status.DIVERGED
    assert math.isnan(diverged.final_metric)
    assert [epoch.eval_top1 for epoch in store.epochs(finished.run_id)] == [50.0, 75.0]
    assert store.dataset("d1").features == {"entropy": 0.5}
    assert (store.thumbnails("d1") is not None) == (frozen.stem >= "0002")
    assert store.suggestions()[0].suggestion == {"schema": "advisor.suggestion/1"}
    assert store.spool_states([finished.run_id, "other"]) == {finished.run_id: (1234, Status.FINISHED)}
    store.add_runs([FULL])
    assert len(store.runs()) == 3
    store.close()


def test_secrets_that_an_older_version_recorded_are_masked(tmp_path):
    path = tmp_path / "records.db"
    shutil.copy(FROZEN[0].with_name("0003.db"), path)
    with closing(sqlite3.connect(path)) as connection, connection:
        extra = json.dumps(
            {"hook": "https://hooks.slack.com/services/T0/B0/abcdefgh", "db_pass": "pa55word", "lr": 0.1}
        )
        connection.execute("UPDATE runs SET extra = ?, error = ? WHERE run_id LIKE '%1'", (extra, "token: pa55word"))
    store = Store(f"sqlite:///{path}")
    first, second = store.runs(sort="run_id", descending=False)
    assert first.extra == {"hook": "https://hooks.slack.com/***", "db_pass": "***", "lr": 0.1}
    assert first.error == "token: ***"
    assert second.status is Status.DIVERGED
    store.close()
    assert b"pa55word" not in path.read_bytes()
