"""What of a run and of a dataset leaves with a shared record, and nothing else: the schema of a pool.

A field that is not here does not leave: no name, path, host, time, script, argument, image or epoch. Ids are digests
that cannot be turned back, the same at every export, so that a run is counted once. Class names are never recorded.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from advisor.records.schema import Dataset, Pretraining, Run, Source, Status
from advisor.space.optimizers import optimizer_names

SCHEMA = "advisor.pool/1"

_SCHEDULES = ("cosine", "tanh", "step", "multistep", "plateau", "poly", "linear", "constant", "none")
_AUGMENT = re.compile(
    r"(?:none|flip-crop|timm|timm-default|custom|(?:rand|augmix|original|3a|v0)[a-z0-9.-]{0,40})(?:\+erase)?"
)
_DIGITS = 6

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
NotNegative = Annotated[float, Field(ge=0)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class SharedRun(_Row):
    """A run as it leaves: what decided its accuracy, and what came of it."""

    run: Id
    dataset: Id
    model: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,80}(\.[a-z0-9_]{1,80})?$")]
    pretrained: bool
    num_params: int | None = Field(None, ge=1)
    img_size: int | None = Field(None, ge=1, le=4096)
    opt: str
    lr: float = Field(gt=0, le=1e3)
    batch_size: int = Field(ge=1, le=1_000_000)
    epochs: int = Field(ge=1, le=100_000)
    dropout: Share
    weight_decay: float = Field(ge=0, le=10)
    sched: Literal[_SCHEDULES] | None = None  # type: ignore[valid-type]
    warmup_epochs: NotNegative | None = None
    min_lr: NotNegative | None = None
    drop_path: Share | None = None
    label_smoothing: Share | None = None
    mixup: NotNegative | None = None
    cutmix: NotNegative | None = None
    augment: Annotated[str, StringConstraints(pattern=f"^{_AUGMENT.pattern}$")] | None = None
    amp: bool | None = None
    ema: bool | None = None
    seed: int | None = None
    world_size: int | None = Field(None, ge=1)
    grad_accum_steps: int | None = Field(None, ge=1)
    status: Literal["FINISHED", "DIVERGED"]
    final_metric: Percent | None = None
    best_metric: Percent | None = None
    best_epoch: int | None = Field(None, ge=0)
    epochs_done: int = Field(ge=0)


class SharedDataset(_Row):
    """A dataset as it leaves: how many images and classes, and the numbers that describe them."""

    dataset: Id
    group: Id
    n_train: int = Field(ge=1)
    n_eval: int = Field(ge=0)
    n_classes: int = Field(ge=2)
    features: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,60}$")], float]
    features_version: int = Field(ge=1)


_SAME = tuple(name for name in SharedRun.model_fields if name not in ("run", "dataset", "sched", "augment", "status"))


def anonymous_id(kind: str, known: str) -> str:
    """Return what an id is called in a pool; whoever has the same images or run can tell that it is theirs."""
    return hashlib.sha256(f"{SCHEMA} {kind} {known}".encode()).hexdigest()[:24]


def shared_run(run: Run) -> SharedRun:
    """Return what leaves of a run.

    Raises
    ------
    ValueError
        If one of its values may not leave, such as the name of a network that is none of timm's.
    """
    if run.opt not in optimizer_names():
        raise ValueError("their optimizer is none that advice knows")
    if run.pretraining is Pretraining.OTHER:
        raise ValueError("they started from weights of their own")
    values = {name: getattr(run, name) for name in _SAME}
    return SharedRun.model_validate(
        {
            **{name: _rounded(value) if isinstance(value, float) else value for name, value in values.items()},
            "run": anonymous_id("run", run.run_id),
            "dataset": anonymous_id("dataset", str(run.dataset_id)),
            "sched": run.sched if run.sched in _SCHEDULES else None,
            "augment": run.augment if run.augment is None or _AUGMENT.fullmatch(run.augment) else "custom",
            "status": run.status.value,
        }
    )


def shared_dataset(dataset: Dataset) -> SharedDataset:
    """Return what leaves of a dataset; features of plugins, which have a dot in their name, stay."""
    return SharedDataset(
        dataset=anonymous_id("dataset", dataset.dataset_id),
        group=anonymous_id("group", dataset.group),
        n_train=dataset.n_train,
        n_eval=dataset.n_eval,
        n_classes=dataset.n_classes,
        features={name: _rounded(value) for name, value in sorted(dataset.features.items()) if "." not in name},
        features_version=dataset.features_version,
    )


def to_run(shared: SharedRun, dataset: Dataset) -> Run:
    """Return a shared run as evidence, on the dataset that it was trained on."""
    values = {name: getattr(shared, name) for name in (*_SAME, "sched", "augment")}
    diverged = shared.status == Status.DIVERGED.value and shared.final_metric is None
    return Run(
        run_id=shared.run,
        source=Source.COLLECT,
        status=Status(shared.status),
        dataset_id=dataset.dataset_id,
        dataset_name=dataset.name,
        n_train=dataset.n_train,
        n_eval=dataset.n_eval,
        n_classes=dataset.n_classes,
        metric=None if diverged else "eval_top1",
        metric_higher_is_better=None if diverged else True,
        **values,
    )


def to_dataset(shared: SharedDataset) -> Dataset:
    """Return a shared dataset, under a name that tells nothing."""
    values = {name: getattr(shared, name) for name in ("n_train", "n_eval", "n_classes", "features_version")}
    name = f"shared-{shared.dataset[:8]}"
    return Dataset(
        dataset_id=shared.dataset, name=name, group=f"shared-{shared.group}", features=dict(shared.features), **values
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
