"""The table of docs/tuning-evidence.md of what tuners reached live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from research.tuning.live.tuners import OURS, TUNERS

AT = (0.25, 0.5, 1.0)
"""Shares of the budget that tuners are compared at."""


def table(found: Mapping[str, Any]) -> str:
    """Return a row a tuner: accuracy in hand at ``AT``, epochs and trials, in what every tuner has finished."""
    runs = {(run["dataset"], run["seed"], run["tuner"]): run for run in found["runs"]}
    cells = sorted({(dataset, seed) for dataset, seed, _ in runs})
    whole = [(dataset, seed) for dataset, seed in cells if all((dataset, seed, tuner) in runs for tuner in TUNERS)]
    budget = found["budget_seconds"]
    heads = [f"{share * budget:.0f} s" for share in AT]
    counted = f"{len(whole)} tunings of {len({dataset for dataset, _ in whole})} sets"
    lines = [f"| {counted} | {' | '.join(heads)} | behind | epochs | trials |", "|---|" + "---:|" * (len(AT) + 3)]
    reached = {
        tuner: np.array(
            [[in_hand(runs[dataset, seed, tuner], share * budget) for share in AT] for dataset, seed in whole]
        )
        for tuner in TUNERS
    }
    for tuner in TUNERS:
        ours = [runs[dataset, seed, tuner] for dataset, seed in whole]
        behind = reached[OURS][:, -1] - reached[tuner][:, -1]
        told = "" if tuner == OURS else f"{behind.mean():.2f} ± {behind.std(ddof=1) / max(len(behind), 1) ** 0.5:.2f}"
        cells_of = [f"{value:.2f}" for value in reached[tuner].mean(axis=0)]
        epochs = np.mean([len(run["trace"]) for run in ours])
        trials = np.mean([len({name for _, name, _, _ in run["trace"]}) for run in ours])
        name = f"**{tuner}**" if tuner == OURS else tuner
        lines.append(f"| {name} | {' | '.join(cells_of)} | {told} | {epochs:.0f} | {trials:.1f} |")
    return "\n".join(lines)


def in_hand(run: Mapping[str, Any], seconds: float) -> float:
    """Return the accuracy of the best trial where it stands after so many seconds; 0 before any epoch."""
    last: dict[str, float] = {}
    trace: Sequence[tuple[float, str, int, float]] = run["trace"]
    for at, name, _, top1 in trace:
        if at <= seconds:
            last[name] = top1
    return max(last.values(), default=0.0)
