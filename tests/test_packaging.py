"""What an install carries, and what it must not make importable."""

import os
import re
import runpy
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path
from types import SimpleNamespace

import pytest

from advisor import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
NOT_IMPORTABLE = ("cli", "plugins", "meta_data", "research", "tests")
# Stands in for an environment without the extra: whatever imports these fails as if they were not installed.
WITHOUT_TORCH = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "timm"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def packages_on_disk(folder: Path, name: str) -> set[str]:
    found = {init.parent.relative_to(folder) for init in folder.rglob("__init__.py")}
    return {".".join((name, *path.parts)) for path in found}


def test_the_list_of_packages_is_what_is_on_disk():
    on_disk = set()
    for name, folder in SETTINGS["package-dir"].items():
        on_disk |= packages_on_disk(ROOT / folder, name)
    assert set(SETTINGS["packages"]) == on_disk
    plugins = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
    assert plugins <= set(SETTINGS["package-dir"])


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The wheel, unpacked into an empty folder."""
    folder = tmp_path_factory.mktemp("install") / "site"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def run(installed: Path, code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=env, cwd=installed.parent, capture_output=True, text=True, check=False)


def test_only_our_own_names_become_importable(installed):
    top = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {name.partition(".")[0] for name in SETTINGS["packages"]}
    assert not top & set(NOT_IMPORTABLE)
    for name in NOT_IMPORTABLE:
        assert not (installed / f"{name}.py").exists()


def test_the_wheel_has_no_research_in_it(installed):
    assert (ROOT / "research").is_dir()
    for path in installed.rglob("*"):
        assert "research" not in path.relative_to(installed).parts
        assert path.suffix != ".jinja"
    for module in (installed / "advisor").rglob("*.py"):
        assert "from research" not in module.read_text(encoding="utf-8"), module


def test_the_wheel_carries_the_evidence_and_the_model(installed):
    code = "import advisor; from advisor.records.evidence import load_evidence; print(len(load_evidence().runs))"
    result = run(installed, code)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) >= 600
    where = run(installed, "import advisor; print(advisor.__file__)")
    assert where.stdout.startswith(str(installed))


def test_the_wheel_carries_the_parts_of_the_report_and_the_figures_of_the_diagnoses(installed):
    pages = ("report/page.html", "report/tuning.html", "report/page.css", "report/page.js")
    for name in (*pages, "_meta_data/diagnoses.json"):
        assert (installed / "advisor" / name).is_file(), name


def test_a_wheel_without_torch_suggests(installed, tmp_path, image_folder):
    code = WITHOUT_TORCH + "from advisor.cli import main; main(sys.argv[1:])"
    arguments = ("suggest", "--dataset", str(image_folder), "--model", "test_resnet", "--scratch", "--format", "json")
    result = run(installed, code, *arguments)
    assert result.returncode == 0, result.stderr
    assert '"schema": "advisor.suggestion/1"' in result.stdout


def relative_links(markdown: str) -> list[str]:
    return re.findall(r"\]\((?!https://)([^)]+)\)", markdown)


def test_no_link_of_the_description_is_dead_on_an_index(installed):
    metadata = message_from_bytes(next(installed.glob("*.dist-info/METADATA")).read_bytes())
    description = metadata.get_payload(decode=True).decode()
    assert "## Two commands" in description
    assert relative_links(description) == []
    assert metadata["Project-URL"] is None


def test_where_a_release_is_built_its_links_lead_to_the_files_of_its_tag(monkeypatch):
    told = {}
    monkeypatch.setitem(sys.modules, "setuptools", SimpleNamespace(setup=lambda **settings: told.update(settings)))
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/advisor")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    runpy.run_path(str(ROOT / "setup.py"))
    home = "https://github.com/someone/advisor"
    assert relative_links(told["long_description"]) == []
    places = re.findall(rf"\]\({home}/(?:blob|raw)/v{__version__}/([^)]+)\)", told["long_description"])
    assert places == relative_links((ROOT / "README.md").read_text(encoding="utf-8"))
    assert f"({home}/raw/v{__version__}/docs/images/suggest.svg)" in told["long_description"]
    assert told["project_urls"]["Source"] == home
