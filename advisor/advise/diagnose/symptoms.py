"""What a run's learning curve and its hyperparameters show, as numbers that compare across datasets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.advise.recipes.rule import BASE_BATCH_SIZE, find_rule
from advisor.describe.model import describe_model
from advisor.errors import UsageError
from advisor.learn.curves import least_loss
from advisor.learn.table import Floats
from advisor.records.schema import Epoch, Run, Status

_STILL_HIGH = 0.6
"""A learning rate above this share of its highest has not come down; a cosine over two epochs ends at a half."""


@dataclass(frozen=True)
class Symptoms:
    """Facts of one run; None where the record does not hold what a fact is made of.

    A curve that is cut, or not a number in places, shows none of what is read off a curve.

    Attributes
    ----------
    unlearned : float or None
        What is left of the training loss at the end: 0 is the least that label smoothing allows, 1 is chance. Unknown
        under mixup and cutmix, whose least loss is unknown; 1 where the run diverged.
    reached : float or None
        How far the evaluation top-1 came at the end: 0 is guessing, 1 is all right; 0 where the run diverged. A few
        images that a pretrained model gets badly wrong lift the loss above that of guessing; it alone does not tell.
    falling : float or None
        Share of the epochs after the first in which the training loss fell.
    peak : float or None
        The worst evaluation loss of any epoch, in units of chance (the logarithm of the number of classes).
    gap : float or None
        Evaluation loss at the end in units of chance, minus ``unlearned``.
    swings : float or None
        Points of evaluation top-1 lost per epoch in epochs that made it worse, averaged over the second half.
    late_gain : float or None
        Points of evaluation top-1 by which the last fifth of the epochs is better than the fifth before it; unknown
        where the learning rate had not come down by then.
    lr_ratio : float or None
        Peak learning rate divided by what the fixed rule takes for this optimizer, model and batch size.
    dropout : float or None
        As trained.
    """

    unlearned: float | None = None
    reached: float | None = None
    falling: float | None = None
    peak: float | None = None
    gap: float | None = None
    swings: float | None = None
    late_gain: float | None = None
    lr_ratio: float | None = None
    dropout: float | None = None


def symptoms_of(run: Run, epochs: Sequence[Epoch]) -> Symptoms:
    """Return what a run shows.

    Parameters
    ----------
    run : Run
        The run.
    epochs : sequence of Epoch
        Its epochs in order.
    """
    of_values = Symptoms(lr_ratio=_lr_ratio(run), dropout=run.dropout)
    if came_apart(run, epochs):
        return replace(of_values, unlearned=1.0, reached=0.0)
    if is_cut(run) or epochs_without_loss(epochs):
        return of_values
    train, evaluation = _series(epochs, "train_loss"), _series(epochs, "eval_loss")
    unlearned = _unlearned(run, train)
    chance = math.log(run.n_classes) if run.n_classes and run.n_classes > 1 else None
    known = chance is not None and len(evaluation) > 0
    return replace(
        of_values,
        unlearned=unlearned,
        reached=_reached(run, _series(epochs, "eval_top1")),
        falling=float((np.diff(train) < 0).mean()) if len(train) > 1 else None,
        peak=float(evaluation.max() / chance) if known and chance else None,
        gap=float(evaluation[-1] / chance - unlearned) if known and chance and unlearned is not None else None,
        swings=_swings(_series(epochs, "eval_top1")),
        late_gain=_late_gain(_series(epochs, "eval_top1")) if lr_came_down(epochs) else None,
    )


def came_apart(run: Run, epochs: Sequence[Epoch]) -> bool:
    """Return whether a training diverged: by its record, or because its last loss is not a number."""
    return run.status is Status.DIVERGED or any(
        len(losses) > 0 and not math.isfinite(losses[-1])
        for losses in (_series(epochs, "train_loss"), _series(epochs, "eval_loss"))
    )


def is_cut(run: Run) -> bool:
    """Return whether a run ended, or still goes on, before the end that was planned."""
    return run.status in (Status.RUNNING, Status.INTERRUPTED, Status.FAILED, Status.STALE)


def epochs_without_loss(epochs: Sequence[Epoch]) -> list[int]:
    """Return the epochs in which a loss is not a finite number, or is missing though the rest tells that there was one.

    The store keeps no NaN: what was not a number comes back from it as missing. Epochs without evaluation are ordinary.
    """
    trained = any(epoch.train_loss is not None for epoch in epochs)
    evaluated = any(epoch.eval_loss is not None for epoch in epochs)
    return [
        epoch.epoch
        for epoch in epochs
        if has_nan(epoch)
        or (trained and epoch.train_loss is None)
        or (evaluated and epoch.eval_loss is None and epoch.eval_top1 is not None)
    ]


def has_nan(epoch: Epoch) -> bool:
    """Return whether a loss or the accuracy of an epoch is recorded and is not a finite number."""
    recorded = (epoch.train_loss, epoch.eval_loss, epoch.eval_top1)
    return any(value is not None and not math.isfinite(value) for value in recorded)


def lr_came_down(epochs: Sequence[Epoch]) -> bool:
    """Return whether the learning rate of the last epoch is low beside the highest; True where it is not recorded."""
    rates = _series(epochs, "lr")
    return len(rates) < 2 or bool(rates[-1] <= _STILL_HIGH * rates.max())


def _series(epochs: Sequence[Epoch], name: str) -> Floats:
    values = [getattr(epoch, name) for epoch in epochs]
    return np.array([v for v in values if v is not None], dtype=np.float64)


def _unlearned(run: Run, train: Floats) -> float | None:
    if run.mixup or run.cutmix or not run.n_classes or run.n_classes < 2 or not len(train):
        return None
    least = least_loss(run.n_classes, run.label_smoothing or 0.0)
    return float((train[-1] - least) / (math.log(run.n_classes) - least))


def _reached(run: Run, top1: Floats) -> float | None:
    if not run.n_classes or run.n_classes < 2 or not len(top1):
        return None
    chance = 100 / run.n_classes
    return float((top1[-1] - chance) / (100 - chance))


def _swings(top1: Floats) -> float | None:
    if len(top1) < 2:
        return None
    second_half = top1[max(0, len(top1) // 2 - 1) :]
    return float(np.maximum(-np.diff(second_half), 0).mean())


def _late_gain(top1: Floats) -> float | None:
    if len(top1) < 2:
        return None
    fifth = max(1, len(top1) // 5)
    return float(top1[-fifth:].mean() - top1[-2 * fifth : -fifth].mean())


def _lr_ratio(run: Run) -> float | None:
    if run.model is None or run.opt is None or not run.lr or not run.batch_size:
        return None
    try:
        attention = describe_model(run.model).is_transformer
        rule = find_rule(run.opt, pretrained=bool(run.pretrained), attention=attention)
    except UsageError:  # a model or an optimizer that there is no rule for
        return None
    return float(run.lr / (rule.lr * (run.batch_size / BASE_BATCH_SIZE) ** rule.exponent))
