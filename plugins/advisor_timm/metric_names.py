"""What scripts and trackers call their metrics: the one place that knows it, for every importer and for loops observed.

A name is read by its words, not looked up: ``eval_top1``, ``eval_prec1``, ``val/acc@1``, ``Val Accuracy``,
``test_acc1_ema`` and ``validAcc`` are all understood, and ``eval_f1`` is not.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

ACCURACIES = ("train_top1", "eval_top1", "eval_top5", "ema_eval_top1")
"""Metrics of ``Epoch`` that are accuracies, in percent."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+|\d+|[^\W\d_]+")
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("eval", "evaluation", "val", "valid", "validation"), "eval"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_AVERAGE = ("ema", "averaged")
_WITHOUT_MEANING = ("metrics", "metric", "epoch", "avg", "mean")
_ACCURACY = r"(?:acc|accuracy)"
_TOP = re.compile(rf"(?:top (\d)(?: {_ACCURACY})?|(?:{_ACCURACY}|prec|precision)(?: top)? (\d))")
_PLAIN = re.compile(rf"(?:(?:sparse )?categorical |multiclass )?{_ACCURACY}")
_RATE = re.compile(r"(?:lr|learning rate)(?: (?:adam ?w?|sgd))?(?: (?:pg|group) ?\d| 0)?")


@dataclass(frozen=True)
class MetricName:
    """What the name of a metric says.

    Attributes
    ----------
    measure : str
        ``loss``, ``lr``, ``top1`` or ``top5``.
    split : str or None
        ``train``, ``eval`` (validation) or ``test``; None if the name says none.
    is_average : bool
        Whether it is of the moving average of the weights.
    is_plain : bool
        Whether it is called accuracy only, as libraries do that count from 0 to 1, and not top-1.
    """

    measure: str
    split: str | None
    is_average: bool
    is_plain: bool


@functools.lru_cache(maxsize=4096)
def read_name(name: str) -> MetricName | None:
    """Return what the name of a metric says, or None if any of its words is not understood."""
    words = _WORD.findall(_CAMEL.sub(" ", name).lower())
    splits = {_SPLITS[word] for word in words if word in _SPLITS}
    if len(splits) > 1:
        return None
    rest = " ".join(word for word in words if word not in _SPLITS and word not in _AVERAGE + _WITHOUT_MEANING)
    measure = _measure(rest)
    if measure is None:
        return None
    is_plain = measure == "top1" and _PLAIN.fullmatch(rest) is not None
    return MetricName(measure, next(iter(splits), None), any(word in _AVERAGE for word in words), is_plain)


def columns(names: Iterable[str]) -> dict[str, str]:
    """Return which metrics of ``Epoch`` there are among these names, and under which name each.

    Where several names fit, a validation split goes before a test split, and a name that says top-1 before one that
    says accuracy. An accuracy without a split is the training's where the same is there of an evaluation.
    """
    ranked: dict[str, tuple[tuple[bool, bool], str]] = {}
    without_split: dict[str, str] = {}
    for name in names:
        said = read_name(name)
        if said is None:
            continue
        if said.split is None and said.measure != "lr":
            if not said.is_average:
                without_split.setdefault(said.measure, name)
            continue
        field = _field(said)
        rank = said.split == "test", said.is_plain
        if field is not None and (field not in ranked or rank < ranked[field][0]):
            ranked[field] = rank, name
    found = {field: name for field, (_, name) in ranked.items()}
    for measure, name in without_split.items():
        if measure in ("loss", "top1") and (measure == "loss" or "eval_top1" in found):
            found.setdefault(f"train_{measure}", name)
    return found


def is_plain(names: Iterable[str]) -> bool:
    """Return whether the accuracy among these names is called accuracy only, which in most libraries is at most 1."""
    found = columns(names)
    said = read_name(found.get("eval_top1") or found.get("ema_eval_top1") or "")
    return said is not None and said.is_plain


def is_evaluation(name: str) -> bool:
    """Return whether a name is of a validation or test split, whatever it measures."""
    words = _WORD.findall(_CAMEL.sub(" ", name).lower())
    return any(_SPLITS.get(word) in ("eval", "test") for word in words)


def _measure(words: str) -> str | None:
    if words == "loss":
        return "loss"
    if _RATE.fullmatch(words):
        return "lr"
    top = _TOP.fullmatch(words)
    if top is not None:
        number = top[1] or top[2]
        return f"top{number}" if number in ("1", "5") else None
    return "top1" if _PLAIN.fullmatch(words) else None


def _field(said: MetricName) -> str | None:
    if said.measure == "lr":
        return "lr" if said.split in (None, "train") else None
    if said.is_average:
        return "ema_eval_top1" if said.measure == "top1" and said.split != "train" else None
    if said.split == "train":
        return f"train_{said.measure}" if said.measure in ("loss", "top1") else None
    return f"eval_{said.measure}"
