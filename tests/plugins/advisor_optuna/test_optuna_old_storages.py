"""Storages that another version of Optuna wrote are read in a copy that is brought up to date, or refused by name."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from advisor import ImportedRun, Skipped, Status
from advisor_optuna.storage import runs_at

WRITTEN = Path(__file__).parent / "old_storages" / "optuna-2.10.1.sql"
"""What ``sqlite3``'s iterdump gives for a study of three trials, the last of which failed, by Optuna 2.10.1."""


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    path = tmp_path / "study.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(WRITTEN.read_text(encoding="utf-8"))
    return path


def change(path: Path, statement: str) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    return path


def read(path: Path) -> list[ImportedRun | Skipped]:
    found = runs_at(path, None)
    assert found is not None
    return list(found.items)


def test_trials_of_an_older_storage_are_taken_and_the_file_stays_as_it_is(storage: Path, capfd) -> None:
    before = storage.read_bytes()
    items = read(storage)
    runs = [item.run for item in items if isinstance(item, ImportedRun)]
    assert [(run.name, run.status, run.final_metric) for run in runs] == [
        ("leaves 0", Status.FINISHED, 41.0),
        ("leaves 1", Status.FINISHED, 41.0),
        ("leaves 2", Status.FAILED, 41.0),
    ]
    assert all(run.model == "test_vit" and run.lr and run.dropout is not None for run in runs)
    assert storage.read_bytes() == before
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE alembic_version SET version_num = 'v99.0.0.a'", "newer than the one installed: pip install --upgrade"),
        ("ALTER TABLE trial_params RENAME COLUMN distribution_json TO lost", "Optuna 2.10.1, which Optuna"),
    ],
)
def test_what_cannot_be_brought_up_to_date_is_refused_by_name(
    storage: Path, statement: str, reason: str, capfd
) -> None:
    (item,) = read(change(storage, statement))
    assert isinstance(item, Skipped)
    assert reason in item.reason
    assert capfd.readouterr().err == ""
