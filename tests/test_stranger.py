"""A stranger's path: an empty environment far from this checkout, the wheel, the README, a plugin of one's own.

PyTorch and timm, gigabytes, are borrowed from the environment of the tests; all else is installed as it is published.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import venv
from pathlib import Path

import pytest
from reader_folder import lay_out

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PLUGIN_PAGE = (ROOT / "docs" / "example_plugin" / "README.md").read_text(encoding="utf-8")
NOT_RUN = ("advisor tune",)  # it trains again and again: tests/tuning/
PLUGIN = """
from pathlib import Path

from advisor import hookimpl


@hookimpl
def advisor_run_end(run):
    with Path("ended.txt").open("a") as ended:
        ended.write(f"{run.model} {run.status.value}\\n")


@hookimpl
def advisor_render(suggestion, format):
    if format == "csv":
        return f"lr,batch_size\\n{suggestion.best.lr},{suggestion.best.batch_size}"
"""
PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "strangers-plugin"
version = "1.0"
dependencies = ["timm-advisor"]

[project.entry-points.advisor]
stranger = "strangers_plugin"

[tool.setuptools]
py-modules = ["strangers_plugin"]
"""
"""Written from docs/example_plugin/README.md and the page on hooks."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.name == "nt", reason="the folder that settings and records lie in cannot be moved there"),
]


class Stranger:
    """Somebody with an environment, a folder of photos and a training script."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "work"
        lay_out(self.folder)
        venv.create(home / "environment", with_pip=True)
        self.bin = home / "environment" / "bin"
        ours = ("ADVISOR_", "COVERAGE", "PYTHON", "VIRTUAL_ENV", "XDG_")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.env |= {"HOME": str(home), "PATH": os.pathsep.join([str(self.bin), os.environ["PATH"]])}

    def types(self, command: str) -> subprocess.CompletedProcess[str]:
        """Type a command in the folder, and return what came."""
        words = shlex.split(command)
        words[0] = str(self.bin / words[0])
        return subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, text=True, encoding="utf-8")

    def does(self, command: str) -> str:
        """Type a command that works, and return what it printed."""
        done = self.types(command)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def stranger(tmp_path_factory, wheel) -> Stranger:
    """A stranger who has installed the wheel, without an extra."""
    stranger = Stranger(tmp_path_factory.mktemp("stranger"))
    if stranger.types("python -m pip install --quiet pluggy").returncode:
        pytest.skip("no package index can be reached")
    stranger.does(f"python -m pip install --quiet {shlex.quote(str(wheel))}")
    return stranger


@pytest.fixture
def with_timm(stranger) -> Stranger:
    """The same with the extra of the README's first line."""
    found = [importlib.util.find_spec(name) for name in ("torch", "torchvision", "timm")]
    if None in found:
        pytest.skip("torch, torchvision and timm are not installed")
    assert "pip install 'timm-advisor[timm]'" in README
    (site,) = json.loads(stranger.does("python -c 'import json, site; print(json.dumps(site.getsitepackages()[-1:]))'"))
    lent = sorted({str(Path(spec.origin).parents[1]) for spec in found})
    (Path(site) / "lent.pth").write_text("\n".join(lent))
    return stranger


def commands_of_the_readme() -> list[str]:
    """Return what the README says to type to record and to ask, without its comments."""
    section = README.partition("## Record, and ask\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^    (advisor .*)$", section, re.MULTILINE)
    return [re.sub(r"\s{2,}#.*", "", line) for line in lines if not line.startswith(NOT_RUN)]


def test_nothing_of_the_checkout_is_needed(stranger):
    where = stranger.does("python -c 'import advisor, sys; print(advisor.__file__, *sys.path)'")
    assert str(stranger.bin.parent) in where.split()[0]
    assert str(ROOT) not in where
    for name in ("research", "tests", "plugins", "meta_data", "cli", "torch"):
        assert stranger.types(f"python -c 'import {name}'").returncode != 0, name
    assert stranger.does("python -m pip check").strip() == "No broken requirements found."


def test_advice_needs_no_torch(stranger):
    answer = json.loads(stranger.does("advisor suggest --dataset photos --model resnet50 --format json"))
    assert answer["schema"] == "advisor.suggestion/1"
    assert answer["dataset"]["n_classes"] == 2


def test_the_commands_of_the_readme_work_in_their_order(with_timm):
    commands = commands_of_the_readme()
    assert len(commands) >= 3
    for command in commands:
        with_timm.does(command)
    runs = json.loads(with_timm.does("advisor records list --format json"))
    assert [run["model"] for run in runs] == ["resnet50"] * sum("advisor run" in command for command in commands)
    assert {run["status"] for run in runs} == {"FINISHED"}


def test_a_plugin_written_from_its_page_alone(with_timm):
    documented = {*re.findall(r"`(advisor_\w+)\(", PLUGIN_PAGE)}
    assert {*re.findall(r"def (advisor_\w+)\(", PLUGIN)} <= documented
    assert "`@advisor.hookimpl`" in PLUGIN_PAGE
    source = with_timm.folder / "strangers_plugin"
    source.mkdir()
    (source / "strangers_plugin.py").write_text(PLUGIN)
    (source / "pyproject.toml").write_text(PYPROJECT)
    with_timm.does("python -m pip install --quiet ./strangers_plugin")
    listed = json.loads(with_timm.does("advisor plugins --format json"))
    assert listed["problems"] == []
    (own,) = [plugin for plugin in listed["plugins"] if plugin["plugin"] == "stranger"]
    assert (own["from"], set(own["hooks"])) == ("strangers-plugin 1.0", {"advisor_run_end", "advisor_render"})
    printed = with_timm.does("advisor suggest --dataset photos --model resnet50 --format csv")
    assert re.fullmatch(r"lr,batch_size\n[\d.e-]+,\d+\n", printed)
    with_timm.does("advisor run train.py --data-dir photos --model resnet50 --epochs 1 --num-classes 2 --img-size 32")
    assert (with_timm.folder / "ended.txt").read_text() == "resnet50 FINISHED\n"
