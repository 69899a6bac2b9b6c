"""How a script ended that records itself, told by the record."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys, advisor
run = advisor.autolog().start_run(epochs=1)
run.log_epoch(eval_top1=50.0)
def main():
    {end}
main()
"""


@pytest.mark.parametrize(
    ("end", "status", "recorded"),
    [
        ("sys.exit(3)", 3, "FAILED"),
        ("sys.exit('message')", 1, "FAILED"),
        ("exit(4)", 4, "FAILED"),
        ("quit(code=5)", 5, "FAILED"),
        ("sys.exit(0)", 0, "FINISHED"),
        ("sys.exit()", 0, "FINISHED"),
        ("1 / 0", 1, "FAILED"),
        ("raise KeyboardInterrupt", -2, "INTERRUPTED"),
        ("\n    try: sys.exit(3)\n    except SystemExit: pass", 0, "FINISHED"),
        ("import threading; threading.Thread(target=sys.exit, args=(3,)).start()", 0, "FINISHED"),
    ],
)
def test_status(told, tmp_path, monkeypatch, end, status, recorded):
    monkeypatch.delenv("ADVISOR_TESTING")
    monkeypatch.setenv("ADVISOR_PLUGINS", "none")
    (tmp_path / "script.py").write_text(SCRIPT.format(end=end))
    done = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True)
    assert done.returncode == status
    run, _ = told(Path(os.environ["ADVISOR_SPOOL_DIR"]))
    assert run["status"] == recorded
