"""Imports the Quick-Tune meta-dataset (Pineda Arango et al., ICLR 2024): public fine-tuning runs of timm models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from advisor import RunsAt


@hookimpl
def advisor_import_runs(path: Path) -> RunsAt | None:
    """Read the raw folders, the aggregated JSON files or the encoded table, whichever is at ``path``."""
    from advisor_quicktune.layouts import runs_at

    return runs_at(path)
