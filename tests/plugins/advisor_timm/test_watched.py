"""``advisor run --watch``: a training that is watched is the training that is not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def train(scripts, arguments, digits, tmp_path, monkeypatch):
    """Train in a folder of its own; return exit status, stdout, a digest of each file that was written, and stderr."""
    monkeypatch.delenv("ADVISOR_TESTING", raising=False)

    def run(*options: str, further: tuple[str, ...] = ()):
        folder = tmp_path / "-".join(["run", *options])
        folder.mkdir()
        command = [sys.executable, "-m", "advisor", "run", *options, str(scripts / "train_current.py")]
        done = subprocess.run(
            [*command, "--data-dir", str(digits), *arguments, *further],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, digests(folder), done.stderr

    return run


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_watched_or_not_a_training_is_the_same_bit_for_bit(train):
    *alone, quiet = train()
    *watched, told = train("--watch")
    assert watched == alone
    assert "out/run/last.pth.tar" in watched[2]
    assert "epoch 1 of 2: top-1" not in quiet
    assert "Ended: FINISHED after 2 of 2 epochs, top-1" in told


@pytest.mark.slow
def test_a_script_that_fails_ends_as_it_would(train):
    code, _, _, told = train("--watch", further=("--fault", "error@1"))
    assert code == 1
    assert "Ended: FAILED after 1 of 2 epochs" in told


@pytest.mark.slow
def test_a_watch_that_cannot_start_is_no_matter(train, tmp_path, monkeypatch):
    *alone, _ = train()
    monkeypatch.setenv("ADVISOR_STORE", f"sqlite:///{tmp_path}")  # a folder is no store
    *watched, told = train("--watch")
    assert watched == alone
    assert "the run was not watched to its end" in told
