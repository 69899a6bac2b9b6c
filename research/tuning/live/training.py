"""Trials that are trained an epoch at a time, many side by side in one process, within a budget of processor time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from advisor.collect.training.trainer import Diverged, EpochResult, Training, train
from advisor.space.configuration import Configuration
from research.tuning.live.cases import EPOCHS, IMG_SIZE, MODEL, OPT, LiveCase


class OutOfTime(Exception):
    """The budget is spent."""


class Trials:
    """The trials of one tuning.

    A trial that waits keeps its network, its optimizer and its place in the schedule in memory.

    Parameters
    ----------
    case : LiveCase
        What is trained on.
    seed : int
        Of every training.
    budget : float
        Seconds of this process's processor time from now on, deciding included.
    """

    def __init__(self, case: LiveCase, seed: int, budget: float) -> None:
        self._case, self._seed = case, seed
        self.budget = budget
        self._began = time.process_time()
        self._trials: dict[str, Iterator[EpochResult]] = {}
        self.chance = 100.0 / case.images.n_classes
        self.trace: list[tuple[float, str, int, float]] = []
        """Seconds, name of the trial, its epochs and its accuracy in percent, after every epoch trained."""

    @property
    def spent(self) -> float:
        """Seconds until now."""
        return time.process_time() - self._began

    def train_epoch(self, name: str, values: Mapping[str, float]) -> EpochResult | None:
        """Train one more epoch of a trial; return None where it has diverged.

        Raises
        ------
        OutOfTime
            If the budget is spent; the epoch in training then does not count.
        """
        if name not in self._trials:
            self._trials[name] = self._begin(values)
        try:
            result = next(self._trials[name])
        except Diverged:
            result = None
        if self.spent > self.budget:
            raise OutOfTime
        done = 1 + sum(one == name for _, one, _, _ in self.trace)
        top1 = self.chance if result is None else result.eval_top1
        self.trace.append((round(self.spent, 2), name, done, round(top1, 3)))
        return result

    def _begin(self, values: Mapping[str, float]) -> Iterator[EpochResult]:
        training = Training(
            model=MODEL,
            img_size=IMG_SIZE,
            opt=OPT,
            configuration=Configuration(
                lr=values["lr"],
                batch_size=round(values["batch_size"]),
                epochs=EPOCHS,
                dropout=values["dropout"],
                weight_decay=values["weight_decay"],
            ),
            augment="none",
            seed=self._seed,
            pretrained=True,
            checkpoint="in1k",
        )
        return train(training, self._case.images, weights=self._case.weights)
