"""What came of a run: its status, best and final metric, from its epochs and how it ended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from advisor.records.schema import Status

METRIC = "eval_top1"
RISEN = 1.2
"""A last training loss of so many times the first is no noise: one that learns nothing stays at its first."""


def outcome(run: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields of a run that follow from its epochs.

    The metric is the raw model's top-1 accuracy on the evaluation split, never its moving average's. A run that
    ended by itself is

    - DIVERGED if a training loss is not finite, or if it ends within half of chance above chance (100 / classes
      percent) with a training loss well above that of its first epoch;
    - INTERRUPTED if its last epoch is not the last planned one: training scripts swallow Ctrl-C and exit with
      status 0, and a resumed run has fewer epochs of its own than were planned;
    - FINISHED otherwise.

    Parameters
    ----------
    run : mapping
        Fields of the run as known so far.
    epochs : sequence of mapping
        Its epochs in order, with the metrics of ``Epoch``.

    Returns
    -------
    dict
        ``status``, ``metric``, ``metric_higher_is_better``, ``best_metric``, ``best_epoch``, ``final_metric`` and
        ``epochs_done``; metrics only where there are any.
    """
    fields: dict[str, Any] = {"epochs_done": len({epoch["epoch"] for epoch in epochs})}
    scored = [(e[METRIC], e["epoch"]) for e in epochs if e.get(METRIC) is not None and math.isfinite(e[METRIC])]
    if scored:
        best, best_epoch = max(scored, key=lambda pair: pair[0])
        fields |= {"best_metric": best, "best_epoch": best_epoch, "final_metric": scored[-1][0]}
        fields |= {"metric": METRIC, "metric_higher_is_better": True}
    planned = run.get("epochs")
    if diverged(run, epochs):
        fields["status"] = Status.DIVERGED
    elif planned is not None and max((epoch["epoch"] for epoch in epochs), default=-1) + 1 < planned:
        fields["status"] = Status.INTERRUPTED
    else:
        fields["status"] = Status.FINISHED
    return fields


def diverged(run: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the training loss left the finite numbers, or rose well above where it began, at chance."""
    losses = [epoch["train_loss"] for epoch in epochs if epoch.get("train_loss") is not None]
    if any(not math.isfinite(loss) for loss in losses):
        return True
    scores = [epoch[METRIC] for epoch in epochs if epoch.get(METRIC) is not None]
    classes = run.get("n_classes")
    if len(losses) < 2 or not scores or not classes:
        return False
    at_chance = not scores[-1] > 1.5 * 100 / classes
    return at_chance and losses[-1] > RISEN * losses[0]


def outcome_of_exception(error: BaseException | str | None) -> tuple[Status | None, str | None]:
    """Return the status that what ended a run gives it, and the last line of its message.

    Without an exception, or with a ``SystemExit`` that reports success, both are None: the epochs decide.
    """
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return None, None
    if isinstance(error, KeyboardInterrupt):
        return Status.INTERRUPTED, None
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return Status.FAILED, text.strip().rpartition("\n")[2]


def is_out_of_memory(error: BaseException | str) -> bool:
    """Return whether an exception, or its text, is Python's, PyTorch's or CUDA's way of saying that memory ran out."""
    text = error.lower() if isinstance(error, str) else f"{type(error).__name__}: {error}".lower()
    return any(sign in text for sign in ("out of memory", "outofmemory", "can't allocate memory", "memoryerror"))
