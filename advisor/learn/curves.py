"""What a run shows so far, as numbers that compare across datasets, lengths and schedules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from advisor.learn.table import Floats
from advisor.records.outcome import epochs_done
from advisor.records.schema import Epoch, Pretraining, Run
from advisor.space.optimizers import FAMILIES

COLUMNS = (
    "log_epochs",
    "log_epochs_left",
    "share_done",
    "lr_left",
    "lr_now",
    "last",
    "epochs_since_last",
    "best",
    "first",
    "slope",
    "slope_of_four",
    "second_half",
    "swing",
    "drop",
    "loss",
    "loss_slope",
    "loss_first",
    "loss_most",
    "loss_least",
    "loss_second_half",
    "eval_loss",
    "eval_loss_most",
    "eval_loss_least",
    "log_classes",
    "log_n_train",
    "log_n_eval",
    "log_steps",
    "log_lr",
    "log_batch_size",
    "log_params",
    "sgd",
    "start",
)
"""What the curve model looks at. Accuracies count from chance (0) to 1, losses from the least (0) to chance (1)."""
_STARTS = {Pretraining.NONE: 0.0, Pretraining.OTHER: 1.0, Pretraining.IMAGENET: 2.0}
_CONSTANT = ("none", "constant")
_COSINE = ("cosine",)
_POINTS = 64
"""Points at which a schedule is averaged."""


def _nothing() -> Floats:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The epochs of a run so far, and what of it tells how they go on.

    Attributes
    ----------
    planned : int
        Epochs that are to be trained.
    top1 : ndarray of shape (done,)
        Accuracy on the evaluation split in percent, an entry an epoch; NaN where it is unknown.
    train_loss, eval_loss : ndarray of shape (done,), or empty
        Mean cross-entropies; NaN where one is unknown.
    n_classes, n_train, n_eval, num_params, batch_size : int or None
        Of the dataset, the model and the training; None where unknown.
    lr : float or None
        Peak learning rate.
    opt : str or None
        timm's name of the optimizer.
    start : Pretraining
        What the weights were trained on.
    sched : str or None
        timm's name of the schedule; a cosine, where unknown.
    warmup_epochs, min_lr : float
        Start and end of the schedule.
    label_smoothing : float
        As timm's train.py takes it.
    mixed : bool
        Whether images are mixed (mixup, cutmix): what the training loss may come down to is then unknown.
    """

    planned: int
    top1: Floats
    train_loss: Floats = field(default_factory=_nothing)
    eval_loss: Floats = field(default_factory=_nothing)
    n_classes: int | None = None
    n_train: int | None = None
    n_eval: int | None = None
    num_params: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    opt: str | None = None
    start: Pretraining = Pretraining.NONE
    sched: str | None = None
    warmup_epochs: float = 0.0
    min_lr: float = 0.0
    label_smoothing: float = 0.0
    mixed: bool = False

    @property
    def done(self) -> int:
        """Epochs trained."""
        return len(self.top1)

    @property
    def chance(self) -> float:
        """Accuracy of guessing in percent; 0 where the number of classes is unknown, or there is nothing to guess."""
        return 100.0 / self.n_classes if self.n_classes and self.n_classes > 1 else 0.0

    @property
    def last(self) -> float:
        """The last known accuracy in percent; NaN where none is."""
        known = self.top1[np.isfinite(self.top1)]
        return float(known[-1]) if len(known) else math.nan

    @property
    def comes_down(self) -> bool:
        """Whether the learning rate rises for a part of the epochs and then falls as a cosine, as in recorded runs."""
        sched = (self.sched or _COSINE[0]).lower()
        return sched in _COSINE and self.warmup_epochs < self.planned

    def on_a_cosine(self) -> Curve:
        """Return the same curve as if its learning rate had come down, and would go on to, as in recorded runs."""
        return replace(self, sched=None, warmup_epochs=0.0)

    def lr_shares(self, at: Floats) -> Floats:
        """Return the learning rate after so many epochs as a share of its peak: linear warm-up, then the schedule."""
        floor = min(1.0, self.min_lr / self.lr) if self.lr else 0.0
        falling = floor + (1 - floor) * 0.5 * (1 + np.cos(np.pi * np.clip(at / self.planned, 0, 1)))
        after = np.ones_like(at) if (self.sched or "").lower() in _CONSTANT else falling
        return np.where(at < self.warmup_epochs, at / max(self.warmup_epochs, 1e-9), after)

    def features(self) -> list[float]:
        """Return what the curve model looks at, in the order of ``COLUMNS``; NaN where something is unknown."""
        left = self.planned - self.done
        middles = (np.arange(_POINTS) + 0.5) / _POINTS
        ahead, all_in_all = (self.lr_shares(at).mean() for at in (self.done + left * middles, self.planned * middles))
        values = {
            "log_epochs": math.log2(self.planned),
            "log_epochs_left": math.log2(max(left, 1)),
            "share_done": self.done / self.planned,
            "lr_left": float(ahead * left / max(all_in_all * self.planned, 1e-9)),
            "lr_now": float(self.lr_shares(np.array([float(self.done)]))[0]),
            "log_classes": _log2(self.n_classes),
            "log_n_train": _log2(self.n_train),
            "log_n_eval": _log2(self.n_eval),
            "log_steps": _log2(self._steps()),
            "log_lr": _log2(self.lr),
            "log_batch_size": _log2(self.batch_size),
            "log_params": _log2(self.num_params),
            "sgd": math.nan if self.opt is None else float(self.opt.lower() in FAMILIES["sgd"]),
            "start": _STARTS[self.start],
            **self._of_accuracies(),
            **self._of_losses(),
        }
        return [values.get(name, math.nan) for name in COLUMNS]

    def _of_accuracies(self) -> dict[str, float]:
        at, skill = _known((self.top1 - self.chance) / (100 - self.chance))
        if not len(skill):
            return {}
        values = {
            "last": skill[-1],
            "epochs_since_last": float(self.done - 1 - at[-1]),
            "best": skill.max(),
            "first": skill[0],
        }
        if len(skill) > 1:
            steps = np.diff(skill) / np.diff(at)
            values |= {
                "slope": steps[-1],
                "slope_of_four": (skill[-1] - skill[-4:][0]) / (at[-1] - at[-4:][0]),
                "second_half": skill[-1] - skill[(len(skill) - 1) // 2],
                "swing": np.abs(steps[-4:]).mean(),
                "drop": max(0.0, -steps.min()),
            }
        return {name: float(value) for name, value in values.items()}

    def _of_losses(self) -> dict[str, float]:
        if not self.n_classes or self.n_classes < 2:
            return {}
        chance = math.log(self.n_classes)
        values: dict[str, float] = {}
        least = least_loss(self.n_classes, self.label_smoothing)
        at, losses = _known((self.train_loss - least) / (chance - least))
        if len(losses) and not self.mixed:
            values |= {
                "loss": losses[-1],
                "loss_first": losses[0],
                "loss_most": losses.max(),
                "loss_least": losses.min(),
            }
            if len(losses) > 1:
                values["loss_slope"] = (losses[-1] - losses[-2]) / (at[-1] - at[-2])
                values["loss_second_half"] = losses[-1] - losses[(len(losses) - 1) // 2]
        _, losses = _known(self.eval_loss / chance)
        if len(losses):
            values |= {"eval_loss": losses[-1], "eval_loss_most": losses.max(), "eval_loss_least": losses.min()}
        return {name: float(value) for name, value in values.items()}

    def _steps(self) -> float | None:
        if not self.n_train or not self.batch_size:
            return None
        return self.done * max(1, self.n_train // self.batch_size)


def curve_of(run: Run, epochs: Sequence[Epoch]) -> Curve | None:
    """Return the curve of a recorded run; None where it cannot be told how many epochs were planned or trained.

    Parameters
    ----------
    run : Run
        The run.
    epochs : sequence of Epoch
        Its epochs in order; those of before it was resumed may be missing.
    """
    done = epochs_done(vars(run), [{"epoch": epoch.epoch} for epoch in epochs])
    if not run.epochs or not 1 <= done <= run.epochs:
        return None
    first = epochs[-1].epoch + 1 - done
    return Curve(
        planned=run.epochs,
        top1=_series(epochs, "eval_top1", first, done),
        train_loss=_series(epochs, "train_loss", first, done),
        eval_loss=_series(epochs, "eval_loss", first, done),
        n_classes=run.n_classes,
        n_train=run.n_train,
        n_eval=run.n_eval,
        num_params=run.num_params,
        batch_size=run.batch_size,
        lr=run.lr,
        opt=run.opt,
        start=run.pretraining,
        sched=run.sched,
        warmup_epochs=run.warmup_epochs or 0.0,
        min_lr=run.min_lr or 0.0,
        label_smoothing=run.label_smoothing or 0.0,
        mixed=bool(run.mixup or run.cutmix),
    )


def least_loss(n_classes: int, smoothing: float) -> float:
    """Return the least training loss under label smoothing: the entropy of the smoothed labels."""
    if smoothing <= 0 or n_classes < 2:
        return 0.0
    right, wrong = 1 - smoothing + smoothing / n_classes, smoothing / n_classes
    return -(right * math.log(right) + (n_classes - 1) * wrong * math.log(wrong))


def _series(epochs: Sequence[Epoch], name: str, first: int, done: int) -> Floats:
    values = np.full(done, np.nan)
    for epoch in epochs:
        value = getattr(epoch, name)
        if value is not None and math.isfinite(value) and epoch.epoch >= first:
            values[epoch.epoch - first] = value
    return values


def _known(values: Floats) -> tuple[Floats, Floats]:
    """Return where a series is known, and its values there."""
    at = np.flatnonzero(np.isfinite(values))
    return at.astype(np.float64), values[at]


def _log2(value: float | None) -> float:
    # The last bits depend on the processor, and the trees grown on them would too.
    return round(math.log2(value), 9) if value and value > 0 else math.nan
