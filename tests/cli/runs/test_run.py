"""``advisor run``: whose settings count, which store the run goes to, and what is said where none can be had."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.bounded import BOUNDS
from advisor.cli import main

TRAINING = Path(__file__).parents[2] / "scripts" / "light"


@pytest.fixture
def projects(tmp_path):
    """Two projects, each with a store of its own and a training, that share the user's spool folder."""
    for name in ("one", "other"):
        shutil.copytree(TRAINING, tmp_path / name / "src", ignore=shutil.ignore_patterns("__pycache__"))
        (tmp_path / name / "pyproject.toml").write_text("[tool.advisor]\nstore = 'sqlite:///runs.db'\n")
    (tmp_path / "home").mkdir()
    return tmp_path


def advisor(projects, folder, *words, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ADVISOR_", "XDG_"))}
    return subprocess.run(
        [sys.executable, "-m", "advisor", *words],
        cwd=projects / folder,
        env={**kept, "HOME": str(projects / "home"), **environment},
        capture_output=True,
        text=True,
    )


def listed(projects, folder):
    return json.loads(advisor(projects, folder, "records", "list", "--format", "json").stdout)


def test_a_run_is_in_the_store_of_its_scripts_project_wherever_it_was_started(projects):
    assert advisor(projects, "other", "run", "../one/src/train.py").returncode == 0
    assert (projects / "one" / "runs.db").exists()
    assert not (projects / "other" / "runs.db").exists()
    assert listed(projects, "other") == []
    assert [run["status"] for run in listed(projects, "one")] == ["FINISHED"]


def test_a_run_that_was_not_stored_yet_is_not_taken_by_another_project(projects):
    source = (projects / "one" / "src" / "train.py").read_text()
    no_helper = source.replace("# FAULTS: LAST", "import subprocess; subprocess._fork_exec = None")
    (projects / "one" / "src" / "train.py").write_text(no_helper)
    assert advisor(projects, "one", "run", "src/train.py").returncode == 0
    assert not (projects / "one" / "runs.db").exists()
    assert listed(projects, "other") == []
    synced = advisor(projects, "other", "records", "sync")
    assert "1 run left for another store" in synced.stderr
    assert [run["status"] for run in listed(projects, "one")] == ["FINISHED"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"ADVISOR_HOOK_TIMEOUT": "soon"}, "hook_timeout = 'soon'"),
        ({"ADVISOR_CONFIG": "broken.toml"}, "cannot read settings from broken.toml"),
        ({"HOME": "", "PYTHONPATH": "nobody"}, "there is no place for"),
    ],
)
def test_settings_that_make_no_sense_are_said_once_and_the_script_runs(projects, environment, said):
    (projects / "one" / "broken.toml").write_text("store = ")
    (projects / "one" / "pyproject.toml").unlink()
    (projects / "one" / "nobody").mkdir()
    (projects / "one" / "nobody" / "sitecustomize.py").write_text("import sys; sys.modules['pwd'] = None")
    done = advisor(projects, "one", "run", "src/train.py", **environment)
    assert done.returncode == 0
    assert "next number" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"WARNING: this run is not recorded: {said}")
    assert sorted(path.name for path in (projects / "one").iterdir()) == ["broken.toml", "nobody", "src"]


def test_a_script_that_is_not_there_is_wrong_usage(projects):
    done = advisor(projects, "one", "run", "absent.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Next:" in done.stderr


def test_what_never_ends_is_no_script(monkeypatch):
    small = dataclasses.replace(BOUNDS["script"], size=2**20)
    monkeypatch.setitem(BOUNDS, "script", small)
    with pytest.raises(SystemExit) as ended:
        main(["run", "/dev/zero"])
    assert ended.value.code == 2
