"""The examples of docs/recording.md do what it says, in the order it gives them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "recording.md").read_text()
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
BEGINNINGS = [
    "advisor run",
    "torchrun",
    "import advisor\nimport timm",
    "import advisor\n\nadvisor.autolog",
    "advisor records",
]


def test_there_are_five_situations():
    assert [text.startswith(beginning) for (_, text), beginning in zip(BLOCKS, BEGINNINGS, strict=True)] == [True] * 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as the examples assume it: train.py and an image folder called digits."""
    from PIL import Image
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("reader")
    scripts = ROOT / "tests" / "scripts"
    for name in ("train_arguments.py", "train_steps.py"):
        shutil.copy(scripts / name, folder)
    shutil.copy(scripts / "train_current.py", folder / "train.py")
    images, labels = load_digits(return_X_y=True)
    for index in range(128):
        split = folder / "digits" / ("train" if index < 80 else "validation") / str(labels[index])
        split.mkdir(parents=True, exist_ok=True)
        Image.fromarray((images[index].reshape(8, 8) * 15.9375).astype("uint8")).convert("RGB").save(
            split / f"{index}.png"
        )
    return folder


@pytest.fixture
def run_example(folder, tmp_path, monkeypatch):
    """Run an example as its reader would and return the records it left."""
    monkeypatch.delenv("ADVISOR_TESTING")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))

    def run(example: str, *further: str) -> tuple[dict, str]:
        kind, text = next((kind, text) for kind, text in BLOCKS if text.startswith(example))
        if kind == "bash":
            command = shlex.split(text) + list(further)
        else:
            (tmp_path / "example.py").write_text(text + "".join(further))
            command = [sys.executable, str(tmp_path / "example.py")]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        show = ["advisor", "records", "list", "--format", "json"]
        (listed,) = json.loads(subprocess.run(show, capture_output=True, text=True, check=True).stdout)
        show = ["advisor", "records", "show", listed["run_id"], "--format", "json"]
        return json.loads(subprocess.run(show, capture_output=True, text=True, check=True).stdout), done.stdout

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("example", "processes"), [("advisor run", 1), ("torchrun", 2)])
def test_train_py(run_example, example, processes):
    """One run, also of two processes: the global batch size, the reduced metrics."""
    run, printed = run_example(example, "--output", "output/train", "--experiment", example.split()[0])
    truth = json.loads(next(line for line in printed.splitlines() if line.startswith('{"run"')))
    assert {name: run[name] for name in truth["run"]} == truth["run"]
    assert (run["status"], run["world_size"], run["batch_size"]) == ("FINISHED", processes, 16 * processes)
    for epoch, true in zip(run["epochs_recorded"], truth["epochs"], strict=True):
        assert {name: epoch[name] for name in true} == true


@pytest.mark.slow
def test_a_loop_of_your_own(run_example):
    run, _ = run_example("import advisor\nimport timm")
    expected = {"name": "my loop", "status": "FINISHED", "source": "api", "lr": 3e-3, "epochs_done": 3, "epochs": 3}
    expected |= {"model": "test_resnet", "batch_size": 16, "dropout": 0.1, "weight_decay": 0.02, "sched": "cosine"}
    assert {name: run[name] for name in expected} == expected


@pytest.mark.slow
def test_a_notebook(run_example):
    loop = (ROOT / "tests" / "scripts" / "loop_by_hand.py").read_text()
    run, _ = run_example("import advisor\n\nadvisor.autolog", loop)
    assert (run["status"], run["epochs_done"], run["source"]) == ("FINISHED", 4, "timm-hook")


@pytest.mark.slow
def test_runs_of_the_past(run_example, folder):
    work = folder / "output" / "train" / "past"
    work.mkdir(parents=True, exist_ok=True)
    (work / "args.yaml").write_text(
        "model: resnet18\nopt: sgd\nlr: 0.1\nbatch_size: 64\nepochs: 1\ndata_dir: /data/cats\n"
    )
    (work / "summary.csv").write_text("epoch,train_loss,eval_loss,eval_top1,eval_top5,lr\n0,1.5,1.2,50.0,90.0,0.1\n")
    shutil.rmtree(folder / "output" / "train" / "advisor", ignore_errors=True)
    shutil.rmtree(folder / "output" / "train" / "torchrun", ignore_errors=True)
    run, _ = run_example("advisor records")
    assert (run["model"], run["source"], run["final_metric"]) == ("resnet18", "timm-output", 50.0)
