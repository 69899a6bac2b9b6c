"""The rules of `advisor diagnose`: what a run may suffer from, how that shows, and which one value to change then.

What is stated here are the candidates only. Which of a rule's candidates is used, and whether its advice is given at
all, is decided on recorded runs by ``research.diagnoses``, whose outcome ships as ``meta_data/diagnoses.json``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from advisor.advise.diagnose.symptoms import Symptoms
from advisor.records.schema import Run
from advisor.space.hyperparameters import two_figures

UNITS = {"lr": 2.0, "batch_size": 2.0, "epochs": 1.5, "dropout": 0.15, "weight_decay": 16.0}
"""What counts as one step of each of the hyperparameters: a factor, for dropout a difference.

About what it takes to matter equally: the recorded configurations span 13 such steps of learning rate, 6 of batch size,
4 to 7 of epochs, 4 of dropout and 5 of weight decay.
"""
MAX_DROPOUT = 0.6
_SMALLEST_BATCH = 8

Bounds = Mapping[str, tuple[float, float]]
"""Inclusive low and high end by name of a symptom; all must hold, and one that is unknown never does."""


@dataclass(frozen=True)
class Change:
    """Which of the hyperparameters to change, and whether up (1) or down (-1)."""

    name: str
    direction: int

    def apply(self, run: Run, steps: float) -> float | None:
        """Return the value so many steps away from the run's; None where there is no room to go there."""
        value = getattr(run, self.name)
        if value is None:
            return None
        changed = value + self.direction * steps * UNITS["dropout"]
        if self.name != "dropout":
            changed = value * UNITS[self.name] ** (self.direction * steps)
        if self.name == "batch_size":
            changed = 2 ** round(math.log2(changed))
            changed = min(max(changed, _SMALLEST_BATCH), run.n_train or changed)
        elif self.name == "epochs":
            changed = max(1, round(changed))
        elif self.name == "dropout":
            changed = round(min(max(changed, 0.0), MAX_DROPOUT), 2)
        else:
            changed = two_figures(changed)
        return changed if (changed - value) * self.direction > 0 else None


@dataclass(frozen=True)
class Candidate:
    """One way to make a rule exact: when it applies and what it changes."""

    bounds: Bounds
    change: Change

    def applies(self, symptoms: Symptoms) -> bool:
        """Return whether a run that shows these symptoms meets every bound."""
        return all(
            (value := getattr(symptoms, name)) is not None and low <= value <= high
            for name, (low, high) in self.bounds.items()
        )


@dataclass(frozen=True)
class RemedyRule:
    """Something a run may suffer from.

    Attributes
    ----------
    name : str
        As it is shown.
    meaning : str
        What it means, in one sentence without a full stop.
    candidates : tuple of Candidate
        What evidence chooses from.
    """

    name: str
    meaning: str
    candidates: tuple[Candidate, ...]


def _candidates(changes: tuple[Change, ...], **choices: tuple[tuple[float, float], ...]) -> tuple[Candidate, ...]:
    """Return every combination of a change and one choice of bounds for each symptom."""
    return tuple(
        Candidate(dict(zip(choices, bounds, strict=True)), change)
        for change in changes
        for bounds in product(*choices.values())
    )


_ANY = math.inf
RULES = (
    RemedyRule(
        "diverging",
        "hardly anything was learned, at a learning rate above the usual: steps are too long to descend",
        _candidates(
            (Change("lr", -1),),
            unlearned=((0.6, _ANY), (0.8, _ANY), (0.9, _ANY)),
            reached=((-_ANY, 0.1), (-_ANY, 0.3)),
            lr_ratio=((2.0, _ANY), (4.0, _ANY), (10.0, _ANY)),
        ),
    ),
    RemedyRule(
        "batch noise",
        "the evaluation accuracy jumps down again and again: single steps are noisier than the learning rate bears",
        _candidates(
            (Change("lr", -1), Change("batch_size", 1)),
            swings=((0.5, _ANY), (1.0, _ANY), (2.0, _ANY)),
            lr_ratio=((0.0, _ANY), (2.0, _ANY), (5.0, _ANY), (10.0, _ANY)),
        ),
    ),
    RemedyRule(
        "too slow",
        "much is left to learn, at a learning rate below the usual: the steps are too short, or too few",
        _candidates(
            (Change("lr", 1), Change("batch_size", -1)),
            unlearned=((0.2, _ANY), (0.3, _ANY), (0.5, _ANY)),
            lr_ratio=((0.0, 0.25), (0.0, 0.5)),
        ),
    ),
    RemedyRule(
        "underfitting",
        "the training loss falls smoothly and still has far to go: the model gets too few steps, or is held back",
        _candidates(
            (Change("batch_size", -1), Change("dropout", -1)),
            unlearned=((0.3, _ANY), (0.5, _ANY)),
            falling=((0.8, 1.0),),
            peak=((0.0, 1.02), (0.0, 1.1)),
            lr_ratio=((0.25, _ANY),),
        ),
    ),
    RemedyRule(
        "schedule ended too early",
        "the accuracy was still rising when the learning rate had run out",
        _candidates(
            (Change("epochs", 1),),
            late_gain=((0.5, _ANY), (1.0, _ANY), (2.0, _ANY)),
        ),
    ),
    RemedyRule(
        "overfitting",
        "the training images are known by heart and the others are not",
        _candidates(
            (Change("dropout", 1), Change("batch_size", -1), Change("weight_decay", 1)),
            unlearned=((-_ANY, 0.1), (-_ANY, 0.2), (-_ANY, 0.3)),
            gap=((0.1, _ANY), (0.2, _ANY), (0.4, _ANY)),
        ),
    ),
)
"""In the order in which they are looked for: what prevents learning altogether comes first."""
