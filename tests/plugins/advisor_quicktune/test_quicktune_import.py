"""The three layouts of the Quick-Tune meta-dataset, written here in small, and the encoded one as published."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor import ImportedRun, Skipped, Status
from advisor_quicktune.layouts import PLANNED_EPOCHS, decode, runs_at

ARGUMENTS: dict[str, Any] = {
    "model": "xcit_nano_12_p8_384_dist", "opt": "adamw", "lr": 0.001, "batch_size": 16, "epochs": 50, "drop": 0.2,
    "weight_decay": 0.01, "sched": "cosine", "warmup_epochs": 5, "cooldown_epochs": 0, "pretrained": True,
    "dataset": "mtlbm/micro/set1/BCT", "num_classes": 20, "data_augmentation": "auto_augment", "auto_augment": "v0",
    "amp": False, "linear_probing": True, "smoothing": 0.05, "mixup": 0.0, "cutmix": 1.0,
}  # fmt: skip


def read(path: Path) -> list[ImportedRun | Skipped]:
    found = runs_at(path)
    assert found is not None
    assert found.whole_tree
    return list(found.items)


def taken(path: Path) -> ImportedRun:
    (item,) = (item for item in read(path) if isinstance(item, ImportedRun))
    return item


def assert_run(item: ImportedRun, scores: list[float]) -> None:
    run = item.run
    told = {"model": "xcit_nano_12_p8_384_dist", "opt": "adamw", "lr": 0.001, "batch_size": 16, "epochs": 50,
            "dropout": 0.2, "weight_decay": 0.01, "pretrained": True, "sched": "cosine", "warmup_epochs": 5.0,
            "augment": "auto_augment-v0", "label_smoothing": 0.05, "world_size": 1,
            "status": Status.INTERRUPTED, "epochs_done": len(scores), "best_metric": max(scores)}  # fmt: skip
    assert {name: getattr(run, name) for name in told} == told
    assert [epoch.eval_top1 for epoch in item.epochs] == scores
    assert run.extra["linear_probing"]


def test_raw_folders(tmp_path: Path) -> None:
    for name in ("args", "curves"):
        (tmp_path / name / "micro").mkdir(parents=True)
    (tmp_path / "args" / "micro" / "run_1.yaml").write_text(yaml.safe_dump(ARGUMENTS))
    (tmp_path / "args" / "micro" / "lost.yaml").write_text(yaml.safe_dump(ARGUMENTS))
    header = ",epoch,train_loss,train_head_grad_norm,train_time,eval_loss,eval_top1,eval_top5,eval_time,lr"
    rows = ["0,0,2.0,0.1,12.5,1.9,30.0,60.0,1.5,0.0001", "1,1,nan,0.1,11.5,1.8,25.0,61.0,1.5,0.0002"]
    (tmp_path / "curves" / "micro" / "run_1.csv").write_text("\n".join([header, *rows]) + "\n")
    (tmp_path / "curves" / "micro" / "lone.csv").write_text(header + "\n")
    items = read(tmp_path)
    reasons = sorted(item.reason for item in items if isinstance(item, Skipped))
    assert reasons == ["a curve without arguments", "arguments without a curve"]
    item = taken(tmp_path)
    assert item.run.status is Status.DIVERGED
    assert_run(ImportedRun(run=_with_status(item), epochs=item.epochs), [30.0, 25.0])
    assert (item.run.train_seconds, item.epochs[0].lr, item.epochs[1].train_loss) == (24.0, 0.0001, None)
    assert item.run.n_classes == 20


def _with_status(item: ImportedRun) -> Any:
    from dataclasses import replace

    return replace(item.run, status=Status.INTERRUPTED)


def test_aggregated_files(tmp_path: Path) -> None:
    (tmp_path / "args.json").write_text(json.dumps({"r1": ARGUMENTS, "lost": ARGUMENTS}))
    for name, values in {"eval_top1": [30.0, 31.0], "eval_top5": [60.0, 61.0], "train_time": [5.0, 6.0]}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"mtlbm/micro/set1/BCT": {"r1": values}}))
    item = taken(tmp_path)
    assert_run(item, [30.0, 31.0])
    assert (item.run.train_seconds, item.epochs[1].eval_top5) == (11.0, 61.0)
    assert [item.reason for item in read(tmp_path) if isinstance(item, Skipped)] == ["arguments without a curve"]


def encoded(folder: Path, scores: list[float]) -> Path:
    columns = {
        "": "77", "amp": "0", "batch_size": "16", "cat:auto_augment:None": "0", "cat:auto_augment:v0": "1",
        "cat:data_augmentation:None": "0", "cat:data_augmentation:auto_augment": "1",
        "cat:model:xcit_nano_12_p8_384_dist": "1", "cat:model:beit_base_patch16_384": "0", "cat:opt:adamw": "1",
        "cat:opt:sgd": "0", "cat:opt_betas:None": "1", "cat:opt_betas:[0.9, 0.99]": "0", "cat:sched:cosine": "1",
        "clip_grad": "-1.0", "drop": "0.2", "lr": "0.001", "linear_probing": "1", "smoothing": "0.05",
        "warmup_epochs": "5", "weight_decay": "0.01",
    }  # fmt: skip
    for name in ("curves", "meta"):
        (folder / name).mkdir()
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns.keys(), columns.values(), ["88", *list(columns.values())[1:]]])
    (folder / "curves" / "perf.json").write_text(json.dumps({"info": {"x": "y"}, "BCT": {"77": scores, "99": [1.0]}}))
    (folder / "curves" / "cost.json").write_text(json.dumps({"BCT": {"77": [2.0] * len(scores)}}))
    (folder / "meta" / "descriptors.json").write_text(json.dumps({"BCT": [2436, 33, 128, 3]}))
    return folder


def test_encoded_table(tmp_path: Path) -> None:
    item = taken(encoded(tmp_path, [30.0, 31.0]))
    assert_run(item, [30.0, 31.0])
    assert (item.run.dataset_name, item.run.n_train, item.run.n_classes) == ("BCT", 2436, 33)
    assert "clip_grad" not in item.run.extra
    assert Counter(type(item) for item in read(tmp_path)) == {ImportedRun: 1, Skipped: 2}


@pytest.mark.parametrize("length", [1, 26, 49])
def test_curve_that_was_cut_never_becomes_the_plan(tmp_path: Path, length: int) -> None:
    run = taken(encoded(tmp_path, [10.0] * length)).run
    assert (run.epochs, run.epochs_done, run.status) == (PLANNED_EPOCHS, length, Status.INTERRUPTED)


def test_whole_curve_is_finished_and_rounding_stays_within_percent(tmp_path: Path) -> None:
    item = taken(encoded(tmp_path, [100.00000035874896] * PLANNED_EPOCHS))
    assert (item.run.status, item.run.final_metric) == (Status.FINISHED, 100.0)


def test_category_that_was_not_given() -> None:
    assert decode({"cat:a:None": "1", "cat:a:x": "0", "b": "-1.0", "c": "0.5"}) == {"a": None, "b": None, "c": 0.5}


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    encoded(tmp_path, [1.0])
    (tmp_path / "curves" / "perf.json").write_text('{"BCT": {"77": [1.0')
    (item,) = read(tmp_path)
    assert isinstance(item, Skipped)
    assert "perf.json" in item.reason
    assert runs_at(tmp_path / "curves") is None


@pytest.mark.skipif("ADVISOR_TEST_DATA" not in os.environ, reason="ADVISOR_TEST_DATA names no folder with quicktune/")
def test_published_runs_are_all_taken() -> None:
    items = read(Path(os.environ["ADVISOR_TEST_DATA"]) / "quicktune" / "extended")
    runs = [item.run for item in items if isinstance(item, ImportedRun)]
    assert len(runs) == len(items) == 4665
    assert len({run.run_id for run in runs}) == 4665
    assert {run.epochs for run in runs} == {50}
    assert {run.dataset_id for run in runs} == {None}
    assert len({run.dataset_name for run in runs}) == 26
    assert len({run.model for run in runs}) == 24
    assert Counter(run.status for run in runs) == {Status.FINISHED: 2519, Status.INTERRUPTED: 4665 - 2519}
    assert sum(run.epochs_done == 1 for run in runs) == 1555
    for name in ("lr", "batch_size", "dropout", "weight_decay", "opt", "sched", "n_train", "n_classes"):
        assert all(getattr(run, name) is not None for run in runs), name


def test_one_run_of_strange_values_loses_no_other(tmp_path: Path) -> None:
    folder = encoded(tmp_path, [30.0, 31.0])
    rows = list(csv.reader((folder / "table.csv").read_text().splitlines()))
    rows[2][rows[0].index("lr")] = "fast"
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    curves = {"BCT": {"88": [1.0], "77": [30.0, 31.0]}}
    (folder / "curves" / "perf.json").write_text(json.dumps(curves))
    bad, good = read(folder)
    assert isinstance(bad, Skipped)
    assert "fast" in bad.reason
    assert isinstance(good, ImportedRun)
    (folder / "table.csv").unlink()
    (folder / "args.json").write_text(json.dumps({"r1": "no arguments", "r2": ARGUMENTS}))
    for name in ("eval_top1", "eval_top5"):
        (folder / f"{name}.json").write_text(json.dumps({"BCT": {"r1": [1.0], "r2": [30.0, 31.0]}}))
    assert [type(item) for item in read(folder)] == [Skipped, ImportedRun]
