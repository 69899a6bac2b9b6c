"""How well a published speed tells the seconds of recorded runs on another machine, beside the work in a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from advisor.advise.resources.cost import cost_of
from advisor.describe.model import describe_model
from advisor.learn.table import Floats
from advisor.plugins import Plugins
from advisor.records.schema import ImportedRun, RunsAt
from research.model_choice.runs import candidate_of

MIN_BATCH = 16
"""Smaller batches leave a GPU idle, whatever the model."""


def speed_errors(folder: Path) -> dict[str, tuple[int, float, float]]:
    """Return by what tells the speed: runs, and the median and ninth decile of the factor by which it is off.

    Runs train all layers. Their machine's speed is the median over them, as own runs tell it; their times hold the
    reading of images and the evaluation too.
    """
    found: RunsAt | None = Plugins().call_first("advisor_import_runs", path=folder, world_size=None)
    seconds, published, work = [], [], []
    for item in () if found is None else found.items:
        if not isinstance(item, ImportedRun) or len(item.epochs) < 2:
            continue
        run = item.run
        trained_whole = run.extra.get("pct_to_freeze") == 0
        if not (
            trained_whole and run.model and run.train_seconds and run.n_train and (run.batch_size or 0) >= MIN_BATCH
        ):
            continue
        model = describe_model(candidate_of(run.model).architecture)
        speed = cost_of(model, model.img_size).images_per_second
        if speed is not None:
            seconds.append(run.train_seconds / len(item.epochs) / run.n_train)
            published.append(1 / speed)
            work.append(model.macs)
    return {
        "published speed": _off(np.array(seconds), np.array(published)),
        "multiply-accumulates": _off(np.array(seconds), np.array(work, dtype=np.float64)),
        "the same for all": _off(np.array(seconds), np.ones(len(seconds))),
    }


def _off(seconds: Floats, scale: Floats) -> tuple[int, float, float]:
    ratio = np.log(seconds / scale)
    off = np.exp(np.abs(ratio - np.median(ratio)))
    return len(off), float(np.median(off)), float(np.quantile(off, 0.9))
