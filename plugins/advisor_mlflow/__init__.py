"""MLflow: imports the runs of a tracking store, and marks a run with the advice that it follows.

Importing reads a folder ``mlruns`` or a SQLite file, for which MLflow need not be installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from advisor import RunsAt, Suggestion


@hookimpl
def advisor_import_runs(path: Path, world_size: int | None) -> RunsAt | None:
    """Read the runs of all experiments in the tracking store at ``path``."""
    from advisor_mlflow.tracking import runs_at

    return runs_at(path, world_size)


def tag_run(suggestion: Suggestion, run_id: str | None = None) -> str:
    """Tag an MLflow run with the advice that it follows, and return the run's id; see ``advisor_mlflow.tags``."""
    from advisor_mlflow.tags import tag_run

    return tag_run(suggestion, run_id)
