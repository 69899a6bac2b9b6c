"""MLflow tracking stores, file and SQLite, laid out as MLflow lays them out; MLflow itself is not needed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor import ImportedRun, Skipped, Status
from advisor_mlflow.tracking import runs_at

RUN_ID = "ea7988efe77c4442a81e450f9c8360d3"
PARAMS = {"model_name": "resnet18", "learning_rate": "0.001", "batch_size": "64", "epochs": "3", "optimizer": "adamw",
          "weight_decay": "0.05", "drop_rate": "0.1", "pretrained": "False", "amp": "True", "world_size": "2",
          "dataset": "flowers", "hf_token": "None"}  # fmt: skip
Metrics = dict[str, list[tuple[int, float]]]
METRICS: Metrics = {
    "eval_top1": [(0, 50.0), (1, 60.0), (2, 55.0)],
    "train_loss": [(0, 1.0), (1, 0.5), (2, 0.25)],
    "eval/loss": [(0, 2.0), (1, float("nan")), (2, 2.0)],
}
START, END = 1795469962766, 1795469972766


def file_store(root: Path, metrics: Metrics = METRICS, status: int = 3, stage: str = "active", **params: str) -> Path:
    run = root / "mlruns" / "855604127358282283" / RUN_ID
    run.mkdir(parents=True)
    about = {"experiment_id": "855604127358282283", "name": "try-outs", "lifecycle_stage": "active"}
    (run.parent / "meta.yaml").write_text(yaml.safe_dump(about))
    meta = {"run_id": RUN_ID, "run_name": "try 1", "status": status, "start_time": START, "end_time": END,
            "lifecycle_stage": stage}  # fmt: skip
    (run / "meta.yaml").write_text(yaml.safe_dump(meta))
    logged = {name: "".join(f"{START} {value} {step}\n" for step, value in values) for name, values in metrics.items()}
    tags = {"mlflow.source.name": "train.py", "mlflow.source.git.commit": "0123abc"}
    for folder, texts in {"params": {**PARAMS, **params}, "metrics": logged, "tags": tags}.items():
        for name, text in texts.items():
            path = run / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return root / "mlruns"


def database(root: Path, metrics: Metrics = METRICS, status: str = "FINISHED", stage: str = "active") -> Path:
    path = root / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            "CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, lifecycle_stage TEXT);"
            "CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, status TEXT, start_time BIGINT, end_time BIGINT,"
            " lifecycle_stage TEXT, experiment_id INTEGER);"
            "CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);"
            "CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);"
            "CREATE TABLE metrics (key TEXT, value FLOAT NOT NULL, timestamp BIGINT, run_uuid TEXT, step BIGINT,"
            " is_nan BOOLEAN);"
        )
        connection.execute("INSERT INTO experiments VALUES (1, 'try-outs', 'active')")
        run = (RUN_ID, "try 1", status, START, END, stage, 1)
        connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", run)
        connection.executemany("INSERT INTO params VALUES (?, ?, ?)", [(*item, RUN_ID) for item in PARAMS.items()])
        tags = [("mlflow.source.name", "train.py", RUN_ID), ("mlflow.source.git.commit", "0123abc", RUN_ID)]
        connection.executemany("INSERT INTO tags VALUES (?, ?, ?)", tags)
        for name, values in metrics.items():
            rows = [(name, 0.0 if v != v else v, START + step, RUN_ID, step, v != v) for step, v in values]
            connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    return path


def read(path: Path) -> list[ImportedRun | Skipped]:
    found = runs_at(path, None)
    assert found is not None
    assert found.whole_tree
    return list(found.items)


def one(path: Path) -> ImportedRun:
    (item,) = read(path)
    assert isinstance(item, ImportedRun), item
    return item


def refused(path: Path) -> str:
    (item,) = read(path)
    assert isinstance(item, Skipped), item
    return item.reason


def top1(item: ImportedRun) -> dict[int, float | None]:
    return {epoch.epoch: epoch.eval_top1 for epoch in item.epochs}


def test_both_stores_give_the_same_record(tmp_path: Path) -> None:
    item = one(file_store(tmp_path))
    told: dict[str, Any] = {
        "name": "try 1", "model": "resnet18", "lr": 0.001, "batch_size": 128, "epochs": 3, "opt": "adamw",
        "weight_decay": 0.05, "dropout": 0.1, "pretrained": False, "amp": True, "dataset_name": "flowers",
        "status": Status.FINISHED, "best_metric": 60.0, "best_epoch": 1, "final_metric": 55.0, "script": "train.py",
        "git_commit": "0123abc",
    }  # fmt: skip
    assert {name: getattr(item.run, name) for name in told} == told
    assert item.run.extra["experiment"] == "try-outs"
    assert item.run.started_at is not None
    assert item.run.started_at.timestamp() * 1000 == START
    assert [epoch.eval_loss for epoch in item.epochs] == [2.0, None, 2.0]
    other = one(database(tmp_path))
    assert (other.run, other.epochs) == (item.run, item.epochs)


@pytest.mark.parametrize(
    ("logged", "epochs"),
    [
        ({"eval_top1": [(1, 5.0), (2, 6.0), (3, 7.0)]}, {0: 5.0, 1: 6.0, 2: 7.0}),
        ({"eval_top1": [(0, 5.0), (0, 6.0)]}, {0: 5.0, 1: 6.0}),
        ({"val_acc": [(0, 0.5), (1, 0.75)]}, {0: 50.0, 1: 75.0}),
        ({"val_acc": [(0, 50.0), (1, 75.0)]}, {0: 50.0, 1: 75.0}),
        ({"Validation/Accuracy": [(0, 0.5)]}, {0: None, 2: 50.0}),  # once, by a run that finished its three epochs
        ({"val_acc": [(0, 0.5)], "train_loss": [(0, 3.0), (1, 2.0), (2, 1.0)]}, {0: None, 2: 50.0}),
        ({"val_top1": [(3, 50.0)]}, {0: None, 2: 50.0}),
        ({"val_acc": [(99, 0.5), (199, 0.75)], "epoch": [(99, 0), (199, 1)]}, {0: 50.0, 1: 75.0}),
    ],
)
def test_ways_to_log_an_accuracy(tmp_path: Path, logged: Metrics, epochs: dict[int, float]) -> None:
    assert top1(one(file_store(tmp_path, logged))) == epochs


def test_what_cannot_be_told_is_refused(tmp_path: Path) -> None:
    assert "no epochs" in refused(file_store(tmp_path / "a", {"eval_top1": [(100, 5.0), (250, 6.0)]}))
    assert "rmse" in refused(file_store(tmp_path / "b", {"rmse": [(0, 5.0)]}))
    assert "fractions" in refused(file_store(tmp_path / "c", {"eval_top1": [(0, 0.9)], "eval_loss": [(0, 0.2)]}))


@pytest.mark.parametrize(
    ("number", "status"), [(1, Status.STALE), (3, Status.FINISHED), (4, Status.FAILED), (5, Status.INTERRUPTED)]
)
def test_status(tmp_path: Path, number: int, status: Status) -> None:
    item = one(file_store(tmp_path, status=number))
    assert item.run.status is status
    assert bool(item.notes) == (number == 1)


def test_finished_before_the_plan_was_interrupted(tmp_path: Path) -> None:
    assert one(file_store(tmp_path, epochs="10")).run.status is Status.INTERRUPTED


def test_deleted_runs_are_left_out(tmp_path: Path) -> None:
    assert read(file_store(tmp_path, stage="deleted")) == []
    assert read(database(tmp_path, stage="deleted")) == []


def test_other_files_and_folders_are_not_stores(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\x00 but no more")
    with closing(sqlite3.connect(tmp_path / "y.db")) as connection:
        connection.execute("CREATE TABLE runs (id INTEGER)")
    assert [runs_at(path, None) for path in (tmp_path, tmp_path / "x.db", tmp_path / "y.db")] == [None] * 3


def test_damaged_values_are_left_out_and_the_others_taken(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    with (store / "855604127358282283" / RUN_ID / "metrics" / "train_loss").open("a") as file:
        file.write("not a metric\n")
    item = one(store)
    assert [epoch.train_loss for epoch in item.epochs] == [1.0, 0.5, 0.25]
    assert any("train_loss" in note for note in item.notes)


def test_one_accuracy_of_a_run_that_did_not_finish_is_not_of_its_last_epoch(tmp_path: Path) -> None:
    item = one(file_store(tmp_path, {"val_top1": [(0, 50.0)]}, status=5, epochs="10"))
    assert (top1(item), item.run.status) == ({0: 50.0}, Status.INTERRUPTED)


def test_infinity_is_one_as_either_store_keeps_it(tmp_path: Path) -> None:
    metrics = {**METRICS, "train_loss": [(0, 1.0), (1, 2.0), (2, float("inf"))]}
    kept = {**METRICS, "train_loss": [(0, 1.0), (1, 2.0), (2, 1.7976931348623157e308)]}
    for item in (one(file_store(tmp_path, metrics)), one(database(tmp_path, kept))):
        assert item.run.status is Status.DIVERGED
        assert [epoch.train_loss for epoch in item.epochs] == [1.0, 2.0, None]


def nested(store: Path, name: str, metrics: Metrics, params: dict[str, str], parent: str = RUN_ID) -> None:
    """Add a run to the file store that is nested in another."""
    run = store / "855604127358282283" / name
    for folder in ("params", "metrics", "tags"):
        (run / folder).mkdir(parents=True)
    (run / "meta.yaml").write_text(yaml.safe_dump({"run_id": name, "status": 3, "start_time": START}))
    (run / "tags" / "mlflow.parentRunId").write_text(parent)
    for key, value in params.items():
        (run / "params" / key).write_text(value)
    for key, values in metrics.items():
        (run / "metrics" / key).write_text("".join(f"{START} {value} {step}\n" for step, value in values))


def test_a_run_that_trainings_are_nested_in_is_none_and_lends_them_its_params(tmp_path: Path) -> None:
    store = file_store(tmp_path, {"best_val_acc": [(0, 0.9)], "val_acc": [(0, 0.9)]})
    nested(store, "child1", {"val_acc": [(0, 0.5), (1, 0.6), (2, 0.9)]}, {"learning_rate": "0.5"})
    nested(store, "child2", {"val_acc": [(0, 0.5), (1, 0.6), (2, 0.7)]}, {})
    items = read(store)
    runs = [item.run for item in items if isinstance(item, ImportedRun)]
    assert [(run.model, run.lr, run.final_metric) for run in runs] == [
        ("resnet18", 0.5, 90.0),
        ("resnet18", 0.001, 70.0),
    ]
    assert [item.reason for item in items if isinstance(item, Skipped)] == [
        "other runs are nested in it, which are the trainings"
    ]


def test_trainings_may_be_nested_several_deep(tmp_path: Path) -> None:
    store = file_store(tmp_path, {})
    nested(store, "middle", {}, {"lr": "0.02", "epochs": "9"})
    nested(store, "inner", {"val_acc": [(0, 0.5), (1, 0.6), (2, 0.9)]}, {"epochs": "3"}, parent="middle")
    nested(store, "round", {}, {}, parent="round")
    items = read(store)
    (run,) = [item.run for item in items if isinstance(item, ImportedRun)]
    assert (run.model, run.lr, run.epochs, run.status) == ("resnet18", 0.02, 3, Status.FINISHED)
    nesting = [item for item in items if isinstance(item, Skipped) and item.reason.startswith("other runs are nested")]
    assert len(nesting) == 2


@pytest.mark.parametrize("name", ["0" * 32, "12345670" * 4, "1_000"])
def test_an_id_that_yaml_takes_for_a_number_is_the_name_of_its_folder(tmp_path: Path, name: str) -> None:
    store = file_store(tmp_path, {})
    nested(store, name, {"val_acc": [(0, 0.5), (1, 0.9)]}, {"model": "resnet18"}, parent="gone")
    (store / "855604127358282283" / name / "meta.yaml").write_text(f"run_id: {name}\nstatus: 3\n")
    (run,) = [item.run for item in read(store) if isinstance(item, ImportedRun)]
    assert run.final_metric == 90.0


def test_a_run_that_only_others_than_trainings_are_nested_in_is_taken(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    nested(store, "child1", {"latency": [(0, 0.5)]}, {})
    assert {type(item) for item in read(store)} == {ImportedRun, Skipped}


def test_a_run_without_an_id_loses_no_other(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    nested(store, "child1", {"eval_top1": METRICS["eval_top1"]}, {}, parent="gone")
    (store / "855604127358282283" / "child1" / "meta.yaml").write_text("run_id:\nstatus: 3\n")
    assert one(store).run.name == "try 1"


def test_one_run_of_strange_values_loses_no_other(tmp_path: Path) -> None:
    path = database(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        odd = ("odd", "odd", "FINISHED", 2**62, "never", "active", 1)
        connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", odd)
        connection.execute("INSERT INTO params VALUES ('epochs', ?, 'odd')", (str(2**70),))
        rows = [("val_top1", 50.0, 2**62), ("val_top1", "text", 0), ("val_top1", 40.0, None), ("loss", 1.0, "x")]
        for key, value, step in rows:
            connection.execute("INSERT INTO metrics VALUES (?, ?, 0, 'odd', ?, 0)", (key, value, step))
    items = read(path)
    assert {item.run.name for item in items if isinstance(item, ImportedRun)} >= {"try 1"}
    assert len(items) == 2


def test_a_link_that_leads_back_to_itself_is_passed_over(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    (store / "loop").symlink_to("loop")
    assert top1(one(store)) == {0: 50.0, 1: 60.0, 2: 55.0}
