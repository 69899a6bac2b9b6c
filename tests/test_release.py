"""What a release is made of fits together: versions, the oldest dependencies, workflows, the targets that they call."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from advisor import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def of_python(python, lines):
    """Return the one version that a Python gets of each requirement among ``lines``."""
    found = [Requirement(line.split("#")[0]) for line in lines if line.split("#")[0].strip()]
    found = [one for one in found if one.marker is None or one.marker.evaluate({"python_version": python})]
    assert len({one.name for one in found}) == len(found)
    return {one.name: Version(next(iter(one.specifier)).version) for one in found}


@pytest.mark.parametrize("python", ["3.10", "3.13"])
def test_the_oldest_versions_that_are_tested_are_those_that_are_asked_for(python):
    extras = PROJECT["optional-dependencies"]
    without_torch = extras.keys() - {"timm", "transformers", "lightning", "test", "dev"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(re.search(r"^MINIMUM_EXTRAS = ([\w,]+)$", makefile, re.MULTILINE)[1].split(",")) == without_torch
    lines = [*PROJECT["dependencies"], *(line for name in without_torch for line in extras[name])]
    asked = of_python(python, dict.fromkeys(lines))
    tested = of_python(python, (ROOT / ".ci" / "minimum-versions.txt").read_text(encoding="utf-8").splitlines())
    assert tested.keys() == asked.keys()
    for name, oldest in asked.items():
        # Of some there is no version for a new Python that is as old as what is asked for.
        assert tested[name] == oldest if python == "3.10" else tested[name] >= oldest, name


def test_the_extra_for_tests_asks_for_what_the_other_extras_ask_for():
    """Else the suite could pass with versions that a user of the extra has not."""
    extras = {name: set(lines) for name, lines in PROJECT["optional-dependencies"].items()}
    others = set().union(*(lines for name, lines in extras.items() if name not in ("test", "dev")))
    named = {line.split(">=")[0] for line in others}
    assert {line for line in extras["test"] if line.split(">=")[0] in named} <= others


def test_the_citation_names_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (__version__, PROJECT["license"])


def test_the_changelog_begins_with_what_is_not_released_and_then_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, newest, *older = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert first == "Unreleased"
    dated = [re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})", title) for title in (newest, *older)]
    assert all(dated)
    assert dated[0][1] == __version__
    dates = [date.fromisoformat(title[2]) for title in dated]
    assert dates == sorted(dates, reverse=True)
    kinds = re.findall(r"^### (.+)$", changelog, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_runs_of_others_is_fixed_and_gets_no_token(path):
    text = path.read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"].values()
    used = [step for job in jobs for step in job["steps"] if "uses" in step]
    assert used
    assert [step["uses"] for step in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])] == []
    assert len(re.findall(r"@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", text, re.MULTILINE)) == len(used)
    checkouts = [step for step in used if step["uses"].startswith("actions/checkout@")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_targets_and_files_that_exist(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    commands = "\n".join(step.get("run", "") for step in steps)
    for target in re.findall(r"\bmake ([\w-]+)", commands):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for name in re.findall(r"\.ci/[\w.-]+|tests/[\w./-]+", commands):
        assert (ROOT / name).exists(), name
    for extras in re.findall(r"'\.\[([\w,]+)\]'", commands):
        assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()


def test_every_version_of_python_that_is_supported_is_tested():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["tests"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"][0] == PROJECT["requires-python"].removeprefix(">=")
    named = {item.rpartition(" ")[2] for item in PROJECT["classifiers"] if "Python :: 3." in item}
    assert set(matrix["python"]) == named
