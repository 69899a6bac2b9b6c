"""The example plugin does what its page says, as installed, and the page names every hook."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pluggy
import pytest

import advisor.testing
from advisor import hookspecs
from advisor.plugins import Plugins

FOLDER = Path(__file__).parents[1] / "docs" / "example_plugin"


def test_its_own_tests_pass():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=FOLDER, env=_environment(FOLDER), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_its_page_names_every_hook_with_its_arguments():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(advisor_\w+)\((.*?)\)`", page, re.MULTILINE))
    specified = {
        name: ", ".join(function.__code__.co_varnames[: function.__code__.co_argcount])
        for name, function in vars(hookspecs).items()
        if name.startswith("advisor_")
    }
    assert documented == specified


def test_its_page_names_what_there_is_for_tests():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {"own_settings", "load_plugin", "record_run_with", "image_sample"} <= set(advisor.testing.__all__)
    assert all(f"`{name}`" in page for name in ("own_settings", "load_plugin", "record_run_with", "image_sample"))


def test_it_uses_public_names_only():
    code = (FOLDER / "advisor_example.py").read_text(encoding="utf-8")
    runtime = re.sub(r"^if TYPE_CHECKING:\n(    .*\n)+", "", code, flags=re.MULTILINE)
    for line in re.findall(r"^from advisor.*", runtime, re.MULTILINE):
        names = re.fullmatch(r"from advisor import (.*)", line)
        assert names, line
        assert set(names[1].split(", ")) <= set(advisor.__all__)


def test_installed_it_is_listed_with_its_hooks(tmp_path, monkeypatch):
    (tmp_path / "advisor_example.py").write_text((FOLDER / "advisor_example.py").read_text(encoding="utf-8"))
    (tmp_path / "advisor_example-1.0.dist-info").mkdir()
    (tmp_path / "advisor_example-1.0.dist-info" / "METADATA").write_text("Name: advisor-example\nVersion: 1.0\n")
    entry = re.search(r"entry-points\.advisor\]\n(.*)\n", (FOLDER / "pyproject.toml").read_text())[1]
    (tmp_path / "advisor_example-1.0.dist-info" / "entry_points.txt").write_text(
        f"[advisor]\n{entry}\n".replace('"', "")
    )
    monkeypatch.setenv("ADVISOR_PLUGINS", "example")
    command = [sys.executable, "-m", "advisor", "plugins", "--format", "json"]
    done = subprocess.run(command, env=_environment(tmp_path), capture_output=True, text=True, check=True)
    listed = json.loads(done.stdout)
    assert listed["problems"] == []
    assert [(plugin["plugin"], plugin["from"]) for plugin in listed["plugins"]] == [("example", "advisor-example 1.0")]
    assert "advisor_render" in listed["plugins"][0]["hooks"]


def test_a_misspelt_hook_is_an_error_in_its_tests():
    class Misspelt:
        @advisor.hookimpl
        def advisor_epoch_ended(self, run):
            pass

    with pytest.raises(pluggy.PluginValidationError):
        advisor.testing.load_plugin(Misspelt())
    assert Plugins("none").names() == []


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder)}
