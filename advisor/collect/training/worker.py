"""What a worker does with one planned run: train it and record it."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from advisor.collect.planning.plan import PlannedRun
from advisor.collect.training.images import load_images
from advisor.collect.training.trainer import (
    LABEL_SMOOTHING,
    MIN_LR,
    SCHED,
    WARMUP_EPOCHS,
    Diverged,
    Training,
    data_config,
    release_memory,
    train,
)
from advisor.records.recording.hand_written_loop import record_run
from advisor.records.schema import Source, Status

logger = logging.getLogger("advisor.collect")


@dataclass(frozen=True)
class Job:
    """One run to train, complete in itself so that it can go to another machine."""

    point_id: str
    path: Path
    training: Training
    fields: dict[str, Any]
    """Further fields of the run's record: the dataset's, and what the plan says of it."""
    spool_dir: Path
    weights: Path | None = None
    """Checkpoint that training starts from."""

    def __str__(self) -> str:
        return f"{self.fields['dataset_name']} {self.training.model} ({self.point_id})"


def make_job(point: PlannedRun, plan_name: str, dataset_id: str, spool_dir: Path) -> Job:
    """Return the job that trains a planned run."""
    case = point.case
    size = case.dataset.size
    return Job(
        point_id=point.point_id,
        path=case.dataset.path,
        training=point.training,
        fields={
            "dataset_id": dataset_id,
            "dataset_name": case.dataset.name,
            "n_train": size.n_train,
            "n_eval": size.n_eval,
            "n_classes": size.n_classes,
            "extra": {
                "plan": plan_name,
                "point": point.point_id,
                "kind": point.kind,
                "label": point.label,
                "case_epochs": case.space.max_epochs,
                "checkpoint": case.context.checkpoint,
                "trainable": case.context.trainable,
            },
        },
        spool_dir=spool_dir,
        weights=case.weights,
    )


def train_job(job: Job) -> None:
    """Train and record one run; an exception of the run is its recorded outcome and goes no further."""
    training = job.training
    values = training.configuration
    fields = {
        **values.as_dict(),
        **job.fields,
        "model": training.model,
        "pretrained": training.pretrained,
        "img_size": training.img_size,
        "opt": training.opt,
        "sched": SCHED,
        "warmup_epochs": float(WARMUP_EPOCHS),
        "min_lr": MIN_LR,
        "label_smoothing": LABEL_SMOOTHING,
        "mixup": 0.0,
        "cutmix": 0.0,
        "augment": training.augment,
        "amp": training.amp,
        "ema": False,
        "seed": training.seed,
        "world_size": 1,
        "grad_accum_steps": 1,
        "metric": "eval_top1",
        "metric_higher_is_better": True,
        "device": training.device,
    }
    os.environ["ADVISOR_SPOOL_DIR"] = str(job.spool_dir)
    # Before the run begins, so that what is read and made here is not taken for a part of it.
    images = load_images(job.path, training.img_size, data_config(training.model)["interpolation"])
    try:
        with record_run(source=Source.COLLECT, **fields) as run:
            try:
                for result in train(training, images, weights=job.weights):
                    run.log_epoch(**asdict(result))
            except Diverged as reason:
                run.end(Status.DIVERGED, str(reason))
    except Exception as error:
        # Isolation: the run is recorded as FAILED with its error; the other runs of the plan go on.
        logger.warning("%s failed: %s: %s", job, type(error).__name__, error)
    release_memory(training.device)
