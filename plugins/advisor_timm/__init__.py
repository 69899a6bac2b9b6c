"""Attaches to timm training scripts and imports what they left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor import hookimpl
from advisor_timm.attach import advisor_attach

if TYPE_CHECKING:
    from pathlib import Path

    from advisor import RunsAt

__all__ = ["advisor_attach", "advisor_import_runs"]


@hookimpl(trylast=True)
def advisor_import_runs(path: Path, world_size: int | None) -> RunsAt | None:
    """Read args.yaml with summary.csv, and JSON-line logs, in one folder; stores of other tools are asked first."""
    from advisor_timm.importing.outputs import runs_at

    return runs_at(path, world_size)
