"""During a run: where it will end, and whether it has come apart or cannot become good."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.advise.diagnose.symptoms import epochs_without_loss
from advisor.learn.curve_model import CurveModel
from advisor.learn.curves import Curve, curve_of
from advisor.records.outcome import diverged
from advisor.records.schema import Epoch, Run, Status, StoredSuggestion

LEVEL = 0.8
"""Nominal coverage of the interval."""
SURE = 0.95
"""A run cannot become good where so large a share of the runs like it ended below what is good."""
LITTLE = 0.1
"""Where nothing else tells what is good, a run has to come so far from chance towards 100 %."""

_ROSE = 1.5
"""A loss has risen that is so many times as high as it was."""

COME_APART = "come apart"
COMING_APART = "may be coming apart"
HOPELESS = "cannot become good"
ON_COURSE = "on course"


@dataclass(frozen=True)
class Goal:
    """What a run has to reach to be good.

    Attributes
    ----------
    top1 : float
        Final accuracy in percent.
    meaning : str
        What that is, to follow "good is 91.0 %, ".
    """

    top1: float
    meaning: str


@dataclass(frozen=True)
class Expected:
    """The final accuracy to be expected in percent, and the interval that holds it at a nominal level."""

    top1: float
    low: float
    high: float
    level: float = LEVEL


@dataclass(frozen=True)
class Alarm:
    """Something for which one would stop a run.

    Attributes
    ----------
    name : str
        ``COME_APART``, ``COMING_APART`` or ``HOPELESS``.
    meaning : str
        What tells, with its numbers, in one sentence without a full stop.
    """

    name: str
    meaning: str


@dataclass(frozen=True)
class Outlook:
    """What is to be expected of a run.

    Attributes
    ----------
    run : Run
        The run.
    done : int
        Epochs it has been trained for.
    top1 : float or None
        The last known accuracy in percent.
    expected : Expected or None
        The final accuracy; None for a run that has ended, and where nothing can be said.
    alarms : tuple of Alarm
        What is wrong, the worst first.
    notes : tuple of str
        What the forecast takes for granted, or why there is none.
    """

    run: Run
    done: int
    top1: float | None = None
    expected: Expected | None = None
    alarms: tuple[Alarm, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The worst alarm; else ``on course``, or the status of a run that has ended."""
        if self.alarms:
            return self.alarms[0].name
        return ON_COURSE if self.run.status is Status.RUNNING else self.run.status.value.lower()


def goal_of(run: Run, others: Iterable[Run], suggestion: StoredSuggestion | None = None) -> Goal | None:
    """Return what a run is measured by: the best of the user's runs like it, else what the advice it follows expects.

    Parameters
    ----------
    run : Run
        The run.
    others : iterable of Run
        Recorded runs. Those of the same images, model and kind of weights count that have come to their end.
    suggestion : StoredSuggestion, optional
        The advice that the run follows.
    """
    reached = [(float(other.final_metric or 0.0), other) for other in others if _is_alike(other, run)]
    if reached:
        top1, best = max(reached, key=lambda pair: pair[0])
        return Goal(top1, f"which your run {best.name or best.run_id} reached")
    try:
        low = float(suggestion.suggestion["suggestions"][0]["expected"]["low"]) if suggestion else math.nan
    except (KeyError, IndexError, TypeError, ValueError):  # advice of another version, or that expects nothing
        low = math.nan
    return Goal(low, "the least that the advice it follows expects") if math.isfinite(low) else None


def _is_alike(other: Run, run: Run) -> bool:
    if other.run_id == run.run_id or other.status is not Status.FINISHED or other.metric != "eval_top1":
        return False
    if other.final_metric is None or not math.isfinite(other.final_metric):
        return False
    if other.extra.get("scored_on_training_images"):
        return False
    same = other.dataset_id == run.dataset_id if run.dataset_id and other.dataset_id else _same_folder(other, run)
    return (
        same
        and str(other.model).partition(".")[0] == str(run.model).partition(".")[0]
        and other.pretraining is run.pretraining
        and all(
            None in (theirs, ours) or theirs == ours
            for theirs, ours in ((other.n_classes, run.n_classes), (other.n_eval, run.n_eval))
        )
    )


def _same_folder(other: Run, run: Run) -> bool:
    folder = run.extra.get("dataset_root")
    return folder is not None and other.extra.get("dataset_root") == folder


def outlook_of(run: Run, epochs: Sequence[Epoch], model: CurveModel, goal: Goal | None = None) -> Outlook:
    """Return what is to be expected of a run.

    Parameters
    ----------
    run : Run
        The run.
    epochs : sequence of Epoch
        Its epochs in order, with the numbers that are none where they can be told.
    model : CurveModel
        What recorded curves say.
    goal : Goal, optional
        What is good.
    """
    curve = curve_of(run, epochs)
    apart = _apart(run, epochs, curve)
    top1 = next((e.eval_top1 for e in reversed(epochs) if e.eval_top1 is not None and math.isfinite(e.eval_top1)), None)
    if run.status is not Status.RUNNING:
        done = run.epochs_done
        return Outlook(run, done, run.final_metric if top1 is None else top1, alarms=apart)
    done = curve.done if curve else len(epochs)
    if curve is None or top1 is None or curve.done >= curve.planned:
        return Outlook(run, done, top1, alarms=apart, notes=_why_none(run, epochs, curve))
    low, middle, high, most = model.quantiles([curve], [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2, SURE])[0]
    alarms = [*apart]
    has_come_apart = any(alarm.name == COME_APART for alarm in apart)
    needed, meaning = (goal.top1, goal.meaning) if goal else _little(curve)
    if most < needed and not has_come_apart:
        ended = f"{SURE * 100:.0f} % of recorded runs like it ended below {most:.1f} %"
        alarms.append(Alarm(HOPELESS, f"{ended}; good is {needed:.1f} %, {meaning}"))
    return Outlook(
        run,
        done,
        top1,
        None if has_come_apart else Expected(float(middle), float(low), float(high)),
        tuple(alarms),
        _assumed(curve, model),
    )


def _near_chance(curve: Curve) -> float:
    return curve.chance + LITTLE * (100 - curve.chance)


def _little(curve: Curve) -> tuple[float, str]:
    return _near_chance(curve), f"a tenth of the way up from chance, {curve.chance:.1f} %"


def _apart(run: Run, epochs: Sequence[Epoch], curve: Curve | None) -> tuple[Alarm, ...]:
    if run.status is Status.DIVERGED:
        return (Alarm(COME_APART, "its loss rose, or is not a number, and nothing is left of what it had learned"),)
    if not epochs:
        return ()
    last = epochs[-1]
    if last.epoch in epochs_without_loss(epochs):
        meaning = f"the loss of epoch {last.epoch} is not a number"
        # Weights that are no numbers guess; under mixed precision one batch may overflow and leave them as they were.
        if curve is not None and last.eval_top1 is not None and last.eval_top1 > _near_chance(curve):
            return (Alarm(COMING_APART, f"{meaning}, though its accuracy of {last.eval_top1:.1f} % is still there"),)
        return (Alarm(COME_APART, meaning),)
    if fell_back(vars(run), [vars(epoch) for epoch in epochs]):
        return (Alarm(COMING_APART, "its loss rose, and its accuracy is that of guessing"),)
    return ()


def fell_back(run: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a run is at chance now and its loss rose: most such runs, but not all, end there.

    A loss that is high from the first epoch on, as fine-tuning may begin with, is no sign: it falls.
    """
    recorded = [
        epoch["train_loss"] if epoch.get("train_loss") is not None else epoch.get("eval_loss") for epoch in epochs
    ]
    losses = [loss for loss in recorded if loss is not None and math.isfinite(loss)]
    return len(losses) > 1 and losses[-1] > _ROSE * min(losses) and diverged(run, epochs)


def _why_none(run: Run, epochs: Sequence[Epoch], curve: Curve | None) -> tuple[str, ...]:
    if not epochs:
        return ("no epoch has ended yet",)
    if not run.epochs:
        return ("no forecast: the run does not tell how many epochs are planned",)
    if curve is None:
        return (f"no forecast: epoch {epochs[-1].epoch} is beyond the {run.epochs} that were planned",)
    if curve.done >= curve.planned:
        return ()
    return ("no forecast: no top-1 accuracy was recorded yet",)


def _assumed(curve: Curve, model: CurveModel) -> tuple[str, ...]:
    notes = []
    most = int(model.evidence["epochs"][1])
    if curve.planned > most:
        notes.append(f"recorded runs have up to {most} epochs, this one plans {curve.planned}")
    if not curve.comes_down:
        notes.append(
            "the learning rate of recorded runs comes down as a cosine after a warm-up; this one's does not, so it may "
            "also end where it is"
        )
    return tuple(notes)
