"""What is recorded: runs, epochs, datasets and suggestions.

Times are UTC datetimes, durations seconds, sizes bytes, rates per second, accuracies percent (0-100) as timm
prints them. Plain dataclasses, because a training process imports this module and must start fast.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any


class Status(str, Enum):
    """How a run stands or ended."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"
    DIVERGED = "DIVERGED"
    STALE = "STALE"


class Pretraining(str, Enum):
    """What the weights that a training starts from were trained on."""

    NONE = "none"
    """From scratch."""
    IMAGENET = "imagenet"
    """ImageNet or a larger collection of photographs."""
    OTHER = "other"
    """Something else: a file of the user's, or small drawings."""


_IMAGENET_CHECKPOINTS = ("in1k",)
"""Names of the published checkpoints that collected runs start from; all others were pretrained on small drawings."""
_WEIGHT_FILES = ("checkpoint", "initial_checkpoint", "pretrained_path", "finetune")
"""Arguments of a run, in ``extra``, that name weights other than timm's own."""
_LEARNED_FROM = (
    *_WEIGHT_FILES,
    *("train_split", "eval_split", "val_split", "scored_on_training_images", "trainable", "kind"),
)
"""What of ``extra`` decides whether and as what a run teaches."""


class Source(str, Enum):
    """Where a record came from."""

    TIMM_HOOK = "timm-hook"
    API = "api"
    TIMM_OUTPUT = "timm-output"
    QUICKTUNE = "quicktune"
    MLFLOW = "mlflow"
    OPTUNA = "optuna"
    WANDB = "wandb"
    COLLECT = "collect"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run; None means unknown or not applicable."""

    run_id: str
    source: Source
    status: Status = Status.RUNNING
    error: str | None = None
    resumed_from: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    heartbeat_at: datetime | None = None
    host: str | None = None
    pid: int | None = None
    name: str | None = None
    """What the user calls the run (``advisor run --name``)."""

    dataset_id: str | None = None
    """Digest of the images; None where they were never seen."""
    dataset_name: str | None = None
    n_train: int | None = None
    n_eval: int | None = None
    n_classes: int | None = None

    model: str | None = None
    pretrained: bool | None = None
    num_params: int | None = None
    img_size: int | None = None

    opt: str | None = None
    sched: str | None = None
    warmup_epochs: float | None = None
    min_lr: float | None = None
    lr: float | None = None
    """Peak, absolute, after any lr_base rule."""
    batch_size: int | None = None
    """Global: per device x devices x accumulation steps."""
    epochs: int | None = None
    """Planned."""
    dropout: float | None = None
    """timm's drop_rate."""
    weight_decay: float | None = None

    drop_path: float | None = None
    label_smoothing: float | None = None
    mixup: float | None = None
    cutmix: float | None = None
    augment: str | None = None
    amp: bool | None = None
    ema: bool | None = None
    seed: int | None = None
    world_size: int | None = None
    grad_accum_steps: int | None = None

    metric: str | None = None
    """Name of the evaluation metric the run selects by."""
    metric_higher_is_better: bool | None = None
    best_metric: float | None = None
    best_epoch: int | None = None
    final_metric: float | None = None
    epochs_done: int = 0

    train_seconds: float | None = None
    samples_per_second: float | None = None
    peak_memory: int | None = None
    device: str | None = None
    out_of_memory: bool | None = None

    versions: dict[str, str] = field(default_factory=dict)
    script: str | None = None
    git_commit: str | None = None
    suggestion_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Every other argument, secrets removed; JSON values only."""

    @property
    def splits(self) -> tuple[str | None, str | None]:
        """The names of the splits that were trained and validated on."""
        return self.extra.get("train_split"), self.extra.get("eval_split") or self.extra.get("val_split")

    @property
    def scored_on_training_images(self) -> bool:
        """Whether validation used the training images, so that the score says nothing of other images."""
        return bool(self.extra.get("scored_on_training_images"))

    @property
    def pretraining(self) -> Pretraining:
        """What the weights that the run started from were trained on; timm's own are of ImageNet or larger."""
        if not self.pretrained:
            return Pretraining.NONE
        files = [self.extra[name] for name in _WEIGHT_FILES if self.extra.get(name)]
        return Pretraining.OTHER if set(files) - set(_IMAGENET_CHECKPOINTS) else Pretraining.IMAGENET

    def to_learn_from(self) -> Run:
        """Return the run without what nothing is learned from, a fifth of its size."""
        extra = {name: self.extra[name] for name in _LEARNED_FROM if name in self.extra}
        return dataclasses.replace(self, extra=extra, versions={})


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """The metrics of one epoch of a run; accuracies in percent, the raw model apart from its moving average."""

    run_id: str
    epoch: int
    lr: float | None = None
    train_loss: float | None = None
    train_top1: float | None = None
    eval_loss: float | None = None
    eval_top1: float | None = None
    eval_top5: float | None = None
    ema_eval_top1: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset that was described; the same images elsewhere have the same ``dataset_id``."""

    dataset_id: str
    name: str
    group: str
    """Base source: variants of one source share it and are held out together."""
    n_train: int
    n_eval: int
    n_classes: int
    features: dict[str, float] = field(default_factory=dict)
    features_version: int = 1


@dataclass(frozen=True, kw_only=True)
class StoredSuggestion:
    """Advice that was given, so that it can be judged by the runs that name it."""

    suggestion_id: str
    created_at: datetime
    dataset_id: str | None
    model: str
    suggestion: dict[str, Any]
    """The suggestion as ``suggest --format json`` prints it."""
    request: dict[str, Any] | None = None
    """What was asked and the limits that held; None where an older version stored the advice."""


@dataclass(frozen=True, kw_only=True)
class ImportedRun:
    """A run read from another tool's files, with its epochs."""

    run: Run
    epochs: tuple[Epoch, ...] = ()
    path: str = ""
    """Where it was read."""
    notes: tuple[str, ...] = ()
    """What was left out of it or found elsewhere than usual, for the report."""
    continues: str | None = None
    """What it says it continues, such as the path of a checkpoint; None if it says nothing."""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """Something that looks like a run and was not taken."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunsAt:
    """What an importer found at a path; read lazily, so that any number of runs fits in memory."""

    items: Iterable[ImportedRun | Skipped]
    whole_tree: bool = False
    """Whether everything below the path is accounted for; otherwise folders in it are looked at on their own."""


RUN_FIELDS = tuple(f.name for f in dataclasses.fields(Run))
EPOCH_METRICS = tuple(f.name for f in dataclasses.fields(Epoch) if f.name not in ("run_id", "epoch"))

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id() -> str:
    """Return a new unique id of 26 characters that sorts by creation time (the layout of a ULID).

    48 bits of milliseconds since 1970, then 80 random bits, in Crockford's base 32
    (https://github.com/ulid/spec).
    """
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))
