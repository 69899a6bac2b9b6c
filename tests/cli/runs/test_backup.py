"""Copies of the store are made and put back on the command line."""

import json
import os
from pathlib import Path

import pytest

from advisor.cli import main
from advisor.records.recording import spool
from advisor.records.schema import new_id


@pytest.fixture
def advisor(capsys):
    """Run a command in this process; return what it wrote to stdout."""

    def run(*arguments, code=0):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert (ended.value.code or 0) == code
        output = capsys.readouterr()
        return output.out if not code else output.err

    return run


def a_run():
    """Leave the spool of a run that has ended."""
    run_id = new_id()
    folder = Path(os.environ["ADVISOR_SPOOL_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    first = spool.encode("run", {"run_id": run_id, "source": "api", "started_at": "2026-01-01T00:00:00+00:00"})
    (folder / f"{run_id}.jsonl").write_bytes(first + spool.encode("end", {"status": "FINISHED"}))
    return run_id


def listed(advisor):
    return {run["run_id"] for run in json.loads(advisor("records", "list", "--format", "json"))}


def test_a_copy_and_back(advisor, tmp_path):
    copied = a_run()
    advisor("records", "backup", str(tmp_path / "copy.db"))
    later = a_run()
    assert listed(advisor) == {copied, later}
    said = advisor("records", "restore", str(tmp_path / "copy.db"), "--yes")
    assert said == "Restored 1 run; 1 run taken from spools since.\n"
    assert listed(advisor) == {copied, later}
    told = json.loads(advisor("records", "restore", str(tmp_path / "copy.db"), "--yes", "--format", "json"))
    assert told == {"runs": 2, "restored": 1, "taken_again": 1, "moved": None}


def test_a_store_that_is_lost_comes_back_from_the_spools(advisor):
    gone = a_run()
    assert listed(advisor) == {gone}
    for path in Path(os.environ["ADVISOR_STORE"].removeprefix("sqlite:///")).parent.glob("records.db*"):
        path.unlink()
    assert advisor("records", "sync").startswith("2 new lines of 1 run taken")
    assert listed(advisor) == {gone}


def test_restoring_asks_first(advisor, tmp_path, monkeypatch):
    advisor("records", "backup", str(tmp_path / "copy.db"))
    monkeypatch.setattr("advisor.cli.runs.backup.confirm", lambda question: False)
    later = a_run()
    assert advisor("records", "restore", str(tmp_path / "copy.db")) == ""
    assert listed(advisor) == {later}


def test_what_is_no_copy_is_explained(advisor, tmp_path):
    (tmp_path / "text.db").write_text("none\n" * 1_000)
    assert "is damaged" in advisor("records", "restore", str(tmp_path / "text.db"), "--yes", code=1)
