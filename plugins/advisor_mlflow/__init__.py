"""Imports the runs in an MLflow tracking store: a folder ``mlruns`` or a SQLite file. MLflow need not be installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.hookspecs import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from advisor.records.schema import RunsAt


@hookimpl
def advisor_import_runs(path: Path, world_size: int | None) -> RunsAt | None:
    """Read the runs of all experiments in the tracking store at ``path``."""
    from advisor_mlflow.tracking import runs_at

    return runs_at(path, world_size)
