"""Nothing that is read may wait for ever, fill memory or exhaust the stack, whatever lies where a file should."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor.bounded import BOUNDS, Bound, check_shape, open_bounded, read_bounded
from advisor.config import Config
from advisor.describe.dataset import open_dataset
from advisor.errors import AdvisorError
from advisor.plugins import get_plugins
from advisor.records.encoding import plain
from advisor.records.importing.imports import import_paths
from advisor.records.privacy.secrets import scrub
from advisor.records.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")

NAMES = (
    *("args.yaml", "summary.csv", "log.txt", "args.json", "last.pth.tar", "study.db", "mlflow.db", "journal.log"),
    *("runs.csv", "table.csv", "table.json", "meta.yaml", "config.yaml", "run-1.wandb", "perf.json", "train.zip"),
    *("train.tar", "train.npz", "data.parquet", "data.arrow", "classnames.txt", "_info.json", "dataset_info.json"),
    *("labels.tsv", "image.png"),
)
"""What some reader knows by its name or its ending."""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(12)
)
"""A text of 800 bytes that stands for 9 ** 13 values."""


def in_time(function: Any, *arguments: Any, seconds: float = 120.0) -> Any:
    """Return what a function returns or raises, or fail if it waits for something that does not come."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(function(*arguments))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, f"{function.__name__} waits on {arguments}"
    return found[0]


@pytest.fixture(params=["pipe", "zero", "pipe in the way of a folder"])
def strange(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder in which everything that readers look for is something else than a file."""
    folder = tmp_path / "strange"
    for place in (folder, folder / "train", folder / "0" / "abc", folder / "wandb" / "run-1" / "files"):
        place.mkdir(parents=True)
        for name in NAMES:
            if request.param == "zero":
                (place / name).symlink_to("/dev/zero")
            else:
                os.mkfifo(place / name)
    if request.param.endswith("folder"):
        os.mkfifo(folder / "validation")
    return folder


def test_importing_passes_pipes_and_devices_over(strange: Path) -> None:
    report = in_time(import_paths, Store(Config()["store"]), [strange], get_plugins())
    assert not isinstance(report, Exception), report
    assert report.runs == 0


@pytest.mark.parametrize("name", ["", "train.zip", "runs.csv", "data.parquet"])
def test_describing_refuses_pipes_and_devices(strange: Path, name: str) -> None:
    found = in_time(open_dataset, str(strange / name))
    assert isinstance(found, AdvisorError), f"{name}: {found!r}"


def test_settings_from_a_pipe_are_no_settings(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.yaml")
    from advisor.collect.planning.plan import read_plan

    assert isinstance(in_time(read_plan, tmp_path / "plan.yaml"), AdvisorError)


@pytest.mark.parametrize("kind", BOUNDS)
def test_every_kind_has_its_limits(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Bound(size=100, values=50, depth=4)
    monkeypatch.setitem(BOUNDS, kind, small)  # type: ignore[arg-type]
    path = tmp_path / "file"
    path.write_text("x" * 100)
    assert read_bounded(path, kind) == "x" * 100
    path.write_text("x" * 101)
    with pytest.raises(OSError, match="larger than the 100 bytes"):
        read_bounded(path, kind)
    with pytest.raises(OSError, match="not a regular file"):
        open_bounded(tmp_path, kind)
    check_shape(list(range(49)), kind)
    with pytest.raises(ValueError, match="more than 50 values"):
        check_shape(list(range(50)), kind)
    check_shape([[[[]]]], kind)
    with pytest.raises(ValueError, match="more than 4 deep"):
        check_shape([[[[[[]]]]]], kind)


def test_a_file_that_says_it_is_empty_is_read_within_its_limit() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")
    assert "Name" in read_bounded("/proc/self/status", "settings")


def test_what_names_itself_again_and_again_is_refused_at_once() -> None:
    began = time.process_time()
    bomb = yaml.safe_load(BOMB)
    with pytest.raises(ValueError, match="values"):
        check_shape(bomb, "arguments")
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="deep"):
        check_shape(circle, "arguments")
    assert time.process_time() - began < 10


def test_a_run_with_such_arguments_is_imported_without_them_or_left_out(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    bomb.mkdir()
    (bomb / "args.yaml").write_text(f"model: resnet50\nopt: sgd\nlr: 0.1\nepochs: 1\nbatch_size: 8\n{BOMB}")
    (bomb / "summary.csv").write_text("epoch,train_loss,eval_loss,eval_top1,lr\n0,1.0,1.0,50.0,0.1\n")
    deep = tmp_path / "deep"
    deep.mkdir()
    (deep / "args.json").write_text(
        json.dumps({"model": "resnet50"})[:-1] + ', "x": ' + "[" * 50_000 + "]" * 50_000 + "}"
    )
    (deep / "log.txt").write_text('{"epoch": 0, "test_acc1": 50.0, "train_loss": 1.0}\n')
    report = in_time(import_paths, Store(Config()["store"]), [tmp_path], get_plugins())
    assert not isinstance(report, Exception), report
    assert report.skipped or report.runs


def test_a_checkpoint_of_nested_tuples_is_no_arguments(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from advisor_timm.importing.argsfile import checkpoint_arguments

    nested: Any = ()
    for _ in range(200):
        nested = (nested,)
    torch.save({"args": {"lr": 0.1, "x": nested}}, tmp_path / "last.pth.tar")
    assert in_time(checkpoint_arguments, ["last.pth.tar"], tmp_path) is None
    torch.save({"args": argparse.Namespace(lr=0.1)}, tmp_path / "last.pth.tar")
    assert in_time(checkpoint_arguments, ["last.pth.tar"], tmp_path) == {"lr": 0.1}


def test_a_record_holds_so_much_and_no_more() -> None:
    many = {f"name_{i}": i for i in range(300_000)}
    nested: Any = "x"
    for _ in range(40):
        nested = [nested] * 9
    began = time.process_time()
    assert len(plain(many)) == 10_000
    assert len(plain(list(range(300_000)))) == 10_000
    kept = scrub(plain({"deep": nested, "after": 1, "lr": 0.1}))
    assert len(json.dumps(kept)) < 1_000_000
    assert plain({"x": "y" * 1_000_000}) == {"x": "y" * 10_000}
    assert time.process_time() - began < 10
