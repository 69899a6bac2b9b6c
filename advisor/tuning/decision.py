"""What to train next: whether the trial in training goes on, and else what promises the largest gain for its time.

A trial goes on until it is almost sure, by its own curve, to end below the best in hand; then it waits. What is trained
instead is a trial that waits or a configuration that was not tried: the one whose final accuracy may exceed the best by
most for its time, if what is not known yet turns out a little better than expected (upper confidence bound; Srinivas et
al. 2010, arXiv:0912.3995). It ends when nothing is expected to gain more than a share of the noise, by expected
improvement (Jones et al. 1998, doi:10.1023/A:1008306431147). docs/tuning-evidence.md has what others came to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advisor.learn.own_runs import EXPLORATION_WEIGHT
from advisor.learn.table import Floats

SURE = 1.64
"""Standard deviations by which a curve must be expected to end below the best until its trial waits: 95 %."""
PATIENCE = 0.1
"""Share of the noise that something must be expected to gain, on average over all that may come of it."""


@dataclass(frozen=True)
class Options:
    """Everything that was tried or could be, a row each.

    Attributes
    ----------
    mean, deviation : ndarray of shape (n,)
        Final accuracy expected of each in percent, and its standard deviation.
    hope : ndarray of shape (n,)
        Accuracy that each may end with at best, by its own curve; infinite where no curve tells.
    seconds : ndarray of shape (n,)
        Time until each has ended, what starts its process included.
    reached : ndarray of shape (n,)
        Accuracy in percent after its last epoch; NaN where none is trained.
    is_open : ndarray of bool, shape (n,)
        Whether each can be trained on.
    held : float
        The best accuracy that was reached before, in percent.
    """

    mean: Floats
    deviation: Floats
    hope: Floats
    seconds: Floats
    reached: Floats
    is_open: NDArray[np.bool_]
    held: float = -math.inf

    @property
    def best(self) -> float:
        """The best accuracy in hand, in percent: what trials that can not go on have reached."""
        return max(float(np.nanmax(self.reached, initial=-np.inf, where=~self.is_open)), self.held)


@dataclass(frozen=True)
class Choice:
    """What was decided.

    Attributes
    ----------
    row : int or None
        The option to train on; None where nothing is to be trained.
    gain : float
        Points by which it is expected to exceed the best in hand; the most that any is, where none is chosen.
    why : {"goes on", "gain", "noise", "budget"}
        It is in training and may still be the best; it promises most for its time; nothing is expected to gain more
        than a share of the noise; nothing that is can end within the budget.
    """

    row: int | None
    gain: float
    why: Literal["goes on", "gain", "noise", "budget"]


def choose(
    options: Options, noise: float, budget: float, current: int | None = None, patience: float = PATIENCE
) -> Choice:
    """Return what to train on.

    Parameters
    ----------
    options : Options
        What there is, at least one row.
    noise : float
        Points by which equal runs with other seeds differ.
    budget : float
        Seconds that are left.
    current : int, optional
        The row that is in training.
    patience : float
        See ``PATIENCE``; below 0 it never ends early.
    """
    best = options.best
    mean, deviation = options.mean, options.deviation
    gains = np.full(len(mean), math.inf) if math.isinf(best) else expected_gains(mean, deviation, best)
    possible = options.is_open & (options.seconds <= budget)
    is_hopeful = current is not None and options.is_open[current] and options.hope[current] >= best
    if current is not None and is_hopeful and (possible[current] or not possible.any()):
        return Choice(current, float(gains[current]), "goes on")
    if not possible.any():
        return Choice(None, 0.0, "budget")
    elsewhere = float(np.where(options.is_open, gains, 0.0).max())
    gains = np.where(possible, gains, 0.0)
    if gains.max() <= patience * noise:
        return Choice(None, float(gains.max()), "noise" if elsewhere <= patience * noise else "budget")
    promise = mean + EXPLORATION_WEIGHT * deviation
    if not math.isinf(best):
        above = np.maximum(promise - best, 0.0)
        above = above if above[possible].any() else gains
        promise = above / np.maximum(options.seconds, 1e-9)
    row = int(np.where(possible, promise, -np.inf).argmax())
    return Choice(row, float(gains[row]), "gain")


def expected_gains(mean: Floats, deviation: Floats, best: float) -> Floats:
    """Return by how many points each is expected to exceed the best; being worse counts 0, and 100 % is the end."""
    return np.maximum(_excess(mean, deviation, best) - _excess(mean, deviation, 100.0), 0.0)


def _excess(mean: Floats, deviation: Floats, level: float) -> Floats:
    from scipy.special import ndtr

    deviation = np.maximum(deviation, 1e-9)
    z = (mean - level) / deviation
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return np.asarray((mean - level) * ndtr(z) + deviation * density)
