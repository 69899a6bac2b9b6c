"""Whether the accuracies of past epochs are percentages, and whether the epochs can be recorded at all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from advisor_timm.metric_names import ACCURACIES, is_evaluation

_FRACTIONS = "accuracies from 0 to 1 were taken as fractions"
_BEYOND = "top-5 or training accuracies outside 0 to 100 percent are left out"
_SURER = 5.0
"""A network that gives the true class a probability p, as its loss says, is right in about p of the cases or more. One
that many times surer than right, and than guessing, cannot be."""
_EVEN_ODDS = 0.5
"""The probability that proves this where the number of classes is unknown."""


def in_percent(
    rows: Sequence[dict[str, Any]], n_classes: int | None, *, by_custom: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return epochs with their accuracies in percent, and notes on what was taken otherwise than it stands there.

    A top-5 or training accuracy outside 0 to 100 becomes unknown. An evaluation's accuracies are fractions if none
    exceeds 1, and if that is the custom, or if as percentages they would lie below half of what guessing gives although
    the loss is better than that of guessing.

    Parameters
    ----------
    rows : sequence of dict
        With metrics of ``Epoch``; not changed.
    n_classes : int, optional
        Number of classes, if it is known.
    by_custom : bool
        Whether fractions are usual where these come from.
    """
    sound = [{name: value for name, value in row.items() if not _is_nonsense(name, value)} for row in rows]
    notes = [_BEYOND] if sound != list(rows) else []
    scores = _scores(sound)
    if not scores or max(scores) > 1 or not (by_custom or _below_guessing(sound, max(scores), n_classes)):
        return sound, notes
    # Whatever exceeds 1 beside them is a percentage already.
    fractions = [name for name in ACCURACIES if max(_finite(sound, name), default=2.0) <= 1]
    scaled = [
        {name: 100 * value if name in fractions and value is not None else value for name, value in row.items()}
        for row in sound
    ]
    return scaled, [*notes, _FRACTIONS]


def problem(rows: Iterable[dict[str, Any]], names: Iterable[str], n_classes: int | None = None) -> str | None:
    """Return why the epochs cannot be recorded, or None if they can.

    They must have a top-1 accuracy on an evaluation split, in percent. One of at most 1 throughout, beside an
    evaluation loss that gives the true class a far higher probability, can only be a fraction.
    """
    rows = list(rows)
    if not rows:
        return "no finished epoch"
    if all(row.get("eval_top1") is None and row.get("ema_eval_top1") is None for row in rows):
        others = sorted(name for name in names if is_evaluation(name) and "loss" not in name.lower())
        if others:
            return f"no top-1 accuracy; it was evaluated by {', '.join(others)}"
        return "no evaluation accuracy, as in pretraining or with an empty evaluation split"
    values = [value for name in ACCURACIES for value in _finite(rows, name)]
    if any(not 0 <= value <= 100 for value in values):
        return "an accuracy lies outside 0 to 100 percent"
    scores = _scores(rows)
    if scores and max(scores) <= 1 and any(_surer_than_right(row, n_classes) for row in rows):
        return "accuracies of at most 1 beside a small loss: fractions, not percent"
    return None


def _is_nonsense(name: str, value: Any) -> bool:
    return name in ("train_top1", "eval_top5") and value is not None and not 0 <= value <= 100


def _scores(rows: Sequence[dict[str, Any]]) -> list[float]:
    return _finite(rows, "eval_top1") or _finite(rows, "ema_eval_top1")


def _finite(rows: Sequence[dict[str, Any]], name: str) -> list[float]:
    return [row[name] for row in rows if row.get(name) is not None and math.isfinite(row[name])]


def _below_guessing(rows: Sequence[dict[str, Any]], best: float, n_classes: int | None) -> bool:
    if n_classes is None or n_classes < 2 or not best < 100 / n_classes / 2:
        return False
    if all(row.get("eval_loss") is None for row in rows):
        return True
    return min(_finite(rows, "eval_loss"), default=math.inf) < math.log(n_classes)


def _surer_than_right(row: dict[str, Any], n_classes: int | None) -> bool:
    score, loss = row.get("eval_top1"), row.get("eval_loss")
    if not score or loss is None or not loss >= 0:
        return False
    guessing = 1 / n_classes if n_classes else _EVEN_ODDS
    return bool(math.exp(-loss) > max(_SURER * score / 100, min(_SURER * guessing, _EVEN_ODDS)))
