"""What `advisor run` says after a script that it has not recorded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SAID = "nothing was recorded: this process trained nothing with timm"
SPAWNS = """
import multiprocessing, torch
{autolog}

def train():
    {in_child}

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=train)
    process.start()
    process.join()
"""
RECORDS = "import advisor; advisor.autolog().start_run().update(model='test_resnet')"


@pytest.fixture
def run(tmp_path):
    """Runs a script beside which lies what passes for torch, and returns what it said."""
    (tmp_path / "torch.py").write_text("class cuda:\n    is_available = staticmethod(lambda: False)\n")

    def run_script(text: str) -> str:
        (tmp_path / "script.py").write_text(text)
        command = [sys.executable, "-m", "advisor", "run", str(tmp_path / "script.py")]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stderr

    return run_script


def test_a_training_in_processes_that_the_script_starts_is_said_once(run):
    said = run(SPAWNS.format(autolog="", in_child="pass"))
    assert said.count(SAID) == 1
    assert "advisor.autolog() stands at its top" in said


def test_what_such_a_process_records_is_not_missed(run):
    assert SAID not in run(SPAWNS.format(autolog="import advisor; advisor.autolog()", in_child=RECORDS))
    assert os.listdir(os.environ["ADVISOR_SPOOL_DIR"])


@pytest.mark.parametrize(
    "script", ["print('no training')", "import torch; raise SystemExit(3)", f"import torch; {RECORDS}"]
)
def test_nothing_is_said_where_nothing_is_missing(run, script):
    assert SAID not in run(script)
