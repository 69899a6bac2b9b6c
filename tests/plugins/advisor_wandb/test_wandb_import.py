"""Runs of Weights & Biases: local folders, the binary file in them, and exported tables; wandb itself is not needed."""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from advisor import ImportedRun, Skipped, Status
from advisor_wandb import advisor_import_runs
from advisor_wandb.binary import read_run_file

CONFIG = {"model": "resnet18", "opt": "adamw", "lr": 0.001, "batch_size": 16, "epochs": 3, "drop": 0.1,
          "weight_decay": 0.05, "num_classes": 5, "data_dir": "/data/leaves", "world_size": 2}  # fmt: skip
HISTORY = [
    {
        "epoch": epoch,
        "train_loss": 2.0 - epoch / 4,
        "eval_loss": 1.5,
        "eval_top1": 50.0 + epoch,
        "lr": 0.001 / (1 + epoch),
    }
    for epoch in range(3)
]
FOLDER = "offline-run-20260102_030405-abc123de"


def varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, content: bytes | str | int) -> bytes:
    """Return a field of a protocol buffer."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def items(values: Mapping[str, Any]) -> bytes:
    """Return values as a history, a summary and a configuration hold them; a slash nests a name."""
    names = {name: [field(2, part) for part in name.split("/")] if "/" in name else [field(1, name)] for name in values}
    return b"".join(
        field(1, b"".join(names[name]) + field(16, json.dumps(value))) for name, value in values.items()
    )  # fmt: skip


def run_file(path: Path, config: Mapping[str, Any], history: list[dict[str, Any]], exit_code: int | None = 0) -> Path:
    """Write a run's file as wandb does: a header, and blocks of 32 KiB with the pieces of the records."""
    about = field(1, "abc123de") + field(3, "leaves") + field(8, "try 1") + field(17, field(1, 1_767_323_045))
    records = [field(17, about + field(4, items(config))), *(field(2, items(values)) for values in history)]
    if exit_code is not None:
        records.append(field(18, field(1, exit_code) if exit_code else b""))
    content = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        kinds, rest = [], record
        while rest or not kinds:
            left = 32_768 - len(content) % 32_768
            if left < 7:
                content += bytes(left)
                continue
            piece, rest = rest[: left - 7], rest[left - 7 :]
            kind = (4 if not rest else 3) if kinds else (1 if not rest else 2)
            content += struct.pack("<IHB", 0, len(piece), kind) + piece
            kinds.append(kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def read(path: Path, world_size: int | None = None) -> list[ImportedRun | Skipped]:
    found = advisor_import_runs(path, world_size)
    return [] if found is None else list(found.items)


def taken(path: Path) -> ImportedRun:
    (item,) = read(path)
    assert isinstance(item, ImportedRun), item
    return item


def refused(path: Path) -> str:
    (item,) = read(path)
    assert isinstance(item, Skipped), item
    return item.reason


def top1(item: ImportedRun) -> dict[int, float | None]:
    return {epoch.epoch: epoch.eval_top1 for epoch in item.epochs}


def test_a_runs_folder_is_read_from_its_binary_file(tmp_path: Path) -> None:
    run_file(tmp_path / FOLDER / "run-abc123de.wandb", CONFIG, HISTORY)
    item = taken(tmp_path / FOLDER)
    told: dict[str, Any] = {
        "name": "try 1", "model": "resnet18", "opt": "adamw", "lr": 0.001, "batch_size": 32, "epochs": 3,
        "dropout": 0.1, "weight_decay": 0.05, "n_classes": 5, "status": Status.FINISHED, "best_metric": 52.0,
        "epochs_done": 3,
    }  # fmt: skip
    assert {name: getattr(item.run, name) for name in told} == told
    assert (item.run.extra["dataset_root"], item.run.extra["project"]) == ("/data/leaves", "leaves")
    assert item.run.started_at is not None
    assert item.run.started_at.timestamp() == 1_767_323_045
    assert [(epoch.train_loss, epoch.lr) for epoch in item.epochs] == [(2.0, 0.001), (1.75, 0.0005), (1.5, 0.001 / 3)]
    by_file = taken(tmp_path / FOLDER / "run-abc123de.wandb")
    assert (by_file.run, by_file.epochs) == (item.run, item.epochs)


@pytest.mark.parametrize(("exit_code", "status"), [(0, Status.FINISHED), (1, Status.FAILED), (None, Status.STALE)])
def test_how_it_ended_is_in_the_file(tmp_path: Path, exit_code: int | None, status: Status) -> None:
    run_file(tmp_path / FOLDER / "run-abc123de.wandb", CONFIG, HISTORY, exit_code)
    assert taken(tmp_path / FOLDER).run.status is status


def test_records_longer_than_a_block_are_whole_and_a_cut_file_is_read_up_to_the_cut(tmp_path: Path) -> None:
    long = [{**values, "table": "x" * 50_000} for values in HISTORY]
    path = run_file(tmp_path / FOLDER / "run-abc123de.wandb", CONFIG, long)
    assert top1(taken(tmp_path / FOLDER)) == {0: 50.0, 1: 51.0, 2: 52.0}
    path.write_bytes(path.read_bytes()[:120_000])
    item = taken(tmp_path / FOLDER)
    assert (top1(item), item.run.status) == ({0: 50.0, 1: 51.0}, Status.STALE)


@given(st.binary(max_size=300), st.integers(7, 400))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes, position: int) -> None:
    path = run_file(tmp_path_factory.mktemp("w") / "run-x.wandb", CONFIG, HISTORY)
    whole = path.read_bytes()
    path.write_bytes(whole[:position] + content + whole[position + len(content) :])
    read_run_file(path)
    path.write_bytes(b":W&B\xe1\xbe\x00" + content)
    read_run_file(path)


def test_a_folder_without_a_binary_file_is_read_from_what_lies_beside_it(tmp_path: Path) -> None:
    files = tmp_path / "run-20260102_030405-abc123de" / "files"
    files.mkdir(parents=True)
    config = {name: {"desc": None, "value": value} for name, value in CONFIG.items()} | {"wandb_version": 1}
    (files / "config.yaml").write_text(yaml.safe_dump(config))
    (files / "wandb-summary.json").write_text(json.dumps({"epoch": 2, "eval_top1": 52.0, "train_loss": 1.5}))
    (files / "wandb-metadata.json").write_text(json.dumps({"program": "train.py", "git": {"commit": "0123abc"}}))
    item = taken(files.parent)
    assert (item.run.model, item.run.status, item.run.epochs_done) == ("resnet18", Status.FINISHED, 3)
    assert (item.run.script, item.run.git_commit) == ("train.py", "0123abc")
    assert top1(item) == {0: None, 2: 52.0}
    (files / "wandb-history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in HISTORY) + "{cut")
    assert top1(taken(files.parent)) == {0: 50.0, 1: 51.0, 2: 52.0}


@pytest.mark.parametrize(
    ("history", "epochs"),
    [
        ([{"loss": 3.0}, {"loss": 2.0}, {"val/acc": 0.5}, {"loss": 1.0}, {"val/acc": 0.75}], {0: 50.0, 1: 75.0}),
        ([{"epoch": 1, "val_top1": 50.0}, {"epoch": 2, "val_top1": 60.0}, {"epoch": 3, "val_top1": 70.0}],
         {0: 50.0, 1: 60.0, 2: 70.0}),
        ([{"trainer/epoch": 0, "train/loss": 1.0}, {"val_acc1": 50.0}, {"trainer/epoch": 1}, {"val_acc1": 60.0}],
         {0: 50.0, 1: 60.0}),
    ],
)  # fmt: skip
def test_each_evaluation_is_an_epoch(tmp_path: Path, history: list[dict[str, Any]], epochs: dict[int, float]) -> None:
    run_file(tmp_path / FOLDER / "run-abc123de.wandb", CONFIG, history)
    assert top1(taken(tmp_path / FOLDER)) == epochs


def test_arguments_in_groups_are_found(tmp_path: Path) -> None:
    config = {
        "args": {"arch": "resnet18", "learning_rate": 0.5},
        "optim/weight_decay": 0.25,
        "epochs": 3,
        "_wandb": {"lr": 9},
    }
    run_file(tmp_path / FOLDER / "run-abc123de.wandb", config, HISTORY)
    run = taken(tmp_path / FOLDER).run
    assert (run.model, run.lr, run.weight_decay) == ("resnet18", 0.5, 0.25)


def test_what_cannot_be_told_is_refused(tmp_path: Path) -> None:
    path = run_file(tmp_path / FOLDER / "run-abc123de.wandb", CONFIG, [{"val_f1": 0.5}])
    assert "val_f1" in refused(tmp_path / FOLDER)
    run_file(path, CONFIG, [{"epoch": step / 10, "val_top1": 50.0} for step in range(20)])
    assert "once an epoch" in refused(tmp_path / FOLDER)
    run_file(path, CONFIG, [{"val_top1": 50.0} for _ in range(20)])
    assert "once an epoch" in refused(tmp_path / FOLDER)


SITE = [
    {"Name": "brave-leaf-1", "State": "finished", "Created": "2026-01-02T03:04:05.000Z", "Runtime": "90",
     "model": "resnet18", "opt": "sgd", "learning_rate": "0.1", "batch_size": "16", "epochs": "3", "epoch": "2",
     "lr": "0.0000001", "val_acc": "0.75", "val_loss": "0.5"},
    {"Name": "dark-leaf-2", "State": "crashed", "Created": "2026-01-02T03:05:05.000Z", "Runtime": "9",
     "model": "resnet18", "opt": "sgd", "learning_rate": "0.2", "batch_size": "16", "epochs": "3", "epoch": "1",
     "lr": "", "val_acc": "NaN", "val_loss": "NaN"},
    {"Name": "dull-leaf-3", "State": "failed", "Created": "2026-01-02T03:06:05.000Z", "model": "resnet18"},
]  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_table_of_the_website_is_a_row_a_run(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "wandb_export_2026-01-02.csv"
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(SITE[0]), quoting=csv.QUOTE_ALL, delimiter=delimiter)
        table.writeheader()
        table.writerows(SITE)
    for place in (path, tmp_path):
        first, second, third = read(place, 1)
        assert isinstance(first, ImportedRun)
        run = first.run
        assert (run.name, run.lr, run.batch_size, run.status, run.epochs_done) == (
            "brave-leaf-1",
            0.1,
            16,
            Status.FINISHED,
            3,
        )
        assert top1(first) == {0: None, 2: 75.0}
        assert run.ended_at is not None
        assert run.started_at is not None
        assert (run.ended_at - run.started_at).total_seconds() == 90
        assert isinstance(second, ImportedRun)
        assert second.run.status is Status.DIVERGED
        assert isinstance(third, Skipped)
        assert "no evaluation accuracy" in third.reason
    (tmp_path / "summary.csv").write_text("epoch\n")
    assert read(tmp_path) == []  # a folder that timm's scripts wrote to is for their importer


def exported(kind: str, folder: Path) -> Path:
    """Write the table that wandb's own example makes of two runs."""
    summaries = [{"val_acc1": 75.0, "epoch": 2, "best": float("nan")}, {"val_acc1": 65.0, "_step": 3}]
    rows = [{"name": f"try {i}", "config": {**CONFIG, "lr": 0.1 * (i + 1)}, "summary": summaries[i]} for i in range(2)]
    path = folder / f"project.{kind.split()[0]}"
    if kind == "csv":
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, ["", "summary", "config", "name"])
            table.writeheader()
            table.writerows({"": i, **{name: str(value) for name, value in row.items()}} for i, row in enumerate(rows))
    elif kind == "json of columns":
        columns = {name: {str(i): row[name] for i, row in enumerate(rows)} for name in rows[0]}
        path.write_text(json.dumps(columns))
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("kind", ["csv", "json", "json of columns", "jsonl"])
def test_the_tables_of_scripts_are_the_same_whatever_they_are_written_as(tmp_path: Path, kind: str) -> None:
    items = [item for item in read(exported(kind, tmp_path)) if isinstance(item, ImportedRun)]
    assert [(item.run.name, item.run.lr, top1(item)) for item in items] == [
        ("try 0", 0.1, {0: None, 2: 75.0}),
        ("try 1", 0.2, {0: None, 2: 65.0}),
    ]
    assert all(item.run.batch_size == 32 and item.run.status is Status.FINISHED for item in items)


def test_one_row_that_cannot_be_read_loses_no_other(tmp_path: Path) -> None:
    path = exported("json", tmp_path)
    rows = json.loads(path.read_text())
    bad = [{**rows[0], "config": "{'lr': __import__('os')}"}, {**rows[0], "summary": {"val_acc1": {"max": 3}}},
           {**rows[0], "name": 2**70, "config": {"epochs": 2**70}}, "no row"]  # fmt: skip
    path.write_text(json.dumps([*bad, rows[1]]))
    items = read(path)
    assert items[-1].run.name == "try 1"  # type: ignore[union-attr]
    assert isinstance(items[0], Skipped)
    (tmp_path / "other.json").write_text('{"config": 1, "summary": ')
    assert "cannot be read" in refused(tmp_path / "other.json")


def test_where_a_damaged_list_is_damaged_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs.json").write_text('[\n {"config": {"lr": 1}, "summary": {}},\n {"config": {"lr": 1 2}}\n]')
    assert "line 3 column 22" in refused(tmp_path / "runs.json")


def test_files_of_others_are_not_runs(tmp_path: Path) -> None:
    (tmp_path / "run-1").mkdir()
    (tmp_path / "x.wandb").write_bytes(b"nothing")
    (tmp_path / "a.csv").write_text("Name,Value\na,1\n")
    (tmp_path / "a.json").write_text('{"config": {"lr": 1}}')
    for path in (tmp_path, tmp_path / "run-1", tmp_path / "x.wandb", tmp_path / "a.csv", tmp_path / "a.json"):
        assert read(path) == []
