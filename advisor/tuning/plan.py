"""The state of a tuning between two decisions, and what is decided from it."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from advisor.learn.table import Floats
from advisor.records.store.store import Store
from advisor.space.words import counted
from advisor.tuning.clock import Budget, Costs
from advisor.tuning.decision import Choice, choose
from advisor.tuning.models import ExpectedOfModels
from advisor.tuning.outlook import Expected, Outlook
from advisor.tuning.session import Session
from advisor.tuning.trials import Trial

ENDINGS = {
    "noise": "nothing is expected to gain more than the noise",
    "budget": "nothing that promises more can end within the budget",
    "spent": "the budget is spent",
}


class Plan:
    """All trials of a tuning, what they may cost, and what is to be trained next.

    Parameters
    ----------
    session : Session
        Where.
    store : Store
        Where its runs are recorded.
    expected : Expected or ExpectedOfModels
        What is known beforehand.
    budget : Budget
        What it may cost.
    resumes : bool
        Whether trials can wait and go on.

    Attributes
    ----------
    trials : list of Trial
        In the order of their beginning.
    resumes : bool
        As given; False from when a trial that was to go on began again.
    budget : Budget
        As given.
    """

    def __init__(
        self,
        session: Session,
        store: Store,
        expected: Expected | ExpectedOfModels,
        budget: Budget,
        *,
        resumes: bool,
    ) -> None:
        self.session, self.store = session, store
        self.trials = session.trials(store)
        self.resumes = resumes and not any(trial.restarted for trial in self.trials)
        self.noise, self.budget = expected.noise, budget
        self._expected = expected
        self._before, self._began, self._kept = session.seconds, time.monotonic(), 0.0

    def tick(self) -> None:
        """Keep how long was tuned, once a second."""
        if (now := self.seconds) - self._kept >= 1.0:
            self._kept = self.session.seconds = now

    @property
    def seconds(self) -> float:
        """How long was tuned in all."""
        return self._before + time.monotonic() - self._began

    @property
    def costs(self) -> Costs:
        """What epochs cost, and what is left."""
        return Costs.of(self.trials, self.budget, self.seconds)

    @property
    def left(self) -> str:
        """What is left of the budget, in words."""
        left = self.costs.left
        if self.budget.seconds is not None:
            return f"{max(left, 0) / 60:.1f} minutes"
        return counted(max(int(left), 0), "epoch") if self.budget.epochs is not None else "any budget"

    def keep(self, trial: Trial, note: str | None = None) -> Trial:
        """Take a trial as it is now, with a note about it, into the plan and its folder."""
        if note is not None:
            trial = replace(trial, notes=(*trial.notes, note))
        if trial.number == len(self.trials):
            self.trials.append(trial)
        self.trials[trial.number] = trial
        self.session.save(trial)
        return trial

    def look(self, running: Collection[int] = ()) -> Outlook:
        """Return what is expected; ``running`` are the numbers of the trials in training."""
        return self._expected.look(self.trials, self.costs, running=running, resumes=self.resumes)

    def expect(self, hparams: Mapping[str, Floats], model: str | None) -> tuple[Floats, Floats]:
        """Return the final accuracies expected of configurations of a model, and their standard deviations."""
        return self._expected.expect(self.trials, hparams, model)

    def seconds_of(self, epochs: float) -> float:
        """Return how long a trial of so many epochs takes, its start included; 0 where no epoch has shown it."""
        costs = Costs.of(self.trials, Budget(seconds=math.inf), 0.0)
        return costs.a_start + epochs * costs.an_epoch if costs.an_epoch else 0.0

    def choose(self, outlook: Outlook, taken: Collection[int] = (), current: int | None = None) -> Choice:
        """Return what to train on.

        Parameters
        ----------
        outlook : Outlook
            What ``look`` returned.
        taken : collection of int
            Numbers of the trials in training, of which none is to be begun again.
        current : int, optional
            The one of them that is asked about.
        """
        n = len(outlook.trials)
        is_open = outlook.options.is_open.copy()
        for trial in outlook.trials:
            is_open[trial.number] &= trial.number == current or trial.number not in taken
        full = self.budget.trials is not None and n >= self.budget.trials
        for row, one in enumerate(outlook.candidates, n):
            is_open[row] = not full and one.batch_size <= self._largest_batch(outlook.model_of(row - n))
        # A trial in training elsewhere has nothing in hand yet.
        reached = np.where(outlook.options.is_open & ~is_open, np.nan, outlook.options.reached)
        options = replace(outlook.options, is_open=is_open, reached=reached)
        left = self._left_beside([outlook.trials[number] for number in taken if number != current])
        if not n:  # what is advised comes first
            first = next((int(row) for row in np.flatnonzero(is_open) if options.seconds[row] <= left), None)
            return Choice(first, math.inf, "budget" if first is None else "gain")
        return choose(options, self.noise, left, current)

    def _largest_batch(self, model: str | None) -> float:
        """Return the largest batch that is tried of a model: half of the smallest one that ran out of memory."""
        too_large = [trial.too_large for trial in self.trials if trial.model == model and trial.too_large is not None]
        return min(too_large) // 2 if too_large else math.inf

    def _left_beside(self, others: Sequence[Trial]) -> float:
        """Return what is left of the budget once other trials in training have ended; time passes for all at once."""
        costs = self.costs
        if costs.in_seconds:
            return costs.left
        return costs.left - sum(costs.until_end(trial, running=True, resumes=self.resumes) for trial in others)

    def trial_of(self, outlook: Outlook, row: int) -> Trial:
        """Return the trial of a row of the outlook, begun if need be."""
        n = len(outlook.trials)
        if row < n:
            return outlook.trials[row]
        known = math.isfinite(outlook.options.held) or any(trial.reached is not None for trial in outlook.trials)
        told = f"expected to end at {outlook.options.mean[row]:.1f} %" if known else "expected to be the next best"
        why = told if n else "the advice"
        return self.keep(Trial(n, outlook.candidates[row - n], why=why, model=outlook.model_of(row - n)))
