"""``advisor records``: what was recorded, at the user's hand."""

import csv
import io
import json
import math
import os
import sqlite3
import tracemalloc
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from advisor.cli import main
from advisor.records.recording import spool
from advisor.records.schema import EPOCH_METRICS, RUN_FIELDS, Epoch, Run, Source, Status, new_id
from advisor.records.store.store import Store
from advisor.space.words import counted

NOW = datetime.now(timezone.utc)
DAYS_OLD = (1, 10, 100)


@pytest.fixture
def advisor(capsys):
    """Run a command line; return its exit status, what it printed, and what it told on stderr."""

    def run(*arguments, code=0):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        output = capsys.readouterr()
        assert (ended.value.code or 0) == code, output.err
        assert "Traceback" not in output.err
        return output.out if code == 0 else output.err

    return run


@pytest.fixture
def runs():
    return [
        Run(
            run_id=f"01run{number}",
            source=Source.API,
            status=status,
            name=f"name-{number}",
            started_at=NOW - timedelta(days=days),
            model="test_resnet",
            dataset_name="pets" if number else "flowers",
            lr=0.1 * (number + 1),
            final_metric=math.nan if number == 1 else 50.0 + number,
            extra={"color_jitter": 0.4, "note": 'a "quoted",\ntext'},
        )
        for number, (days, status) in enumerate(
            zip(DAYS_OLD, (Status.FINISHED, Status.DIVERGED, Status.FAILED), strict=True)
        )
    ]


@pytest.fixture
def store(runs):
    store = Store(os.environ["ADVISOR_STORE"])
    epochs = [
        Epoch(run_id=run.run_id, epoch=i, train_loss=2.0 - i, eval_top1=math.nan if i == 1 else 10.0 * i)
        for run in runs
        for i in range(3)
    ]
    store.add_runs(runs, epochs)
    yield store
    store.close()


def ids(text):
    return [run["run_id"] for run in json.loads(text)]


def test_list_without_runs_says_what_to_do(advisor, capsys):
    assert advisor("records", "list") == ""
    assert json.loads(advisor("records", "list", "--format", "json")) == []


def test_list_is_a_line_a_run(advisor, store):
    lines = advisor("records", "list").splitlines()
    assert " ".join(lines[0].split()) == "run name status dataset model opt lr batch epochs dropout decay best final"
    assert [line.split()[0] for line in lines[1:]] == ["01run0", "01run1", "01run2"]
    assert lines[2].split()[-1] == "nan"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--since", "5d"], [0]),
        (["--since", "50d"], [0, 1]),
        (["--since", "2000-01-01"], [0, 1, 2]),
        (["--since", f"{NOW.year + 1}-01-01T00:00+02:00"], []),
        (["--status", "failed"], [2]),
        (["--status", "FAILED", "--status", "diverged"], [1, 2]),
        (["--dataset", "pets", "--model", "test_resnet"], [1, 2]),
        (["--source", "mlflow"], []),
        (["--sort", "lr"], [2, 1, 0]),
        (["--sort", "lr", "--ascending", "--limit", "1"], [0]),
        (["--sort", "name", "--ascending"], [0, 1, 2]),
    ],
)
def test_list_filters_and_sorts(advisor, store, options, expected):
    assert ids(advisor("records", "list", "--format", "json", *options)) == [f"01run{number}" for number in expected]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--since", "yesterday"], "is no time"),
        (["list", "--since", "7y"], "is no time"),
        (["list", "--sort", "speed"], "cannot be sorted by 'speed'"),
        (["list", "--status", "DONE"], "DONE"),
        (["list", "--limit", "0"], "0"),
        (["show", "gone"], "there is no run 'gone'"),
        (["show", "01run"], "fits several runs"),
        (["remove", "gone", "--yes"], "there is no run 'gone'"),
        (["prune", "--yes"], "--older-than"),
        (["sync", "--from", "/nowhere"], "does not exist"),
        (["export", "--output", "runs.xls"], "tells no format"),
        (["export", "--format", "parquet"], "--output"),
    ],
)
def test_wrong_usage_is_explained(advisor, store, runs, arguments, said):
    assert said in advisor("records", *arguments, code=2)
    assert len(store.runs()) == len(runs)


def test_json_has_every_field_by_its_name(advisor, store):
    [run] = json.loads(advisor("records", "list", "--format", "json", "--status", "DIVERGED"))
    assert tuple(run) == RUN_FIELDS
    assert run["status"] == "DIVERGED"
    assert run["final_metric"] is None
    assert datetime.fromisoformat(run["started_at"]) == NOW - timedelta(days=10)


def test_show(advisor, store):
    text = advisor("records", "show", "name-0")
    assert "color_jitter" not in text
    assert "further fields: advisor records show name-0 --all" in text
    assert "color_jitter" in advisor("records", "show", "name-0", "--all")
    assert text.index("final_metric") < text.index("eval_top1 in percent") < 3_000
    assert "eval_top1 in percent over the epochs" in text
    assert text.count("●") == 2  # the epoch that is not a number has no mark
    shown = json.loads(advisor("records", "show", "01run0", "--format", "json"))
    assert [epoch["train_loss"] for epoch in shown["epochs_recorded"]] == [2.0, 1.0, 0.0]


def test_show_says_why_a_run_does_not_teach(advisor, store):
    values = {"model": "test_resnet", "opt": "sgd", "lr": 0.1, "batch_size": 8, "epochs": 1, "epochs_done": 1}
    values |= {"dropout": 0.0, "weight_decay": 0.0, "status": Status.FINISHED, "source": Source.API}
    values |= {"dataset_id": "d", "metric": "eval_top1", "final_metric": 90.0}
    flat = {"scored_on_training_images": True}
    runs = [Run(run_id="04", **values), Run(run_id="05", extra=flat, **values)]
    runs.append(Run(run_id="06", **(values | {"dataset_id": None})))
    store.add_runs(runs, [])
    assert "does not learn" not in advisor("records", "show", "04")
    assert "as they were scored on their training images." in advisor("records", "show", "05")
    assert "never described: `advisor records sync`" in " ".join(advisor("records", "show", "06").split())


def test_a_list_that_nothing_fits_is_told_from_no_runs_at_all(advisor, store, capsys):
    with pytest.raises(SystemExit):
        main(["records", "list", "--model", "no_such_model"])
    said = capsys.readouterr().err
    assert "None of 3 recorded runs is so" in said
    assert "No runs recorded" not in said


def test_of_a_long_run_as_many_epochs_as_a_screen_holds(advisor, store):
    epochs = [Epoch(run_id="03", epoch=i, eval_top1=50 + i / 10, train_loss=1.0) for i in range(300)]
    store.add_runs([Run(run_id="03", source=Source.API, best_epoch=123)], epochs)
    text = advisor("records", "show", "03")
    listed = [int(line.split()[0]) for line in text.splitlines() if line.split()[:1] and line.split()[0].isdigit()]
    assert {0, 123, 299} <= set(listed)
    assert len(listed) <= 30
    assert "of 300 epochs" in text
    assert text.index("status") < text.index("train_loss")
    assert len(advisor("records", "show", "03", "--all").splitlines()) > 300


def test_show_draws_a_loss_where_there_is_no_accuracy(advisor, store, runs):
    store.add_runs([Run(run_id="02", source=Source.API)], [Epoch(run_id="02", epoch=i, train_loss=5.0) for i in (1, 2)])
    assert "train_loss over the epochs" in advisor("records", "show", "02")


def test_remove_asks_first(advisor, store, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert advisor("records", "remove", "01run0").strip() == ""  # click 8.2.0 leaves a space
    assert len(store.runs()) == 3
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert advisor("records", "prune", "--older-than", "5d").strip() == ""
    assert len(store.runs()) == 3
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "add --yes" in advisor("records", "remove", "01run0", code=2)
    assert len(store.runs()) == 3
    assert advisor("records", "remove", "01run0", "name-0", "--yes") == "Removed 1 run.\n"
    assert store.counts()["runs"] == 2
    assert store.counts()["epochs"] == 6


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        (["--older-than", "50d"], [2]),
        (["--older-than", "5d"], [1, 2]),
        (["--status", "failed", "--status", "diverged"], [1, 2]),
        (["--status", "failed", "--older-than", "200d"], []),
        (["--status", "RUNNING"], []),
    ],
)
def test_prune(advisor, store, options, gone):
    expected = [f"01run{number}" for number in gone]
    dry = json.loads(advisor("records", "prune", *options, "--dry-run", "--format", "json"))
    assert sorted(dry["runs"]) == expected
    assert dry["removed"] is False
    advisor("records", "prune", *options, "--dry-run")
    assert len(store.runs()) == 3
    assert advisor("records", "prune", *options, "--yes") == f"Removed {counted(len(gone), 'run')}.\n"
    assert {run.run_id for run in store.runs()}.isdisjoint(expected)
    assert len(store.runs()) == 3 - len(gone)


def test_prune_without_options_follows_the_policy(advisor, store, monkeypatch):
    assert "setting `retention`" in advisor("records", "prune", code=2)
    monkeypatch.setenv("ADVISOR_RETENTION", "all=50d")
    assert json.loads(advisor("records", "prune", "--dry-run", "--format", "json"))["runs"] == ["01run2"]
    assert "Removed 1 run, by the setting `retention`." in advisor("records", "sync")
    assert len(store.runs()) == 2


def test_running_runs_are_not_pruned(advisor, store):
    store.add_runs([Run(run_id="03", source=Source.API, status=Status.RUNNING, started_at=NOW - timedelta(days=900))])
    advisor("records", "prune", "--older-than", "500d", "--yes")
    assert store.run("03").status is Status.RUNNING


def test_export_csv(advisor, store, runs, capsys):
    rows = list(csv.DictReader(io.StringIO(advisor("records", "export"))))
    assert [row["run_id"] for row in rows] == ["01run2", "01run1", "01run0"]  # oldest first
    assert tuple(rows[0]) == RUN_FIELDS
    assert json.loads(rows[0]["extra"]) == runs[2].extra
    assert rows[1]["final_metric"] == "nan"
    assert rows[0]["best_metric"] == ""
    assert float(rows[0]["lr"]) == runs[2].lr


def test_export_json(advisor, store, runs):
    lines = advisor("records", "export", "--format", "jsonl", "--status", "DIVERGED").splitlines()
    assert [json.loads(line)["final_metric"] for line in lines] == ["nan"]
    assert ids(advisor("records", "export", "--format", "json")) == ["01run2", "01run1", "01run0"]
    assert json.loads(advisor("records", "export", "--format", "json", "--status", "STALE")) == []


def test_export_epochs(advisor, store):
    text = advisor("records", "export", "--epochs", "--dataset", "flowers")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == ("run_id", "epoch", *EPOCH_METRICS)
    assert [(row["epoch"], row["eval_top1"]) for row in rows] == [("0", "0.0"), ("1", "nan"), ("2", "20.0")]


@pytest.mark.parametrize("options", [[], ["--epochs"]])
def test_export_holds_few_records_at_once(advisor, store, tmp_path, options):
    long = {"argument": "a" * 20_000}
    some = [Run(run_id=f"{number:05}", source=Source.API, status=Status.FINISHED, extra=long) for number in range(4000)]
    store.add_runs(some, [Epoch(run_id=run.run_id, epoch=number) for run in some for number in range(2)])
    tracemalloc.start()
    advisor("records", "export", "--output", str(tmp_path / "runs.jsonl"), *options)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 60e6  # the runs alone are 80 MB
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) > 4000


def test_export_parquet(advisor, store, runs, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "runs.parquet"
    advisor("records", "export", "--output", str(path))
    rows = parquet.read_table(path).to_pylist()
    assert [row["run_id"] for row in rows] == ["01run2", "01run1", "01run0"]
    assert rows[0]["started_at"] == runs[2].started_at
    assert rows[0]["status"] == "FAILED"
    assert rows[0]["lr"] == runs[2].lr
    assert math.isnan(rows[1]["final_metric"])
    assert json.loads(rows[0]["extra"]) == runs[2].extra
    advisor("records", "export", "--epochs", "--output", str(path))
    assert parquet.read_table(path).num_rows == 9
    assert list(tmp_path.glob(".runs*")) == []


def test_export_without_pyarrow_says_what_to_install(advisor, store, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    said = advisor("records", "export", "--output", str(tmp_path / "runs.parquet"), code=1)
    assert "pip install 'timm-advisor[parquet]'" in said
    assert not (tmp_path / "runs.parquet").exists()


def test_export_to_where_nothing_can_be_written(advisor, store):
    assert "cannot be written" in advisor("records", "export", "--output", "/proc/runs.csv", code=1)


def a_spool(folder, host):
    folder.mkdir(parents=True, exist_ok=True)
    run_id = new_id()
    fields = {
        "run_id": run_id,
        "source": "api",
        "status": "RUNNING",
        "host": host,
        "started_at": NOW - timedelta(days=1),
    }
    path = folder / f"{run_id}.jsonl"
    path.write_bytes(spool.encode("run", fields) + spool.encode("epoch", {"epoch": 0, "eval_top1": 12.0}))
    long_ago = (NOW - timedelta(hours=1)).timestamp()
    os.utime(path, (long_ago, long_ago))
    return run_id


def test_sync_from_another_machine(advisor, tmp_path):
    there = tmp_path / "there"
    alive_then, put_away = a_spool(there, "elsewhere"), a_spool(there / "ingested", "elsewhere")
    report = json.loads(advisor("records", "sync", "--from", str(there), "--format", "json"))
    assert (report["runs"], report["lines"], report["stale"]) == (2, 4, 2)
    again = json.loads(advisor("records", "sync", "--from", str(there), "--format", "json"))
    assert (again["runs"], again["lines"], again["stale"]) == (0, 0, 0)
    listed = json.loads(advisor("records", "list", "--format", "json"))
    assert {(run["run_id"], run["status"]) for run in listed} == {(alive_then, "STALE"), (put_away, "STALE")}
    assert len(list(there.rglob("*.jsonl"))) == 2


def test_sync_tells_what_it_passed_over(advisor, capsys):
    folder = Path(os.environ["ADVISOR_SPOOL_DIR"])
    run_id = a_spool(folder, "elsewhere")
    with (folder / f"{run_id}.jsonl").open("ab") as file:
        file.write(b"\xff\n")
    with pytest.raises(SystemExit):
        main(["records", "sync"])
    output = capsys.readouterr()
    assert output.out == "2 new lines of 1 run taken; 0 runs found dead.\n"
    assert "1 damaged line passed over" in output.err


def test_reading_goes_on_where_the_store_cannot_be_written(advisor, store, capsys, monkeypatch):
    """A store that another process holds can be read; what it lacks is said."""
    a_spool(Path(os.environ["ADVISOR_SPOOL_DIR"]), "elsewhere")
    monkeypatch.setenv("ADVISOR_STORE", os.environ["ADVISOR_STORE"] + "?timeout=0.05")
    other = sqlite3.connect(os.environ["ADVISOR_STORE"].removeprefix("sqlite:///").split("?")[0], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SystemExit) as ended:
        main(["records", "list", "--format", "json"])
    output = capsys.readouterr()
    other.close()
    assert not ended.value.code
    assert len(json.loads(output.out)) == 3
    assert "left out" in output.err
    assert len(ids(advisor("records", "list", "--format", "json"))) == 4


@pytest.mark.parametrize("command", [["list"], ["show", "x"], ["sync"], ["export"], ["prune", "--status", "STALE"]])
def test_a_store_that_is_none_is_explained(advisor, command):
    path = Path(os.environ["ADVISOR_STORE"].removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is no database, " * 500)
    said = advisor("records", *command, code=1)
    assert "Next:" in said
    assert "records sync" in said


def test_passwords_of_the_store_are_not_shown(advisor, monkeypatch):
    monkeypatch.setenv("ADVISOR_STORE", "postgresql://me:hunter2@127.0.0.1:1/x?connect_timeout=1")
    for text in (advisor("config"), advisor("config", "--format", "json"), advisor("records", "list", code=1)):
        assert "hunter2" not in text
