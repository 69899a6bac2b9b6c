"""``advisor describe`` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import NamedTuple

import pytest
from PIL import Image

from advisor.cli import main


class Ran(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def advisor(capsys, monkeypatch):
    """Return a function that runs the command line in this process."""
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*args: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main(list(args))
        return Ran(int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_a_table_for_people(advisor, image_folder):
    ran = advisor("describe", "--dataset", str(image_folder))
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("stripes  folder, ")
    assert "120 training and 0 validation images of 3 classes" in ran.out
    assert "Nothing is set apart for validation" in ran.out
    assert "\x1b" not in ran.out


def test_json_for_programs_is_the_same_twice(advisor, image_folder):
    first = advisor("describe", "--dataset", str(image_folder), "--format", "json")
    second = advisor("describe", "--dataset", str(image_folder), "--format", "json")
    assert first.out == second.out
    described = json.loads(first.out)
    assert described["n_train"] == 120
    assert described["class_counts"] == {"class-0": 40, "class-1": 40, "class-2": 40}
    assert described["features"]["patch_skill"] > 0.8


def test_no_torch_is_imported(image_folder):
    code = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "timm", "torchvision"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from advisor.cli import main
main(["describe", "--dataset", {str(image_folder)!r}])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("name", ["nowhere", "empty", "file.txt", "one"])
def test_bad_input_is_explained_without_a_traceback(advisor, tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("text")
    (tmp_path / "one" / "cat").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "one" / "cat" / "a.png")
    ran = advisor("describe", "--dataset", str(tmp_path / name))
    assert ran.status == 1
    assert ran.out == ""
    assert ran.err.startswith("Error: ")
    assert "Next:" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("args", [(), ("--dataset", "x", "--format", "xml"), ("--dataset", "x", "--seed", "-1")])
def test_wrong_usage(advisor, args):
    assert advisor("describe", *args).status == 2


def test_names_cannot_drive_the_terminal(advisor, tmp_path):
    for label in ("\x1b[31mred", "[bold]b", "plain"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (8, 8), (i * 40, 0, 0)).save(tmp_path / "set" / label / f"{i}.png")
    ran = advisor("describe", "--dataset", str(tmp_path / "set"))
    assert ran.status == 0, ran.err
    assert "\x1b" not in ran.out
    assert "[bold]b" in ran.out


def test_a_contact_sheet(advisor, image_folder, tmp_path):
    sheet = tmp_path / "sheet.png"
    ran = advisor("describe", "--dataset", str(image_folder), "--contact-sheet", str(sheet))
    assert ran.status == 0, ran.err
    with Image.open(sheet) as image:
        assert image.format == "PNG"
        assert image.width > 300
        assert len(image.convert("L").getcolors(100_000)) > 50


def test_a_contact_sheet_that_cannot_be_written(advisor, image_folder, tmp_path):
    ran = advisor("describe", "--dataset", str(image_folder), "--contact-sheet", str(tmp_path / "no" / "sheet.png"))
    assert ran.status == 1
    assert "cannot write the contact sheet" in ran.err
    assert "Traceback" not in ran.err
