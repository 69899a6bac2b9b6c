"""The examples of docs/integrations.md run as they stand, against the real tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
DOCUMENT = (EXAMPLES.parent / "integrations.md").read_text(encoding="utf-8")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run_example(name: str, folder: Path) -> str:
    """Run an example as the document says, with the plugins that it is about, and return what it printed."""
    # Ray's workers are otherwise so nice that they starve where anything else runs.
    environment = {**os.environ, "ADVISOR_PLUGINS": "all", "RAY_worker_niceness": "0"}
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"docs/examples/{name}.py" in DOCUMENT
    return done.stdout


def recorded() -> list[dict]:
    command = [sys.executable, "-m", "advisor", "records", "list", "--format", "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_optuna(tmp_path):
    pytest.importorskip("optuna")
    assert "4 runs recorded" in run_example("optuna_study", tmp_path)
    runs = sorted(recorded(), key=lambda run: run["name"])
    advised = [run for run in runs if run["suggestion_id"]]
    assert 1 <= len(advised) <= 3
    assert advised[0]["name"] == "digits 0"
    assert {(run["model"], run["source"], run["status"]) for run in runs} == {("test_resnet", "optuna", "FINISHED")}
    assert max(run["final_metric"] for run in runs) > 30  # ten classes: guessing gets 10


def test_mlflow(tmp_path):
    pytest.importorskip("mlflow")
    assert "1 run with " in run_example("mlflow_run", tmp_path)
    (run,) = recorded()
    assert (run["source"], run["status"]) == ("mlflow", "FINISHED")
    assert run["suggestion_id"]
    assert run["final_metric"] > 30


def test_ray_tune(tmp_path):
    pytest.importorskip("ray")
    pytest.importorskip("pandas")
    printed = run_example("ray_tune", tmp_path)
    assert "2 trials, 0 errors" in printed
    assert float(re.search(r"best: ([\d.]+) %", printed)[1]) > 20
