"""Weights & Biases: imports the runs of local ``wandb`` folders, online or offline, and of exported run tables.

Neither the package wandb nor its service is needed; nothing is downloaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from advisor import RunsAt


@hookimpl
def advisor_import_runs(path: Path, world_size: int | None) -> RunsAt | None:
    """Read a run's folder, its ``.wandb`` file, or tables of runs that were exported as CSV or JSON."""
    from advisor_wandb.local import local_runs
    from advisor_wandb.table import exported_runs

    return local_runs(path, world_size) or exported_runs(path, world_size)
