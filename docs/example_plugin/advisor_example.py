"""A plugin for timm-advisor: a progress file to watch, a feature of datasets, and one more output format."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from advisor import Epoch, Run, Suggestion, hookimpl

if TYPE_CHECKING:
    from advisor import Sample


@hookimpl
def advisor_epoch_end(run: Run, epoch: Epoch) -> None:
    """Keep what another program may watch in the file that EXAMPLE_PROGRESS names.

    Called on a thread of the plugin's own, so writing a file here delays no training.
    """
    progress = {"run": run.run_id, "epoch": epoch.epoch + 1, "of": run.epochs, "top1": epoch.eval_top1}
    _write(progress)


@hookimpl
def advisor_run_end(run: Run) -> None:
    """Say how it ended."""
    _write({"run": run.run_id, "status": run.status.value, "best": run.best_metric})


@hookimpl
def advisor_meta_features(sample: Sample) -> Mapping[str, float]:
    """Return how much neighbouring pixels differ, 0 to 1; `advisor describe` shows it as `example.roughness`."""
    pixels = sample.train.thumbnails.astype("float32") / 255
    return {"roughness": float(abs(pixels[:, :, 1:] - pixels[:, :, :-1]).mean())}


@hookimpl
def advisor_render(suggestion: Suggestion, format: str) -> str | None:
    """Answer `advisor suggest --format env` with lines for a shell; None leaves other formats to other plugins."""
    if format != "env":
        return None
    best = suggestion.best
    return f"export LR={best.lr:g} BATCH_SIZE={best.batch_size} EPOCHS={best.epochs}"


def _write(progress: dict[str, object]) -> None:
    target = os.environ.get("EXAMPLE_PROGRESS")
    if target:
        partial = Path(f"{target}.partial")
        partial.write_text(json.dumps(progress))
        partial.replace(target)
