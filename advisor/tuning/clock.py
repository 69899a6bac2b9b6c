"""What training costs here, as the trials so far show it, and what of the budget is left."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from advisor.advise.resources.speed import parse_duration
from advisor.errors import UsageError
from advisor.tuning.trials import Trial


@dataclass(frozen=True)
class Budget:
    """What a tuning may cost: time or epochs of all trials together, and a number of trials.

    Attributes
    ----------
    seconds : float or None
        Time.
    epochs : int or None
        Epochs.
    trials : int or None
        Configurations that are begun.
    """

    seconds: float | None = None
    epochs: int | None = None
    trials: int | None = None


def budget_of(time: str | None, epochs: int | None, trials: int | None) -> Budget:
    """Return the budget of a time such as ``30m``, or of epochs, and of a number of trials.

    Raises
    ------
    UsageError
        If both are given, or the time is none.
    """
    if time is not None and epochs is not None:
        raise UsageError("a budget is of time or of epochs, not of both", hint="leave one of them out")
    return Budget(None if time is None else parse_duration(time), epochs, trials)


@dataclass(frozen=True)
class Costs:
    """What epochs cost, in the unit that is counted: seconds, or epochs where those are limited.

    Attributes
    ----------
    an_epoch : float
        Of one epoch.
    a_start : float
        Of what comes before the first epoch of a process.
    left : float
        Of the budget.
    in_seconds : bool
        Whether seconds are counted.
    """

    an_epoch: float
    a_start: float
    left: float
    in_seconds: bool = True

    @classmethod
    def of(cls, trials: Sequence[Trial], budget: Budget, seconds: float) -> Costs:
        """Return what trials cost so far.

        Parameters
        ----------
        trials : sequence of Trial
            All of the tuning.
        budget : Budget
            What it may cost.
        seconds : float
            How long was tuned so far.
        """
        if budget.seconds is None:
            trained = sum(trial.done + trial.lost for trial in trials)
            left = float("inf") if budget.epochs is None else float(budget.epochs - trained)
            return cls(1.0, 0.0, left, in_seconds=False)
        took = [epoch.seconds for trial in trials for epoch in trial.epochs if epoch.seconds]
        took = took or [trial.seconds / trial.done for trial in trials if trial.done]
        starts = [trial.starting for trial in trials if trial.starting]
        return cls(
            statistics.median(took) if took else 0.0,
            statistics.median(starts) if starts else 0.0,
            budget.seconds - seconds,
        )

    def until_end(self, trial: Trial, *, running: bool, resumes: bool) -> float:
        """Return what it costs until a trial has ended."""
        left = trial.configuration.epochs - (trial.done if resumes or running else 0)
        return left * self.an_epoch + (0.0 if running else self.a_start)
