"""docs/architecture.md: what it names is there, every room is on it, and its figures are those of the evidence."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOMS = ("advisor", "plugins", "research", "meta_data", "tests", "docs", "benchmarks")


def named_paths() -> set[str]:
    code = re.findall(r"`([^`\s]+)`", PAGE)
    links = [f"docs/{link}" for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE)]
    return {path for path in code if path.split("/")[0] in ROOMS and "/" in path} | set(links)


def test_every_path_it_names_is_there():
    assert len(named_paths()) > 30
    for path in named_paths():
        assert (ROOT / path).exists(), path


def test_every_floor_and_room_is_on_it():
    packages = {init.parent for init in (ROOT / "advisor").glob("*/__init__.py")} - {ROOT / "advisor" / "testing"}
    packages |= {init.parent for floor in packages for init in floor.glob("*/__init__.py")}
    for package in packages:
        assert f"`{package.relative_to(ROOT).as_posix()}/`" in PAGE


def test_its_figures_are_those_of_the_shipped_evidence():
    manifest = json.loads((ROOT / "meta_data" / "manifest.json").read_text(encoding="utf-8"))
    figures = "{runs:,} runs in {cases} cases on {datasets} datasets of {groups} sources".format(**manifest)
    assert figures in " ".join(PAGE.split())
