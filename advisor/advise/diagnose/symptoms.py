"""What a run's learning curve and its hyperparameters hyperparameters show, as numbers that compare across datasets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor.advise.recipes.rule import BASE_BATCH_SIZE, find_rule
from advisor.describe.model import describe_model
from advisor.errors import UsageError
from advisor.learn.table import Floats
from advisor.records.schema import Epoch, Run, Status


@dataclass(frozen=True)
class Symptoms:
    """Facts of one run; None where the record does not hold what a fact is made of.

    Attributes
    ----------
    unlearned : float or None
        What is left of the training loss at the end: 0 is the least that label smoothing allows, 1 is chance. Unknown
        under mixup and cutmix, whose least loss is unknown; 1 where the run diverged.
    falling : float or None
        Share of the epochs after the first in which the training loss fell.
    peak : float or None
        The worst evaluation loss of any epoch, in units of chance (the logarithm of the number of classes).
    gap : float or None
        Evaluation loss at the end in units of chance, minus ``unlearned``.
    swings : float or None
        Points of evaluation top-1 lost per epoch in epochs that made it worse, averaged over the second half.
    late_gain : float or None
        Points of evaluation top-1 by which the last fifth of the epochs is better than the fifth before it.
    lr_ratio : float or None
        Peak learning rate divided by what the fixed rule takes for this optimizer, model and batch size.
    dropout : float or None
        As trained.
    """

    unlearned: float | None = None
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
    train, evaluation = _series(epochs, "train_loss"), _series(epochs, "eval_loss")
    unlearned = _unlearned(run, train)
    chance = math.log(run.n_classes) if run.n_classes and run.n_classes > 1 else None
    known = chance is not None and len(evaluation) > 0
    return Symptoms(
        unlearned=unlearned,
        falling=float((np.diff(train) < 0).mean()) if len(train) > 1 else None,
        peak=float(evaluation.max() / chance) if known and chance else None,
        gap=float(evaluation[-1] / chance - unlearned) if known and chance and unlearned is not None else None,
        **_of_accuracy(_series(epochs, "eval_top1")),
        lr_ratio=_lr_ratio(run),
        dropout=run.dropout,
    )


def least_loss(n_classes: int, smoothing: float) -> float:
    """Return the least training loss under label smoothing: the entropy of the smoothed labels."""
    if smoothing <= 0 or n_classes < 2:
        return 0.0
    right, wrong = 1 - smoothing + smoothing / n_classes, smoothing / n_classes
    return -(right * math.log(right) + (n_classes - 1) * wrong * math.log(wrong))


def _series(epochs: Sequence[Epoch], name: str) -> Floats:
    values = [getattr(epoch, name) for epoch in epochs]
    return np.array([v for v in values if v is not None], dtype=np.float64)


def _unlearned(run: Run, train: Floats) -> float | None:
    if run.status is Status.DIVERGED or not np.isfinite(train).all():
        return 1.0
    if run.mixup or run.cutmix or not run.n_classes or run.n_classes < 2 or not len(train):
        return None
    least = least_loss(run.n_classes, run.label_smoothing or 0.0)
    return float((train[-1] - least) / (math.log(run.n_classes) - least))


def _of_accuracy(top1: Floats) -> dict[str, float | None]:
    n = len(top1)
    if n < 2:
        return {"swings": None, "late_gain": None}
    second_half = top1[max(0, n // 2 - 1) :]
    fifth = max(1, n // 5)
    return {
        "swings": float(np.maximum(-np.diff(second_half), 0).mean()),
        "late_gain": float(top1[-fifth:].mean() - top1[-2 * fifth : -fifth].mean()),
    }


def _lr_ratio(run: Run) -> float | None:
    if run.model is None or run.opt is None or not run.lr or not run.batch_size:
        return None
    try:
        attention = describe_model(run.model).is_transformer
        rule = find_rule(run.opt, pretrained=bool(run.pretrained), attention=attention)
    except UsageError:  # a model or an optimizer that there is no rule for
        return None
    return float(run.lr / (rule.lr * (run.batch_size / BASE_BATCH_SIZE) ** rule.exponent))
