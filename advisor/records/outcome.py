"""What came of a run: its status, best and final metric, from its fields, its epochs and how it ended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from advisor.records.interruption import is_interruption
from advisor.records.schema import Status

METRIC = "eval_top1"
_LOWER_IS_BETTER = ("eval_loss", "train_loss")
_MESSAGE_LENGTH = 500


def outcome(run: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]], ended: Status | None = None) -> dict[str, Any]:
    """Return the fields of a run that follow from its epochs and how it ended.

    Best and final metric are the raw model's top-1 accuracy on the evaluation split, never its moving average's;
    where there is none, the metric that the run itself selects by, if that is one of an epoch's.

    The status is, in this order,

    - DIVERGED, however the run ended, if ``diverged`` says so: many scripts stop themselves at a NaN loss;
    - ``ended``, if it is given: FAILED, INTERRUPTED or STALE;
    - INTERRUPTED if there is no epoch, or fewer were done than planned: timm's train.py swallows Ctrl-C and exits
      with status 0;
    - FINISHED.

    Parameters
    ----------
    run : mapping
        Fields of the run as known so far.
    epochs : sequence of mapping
        Its epochs in order, each with ``epoch`` and metrics of ``Epoch``.
    ended : Status, optional
        What ended it, if it did not come to its own end.

    Returns
    -------
    dict
        ``status`` and ``epochs_done``; ``metric``, ``metric_higher_is_better``, ``best_metric``, ``best_epoch`` and
        ``final_metric`` where there are any.
    """
    done = epochs_done(run, epochs)
    planned = run.get("epochs")
    if diverged(run, epochs):
        status = Status.DIVERGED
    elif ended is not None:
        status = ended
    elif not epochs or (planned is not None and done < planned):
        status = Status.INTERRUPTED
    else:
        status = Status.FINISHED
    return {"status": status, "epochs_done": done, **_metrics(run, epochs)}


def epochs_done(run: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> int:
    """Return for how many epochs the model was trained, those before it was resumed included.

    Epochs without evaluation may be left out of the records, so the last one's number counts. Numbers begin with 0;
    with 1 where the first epoch of a run that resumes nothing is 1.
    """
    if not epochs:
        return 0
    resumes = run.get("resumed_from") or (run.get("extra") or {}).get("resume")
    from_one = epochs[0]["epoch"] == 1 and not resumes
    return int(epochs[-1]["epoch"]) + (0 if from_one else 1)


def diverged(run: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a training came apart.

    It did if its last training loss, or its last evaluation loss, is not finite. And it did if it ends at chance
    level after its loss diverged. Chance level is 100 / classes percent, and two standard errors of the accuracy of
    guessing above it (or half as much again, where the size of the evaluation split is unknown). A loss diverged if
    it ends above 1.5 times its lowest value, or ever exceeded twice the cross-entropy of guessing: ln(classes), or
    ln(outputs) of a model with more outputs than classes. Pretrained weights under a new classifier may begin far above
    that; there it must also have risen to it, to twice an earlier epoch's.
    A run that never left chance with a steady or falling loss did not diverge: it learned nothing.
    """
    training = _values(epochs, "train_loss")
    evaluation = _values(epochs, "eval_loss")
    if any(losses and not math.isfinite(losses[-1]) for losses in (training, evaluation)):
        return True
    losses = [loss for loss in training or evaluation if math.isfinite(loss)]
    scores = _values(epochs, METRIC)
    classes = run.get("n_classes")
    if not losses or not scores or not classes or classes < 2:
        return False
    outputs = (run.get("extra") or {}).get("model_num_classes")
    guessing = math.log(max(classes, outputs) if isinstance(outputs, int) else classes)
    chance = 1 / classes
    n_eval = run.get("n_eval")
    margin = 2 * math.sqrt(chance * (1 - chance) / n_eval) if n_eval else chance / 2
    at_chance = not scores[-1] > 100 * (chance + margin)
    lowest = accumulate(losses, min, initial=losses[0] if run.get("pretrained") else 0.0)
    exceeded = any(loss > 2 * max(guessing, before) for loss, before in zip(losses, lowest, strict=False))
    return at_chance and (losses[-1] > 1.5 * min(losses) or exceeded)


def ended_by(error: BaseException | str | None) -> tuple[Status | None, str | None]:
    """Return what the exception that ended a run means for its status, and its message in one line.

    Nothing, and an exit that reports success, mean that the run came to its own end: both are None.
    """
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return None, None
    message = error if isinstance(error, str) else f"{type(error).__name__}: {_text(error)}"
    message = " ".join(message.split()).removesuffix(":")
    status = Status.INTERRUPTED if isinstance(error, KeyboardInterrupt) else Status.FAILED
    return status, message if len(message) <= _MESSAGE_LENGTH else f"{message[:_MESSAGE_LENGTH]}..."


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as raised:  # isolation: how the script's own exceptions become text is the script's
        if is_interruption(raised):
            raise
        return "(its message cannot be shown)"


def is_out_of_memory(message: str) -> bool:
    """Return whether an error's message is PyTorch's, CUDA's or Python's way of saying that memory ran out."""
    message = message.lower()
    signs = ("out of memory", "outofmemory", "can't allocate memory", "cannot allocate memory", "memoryerror")
    return any(sign in message for sign in signs)


def _metrics(run: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    metric = METRIC if _values(epochs, METRIC) or run.get("metric") is None else str(run["metric"])
    scored = [(epoch[metric], epoch["epoch"]) for epoch in epochs if epoch.get(metric) is not None]
    if not scored:
        return {}
    lower = metric in _LOWER_IS_BETTER
    finite = [pair for pair in scored if math.isfinite(pair[0])]
    # Of equal epochs the first: the later ones cost more.
    best = (min if lower else max)(finite, key=lambda pair: pair[0], default=(None, None))
    return {
        "metric": metric,
        "metric_higher_is_better": not lower,
        "best_metric": best[0],
        "best_epoch": best[1],
        "final_metric": scored[-1][0],
    }


def _values(epochs: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [epoch[name] for epoch in epochs if epoch.get(name) is not None]
