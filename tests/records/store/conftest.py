"""Spools, line by line, and a store to take them into."""

from __future__ import annotations

import socket
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from advisor.records.recording import spool
from advisor.records.schema import new_id


@pytest.fixture
def folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


class Spools:
    """Writes spools as a training process does, in lines of one's choice."""

    NOW = datetime.now(timezone.utc)
    END = spool.encode("end", {"status": "FINISHED", "ended_at": NOW, "epochs_done": 1})

    def begin(self, run_id: str | None = None, host: str | None = None, **fields: Any) -> tuple[str, bytes]:
        """Return the id of a run and its first line."""
        run_id = run_id or new_id()
        known = {"source": "api", "status": "RUNNING", "host": host or socket.gethostname(), "started_at": self.NOW}
        return run_id, spool.encode("run", {"run_id": run_id, **known, **fields})

    def epoch(self, number: int, **metrics: float) -> bytes:
        return spool.encode("epoch", {"epoch": number, **metrics})

    def write(self, folder: Path, run_id: str, *lines: bytes) -> Path:
        path = folder / f"{run_id}.jsonl"
        path.write_bytes(b"".join(lines))
        return path


@pytest.fixture(scope="session")
def spools() -> Spools:
    return Spools()
