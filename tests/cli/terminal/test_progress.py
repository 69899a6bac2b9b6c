"""Long work shows that it goes on: on stderr, on a terminal only, and not under ``--quiet``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty")  # none on Windows
PRINT = Path(__file__).parents[2] / "scripts" / "print_arguments.py"


def on_a_terminal(tmp_path: Path, *words: object) -> tuple[int, str, str]:
    """Run a command whose stderr is a terminal; return status, stdout and what the terminal got."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "ADVISOR_TESTING": ""}
    command = [sys.executable, "-m", "advisor", *map(str, words)]
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:  # Linux says so at the end of the other side
            break
        if not block:
            break
        shown += block
    os.close(ours)
    return process.wait(timeout=60), (tmp_path / "out").read_text(encoding="utf-8"), shown.decode()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("run", "--suggest", PRINT, "--model", "test_resnet", "--opt", "adamw", "--data-dir"), "describing"),
        (("describe", "--dataset"), "reading"),
        (("suggest", "--model", "test_resnet", "--scratch", "--dataset"), "looking for good values"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_progress_is_drawn_on_a_terminal_and_leaves_the_result_alone(words, shown, image_folder, tmp_path):
    status, out, terminal = on_a_terminal(tmp_path, *words, image_folder)
    assert status == 0, terminal
    assert shown in terminal
    assert "\x1b[" in terminal
    assert "\x1b[" not in out


def test_none_is_drawn_under_quiet(image_folder, tmp_path):
    status, out, terminal = on_a_terminal(tmp_path, "--quiet", "describe", "--dataset", image_folder)
    assert (status, terminal) == (0, "")
    assert "stripes" in out
