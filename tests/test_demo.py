"""What `make demo` does, once everything is installed: a training is recorded, shown, and advice is given."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[1] / "docs" / "demo" / "demo.py"


@pytest.mark.slow
def test_the_demo_records_a_run_shows_it_and_gives_advice(tmp_path):
    pytest.importorskip("timm")
    done = subprocess.run([sys.executable, str(DEMO), str(tmp_path / "demo")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.findall(r"^\$ advisor (\w+)", done.stdout, re.MULTILINE) == ["run", "records", "records", "suggest"]
    listed = re.search(r"^run .*\n(\w+ +demo +FINISHED .*)$", done.stdout, re.MULTILINE)[1]
    assert float(listed.split()[-1]) > 80  # its final accuracy; guessing gets 10
    assert re.search(r"^learning rate +[\d.e-]+ ", done.stdout, re.MULTILINE)
    assert "4 classes" in done.stdout
