"""How forecasts do on sources left out: pairs told, errors, widths, coverage, and runs that are given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.advise.diagnose.outlook import LITTLE, fell_back
from advisor.learn.table import Floats
from research.curve_model.candidates import Quantiles
from research.curve_model.fitting import FOLDS, folds
from research.curve_model.rows import Rows

LEVELS = (0.1, 0.5, 0.9, 0.95)
LOW, MIDDLE, HIGH, SURE = range(4)
LEAST_EPOCHS = 5
"""Runs of fewer have no fifth of their epochs."""
APART = 1.0
"""Points between the ends of two runs from which on one is the worse: about the noise between seeds."""
IMAGENET = "from ImageNet weights"
_PAIRS = 300
_OTHERS = 4
"""Other runs of a case of which the best is what is good."""
_PENALTY = 10.0
"""Points of an interval score for each point outside: 2 / (1 - level)."""
_BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Figures:
    """What is reached on sources left out; each source counts alike.

    Attributes
    ----------
    runs, sources : int
        How many were judged.
    pairs : float
        Share of pairs of runs of a case, of as many planned epochs, whose worse is told; a tie counts half.
    pairs_low, pairs_high : float
        Its 95 % interval over sources.
    off, width, score : float
        Points between the expected and the final accuracy, of the interval, and its interval score (less is better).
    held : float
        Share of runs that the interval holds.
    held_low, held_high : float
        The same in the tenth of the sources where it is least, and most.
    """

    runs: int
    sources: int
    pairs: float
    pairs_low: float
    pairs_high: float
    off: float
    width: float
    score: float
    held: float
    held_low: float
    held_high: float


@dataclass(frozen=True)
class GivenUp:
    """Runs that were said not to become good, where good is the best of some other runs of their case.

    Attributes
    ----------
    runs : int
        How many were judged.
    worse : float
        Share that ended below what is good.
    told : float
        Share of those that were told.
    wrong : float
        Share of all that were told which became good after all.
    """

    runs: int
    worse: float
    told: float
    wrong: float


def forecasts(rows: Rows, fit: Callable[[Rows], Quantiles], *asked: Rows) -> list[Floats]:
    """Return quantiles at ``LEVELS`` of each row, by what was fitted without its source.

    Parameters
    ----------
    rows : Rows
        What is fitted to.
    fit : callable
        One of ``CANDIDATES``.
    *asked : Rows
        The same rows as they are asked about, which may tell less; a result for each.
    """
    found = [np.zeros((len(rows), len(LEVELS))) for _ in asked]
    for part in folds(rows.source, FOLDS):
        fitted = fit(rows.take(~part))
        for result, of in zip(found, asked, strict=True):
            result[part] = fitted(of.take(part), np.array(LEVELS))
    return found


def figures(rows: Rows, forecast: Floats, chosen: NDArray[np.bool_]) -> Figures:
    """Return how a forecast does on some of the rows."""
    at, final = rows.take(chosen), rows.final[chosen]
    low, middle, high = (forecast[chosen, i] for i in (LOW, MIDDLE, HIGH))
    missed = np.maximum(low - final, 0) + np.maximum(final - high, 0)
    held = missed == 0
    by_source = [float(held[at.cell == cell].mean()) for cell in np.unique(at.cell)]
    pairs, sources = _pairs_told(at, middle)
    pairs_low, pairs_high = _interval(pairs, sources)
    weight = at.share()
    return Figures(
        runs=len(at),
        sources=len(np.unique(at.source)),
        pairs=_mean_of_sources(pairs, sources),
        pairs_low=pairs_low,
        pairs_high=pairs_high,
        off=float(np.average(np.abs(middle - final), weights=weight)),
        width=float(np.average(high - low, weights=weight)),
        score=float(np.average(high - low + _PENALTY * missed, weights=weight)),
        held=float(np.average(held, weights=weight)),
        held_low=float(np.quantile(by_source, 0.1)),
        held_high=float(np.quantile(by_source, 0.9)),
    )


def _pairs_told(rows: Rows, middle: Floats) -> tuple[Floats, NDArray[np.str_]]:
    """Return the share of pairs told in each case that has any, and the sources of these cases."""
    random = np.random.default_rng(0)
    told, sources = [], []
    planned = rows.planned
    for case in np.unique(rows.case):
        at = np.flatnonzero(rows.case == case)
        one, other = np.triu_indices(len(at), 1)
        some = random.permutation(len(one))
        one, other = at[one[some]], at[other[some]]
        fair = (planned[one] == planned[other]) & (np.abs(rows.final[one] - rows.final[other]) > APART)
        one, other = one[fair][:_PAIRS], other[fair][:_PAIRS]
        if len(one):
            right = np.sign(middle[one] - middle[other]) * np.sign(rows.final[one] - rows.final[other])
            told.append(float(np.mean((right + 1) / 2)))
            sources.append(rows.source[at[0]])
    return np.array(told), np.array(sources)


def _mean_of_sources(values: Floats, sources: NDArray[np.str_]) -> float:
    return float(np.mean([values[sources == source].mean() for source in np.unique(sources)]))


def _interval(values: Floats, sources: NDArray[np.str_]) -> tuple[float, float]:
    means = np.array([values[sources == source].mean() for source in np.unique(sources)])
    drawn = np.random.default_rng(0).integers(len(means), size=(_BOOTSTRAPS, len(means)))
    low, high = np.quantile(means[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def given_up(rows: Rows, forecast: Floats, chosen: NDArray[np.bool_]) -> GivenUp:
    """Return which of some rows were rightly told that they cannot become good."""
    random = np.random.default_rng(0)
    at, final, most = rows.take(chosen), rows.final[chosen], forecast[chosen, SURE]
    good = np.full(len(at), np.nan)
    for case in np.unique(at.case):
        members = np.flatnonzero(at.case == case)
        if len(members) > _OTHERS:
            for i in members:
                others = random.choice(members[members != i], _OTHERS, replace=False)
                good[i] = final[others].max()
    known = np.isfinite(good)
    weight, worse, told = at.share()[known], (final < good)[known], (most < good)[known]
    return GivenUp(
        runs=int(known.sum()),
        worse=float(np.average(worse, weights=weight)),
        told=float(np.average(told[worse], weights=weight[worse])),
        wrong=float(np.average(~worse[told], weights=weight[told])) if told.any() else 0.0,
    )


def near_chance(rows: Rows) -> NDArray[np.bool_]:
    """Return which runs ended no farther up from chance than a run has to come which nothing else is asked of."""
    return np.asarray(rows.final < rows.chance + LITTLE * (100 - rows.chance))


def coming_apart(rows: Rows) -> NDArray[np.bool_]:
    """Return which runs so far have the accuracy of guessing and a loss that rose."""
    found = []
    for curve in rows.curves:
        series = zip(curve.top1, curve.train_loss, curve.eval_loss, strict=True)
        epochs = [{"eval_top1": top1, "train_loss": train, "eval_loss": held} for top1, train, held in series]
        found.append(fell_back({"n_classes": curve.n_classes, "n_eval": curve.n_eval}, epochs))
    return np.array(found)


def subsets(rows: Rows, cut: float) -> Mapping[str, NDArray[np.bool_]]:
    """Return the rows that are judged after a share of their epochs, by how training started, where there are any."""
    at = (rows.cut == cut) & (rows.planned >= LEAST_EPOCHS)
    drawings = np.char.endswith(rows.cell, "other")
    found = {
        "from scratch": at & ~rows.fine_tuned & ~drawings,
        "from weights of drawings": at & drawings,
        IMAGENET: at & rows.fine_tuned,
        "all": at,
    }
    return {name: chosen for name, chosen in found.items() if chosen.any()}
