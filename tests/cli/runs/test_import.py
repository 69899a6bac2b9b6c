"""One command takes past runs and finds their dataset; what was not used is said with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from advisor.config import Config
from advisor.plugins import get_plugins
from advisor.records.store.store import Store

ARGUMENTS = {"model": "resnet18", "lr": 0.1, "epochs": 2, "opt": "sgd", "batch_size": 8, "sched": "step", "drop": 0.0,
             "weight_decay": 0.1, "num_classes": 1000, "pretrained": False}  # fmt: skip


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from advisor.cli.root import cli

    monkeypatch.setenv("ADVISOR_PLUGINS", "timm")
    get_plugins.cache_clear()
    yield lambda *arguments: CliRunner().invoke(cli, ["records", "import", *map(str, arguments)])
    get_plugins.cache_clear()


def past_run(folder: Path, **changed: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "args.yaml").write_text(yaml.safe_dump({**ARGUMENTS, **changed}))
    (folder / "summary.csv").write_text("epoch,train_loss,eval_top1\n0,1.0,50.0\n1,0.9,60.0\n")


@pytest.mark.parametrize(
    "written", ["absolute", "relative to a folder above the output", "relative to the current folder"]
)
def test_the_folder_of_the_images_is_found_however_it_was_written(
    command, image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    names = {"absolute": str(image_folder), "relative to a folder above the output": "data/stripes",
             "relative to the current folder": "stripes"}  # fmt: skip
    for folder, name in ((project / "data", "stripes"), (elsewhere, "stripes")):
        folder.mkdir(parents=True)
        if not (written.endswith("current folder") and folder == project / "data"):
            (folder / name).symlink_to(image_folder)
    monkeypatch.chdir(elsewhere)
    for number in range(3):
        past_run(project / "output" / "train" / f"run {number}", data_dir=names[written], lr=0.1 + number)
    found = json.loads(command(project / "output", "--world-size", 1, "--format", "json").output)
    assert (found["new"], found["sources"]) == (3, {"timm-output": 3})
    assert found["described"] == {"runs": 3, "left_out": {}, "left_out_runs": {}}
    store = Store(Config()["store"])
    runs = store.runs()
    assert {Path(run.extra["dataset_root"]).resolve() for run in runs} == {image_folder}
    assert {(run.n_classes, run.extra["model_num_classes"]) for run in runs} == {(3, 1000)}
    assert all(run.started_at is not None for run in runs)
    again = json.loads(command(project / "output", "--world-size", 1, "--format", "json").output)
    assert (again["unchanged"], again["described"]["runs"]) == (3, 0)


def test_a_folder_that_is_not_here_is_said_once_and_can_be_given(command, image_folder: Path, tmp_path: Path) -> None:
    for number in range(5):
        past_run(tmp_path / "out" / f"run {number}", data_dir=f"/gone/{number}/stripes", lr=0.1 + number)
    told = command(tmp_path / "out")
    assert "/gone/0/stripes (1 run), /gone/1/stripes (1 run)" in told.output
    assert "and 2 more are not described: there is no such folder on this machine" in told.output
    assert "--dataset DIR" in told.output
    given = command(tmp_path / "out", "--dataset", image_folder)
    assert "5 runs now with" in given.output
    assert "not described" not in given.output


def test_an_import_says_nothing_of_the_folders_of_others(command, tmp_path: Path) -> None:
    for number in range(2):
        past_run(tmp_path / "first" / f"run {number}", data_dir="/gone/petals", lr=0.1 + number)
    assert "/gone/petals (2 runs) is not described" in command(tmp_path / "first").output
    past_run(tmp_path / "second" / "run", data_dir="/gone/leaves")
    told = command(tmp_path / "second").output
    assert "/gone/leaves (1 run) is not described" in told
    assert "petals" not in told


def test_the_dataset_is_given_in_one_way(command, image_folder: Path, tmp_path: Path) -> None:
    past_run(tmp_path / "out" / "run")
    error = command(tmp_path / "out", "--dataset", image_folder, "--dataset-name", "stripes").exception
    assert "name the same thing" in str(error)
