"""The state of a tuning between two decisions, and what is decided from it."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from advisor.learn.table import Floats
from advisor.records.store.store import Store
from advisor.tuning.clock import Budget, Costs
from advisor.tuning.decision import Choice, choose
from advisor.tuning.models import ExpectedOfModels
from advisor.tuning.outlook import Expected, Outlook
from advisor.tuning.session import Session
from advisor.tuning.trials import Trial

ENDINGS = {
    "noise": "nothing is expected to gain more than the noise",
    "budget": "nothing more can end within the budget",
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
    largest_batch : dict
        No larger one is tried of a model.
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
        self.largest_batch: dict[str | None, float] = {}
        self.noise = expected.noise
        self._expected, self._budget = expected, budget
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
        return Costs.of(self.trials, self._budget, self.seconds)

    @property
    def left(self) -> str:
        """What is left of the budget, in words."""
        left = self.costs.left
        if self._budget.seconds is not None:
            return f"{max(left, 0) / 60:.1f} minutes"
        return f"{left:.0f} epochs" if self._budget.epochs is not None else "any budget"

    @property
    def budget(self) -> Budget:
        """What it may cost."""
        return self._budget

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

    @property
    def seconds_an_epoch(self) -> float:
        """How long an epoch takes; 0 where none has shown it."""
        return Costs.of(self.trials, Budget(seconds=math.inf), 0.0).an_epoch

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
        full = self._budget.trials is not None and n >= self._budget.trials
        for row, one in enumerate(outlook.candidates, n):
            largest = self.largest_batch.get(outlook.model_of(row - n), math.inf)
            is_open[row] = not full and one.batch_size <= largest
        # A trial in training elsewhere has nothing in hand yet.
        reached = np.where(outlook.options.is_open & ~is_open, np.nan, outlook.options.reached)
        options = replace(outlook.options, is_open=is_open, reached=reached)
        left = self.costs.left
        if not n:  # what is advised comes first
            first = next((int(row) for row in np.flatnonzero(is_open) if options.seconds[row] <= left), None)
            return Choice(first, math.inf, "budget" if first is None else "gain")
        return choose(options, self.noise, left, current)

    def trial_of(self, outlook: Outlook, row: int) -> Trial:
        """Return the trial of a row of the outlook, begun if need be."""
        n = len(outlook.trials)
        if row < n:
            return outlook.trials[row]
        known = math.isfinite(outlook.options.held) or any(trial.reached is not None for trial in outlook.trials)
        told = f"expected to end at {outlook.options.mean[row]:.1f} %" if known else "expected to be the next best"
        why = told if n else "the advice"
        return self.keep(Trial(n, outlook.candidates[row - n], why=why, model=outlook.model_of(row - n)))
