"""The table of docs/tuning-evidence.md of what tuners reached live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from advisor.space.words import counted
from research.tuning.live.tuners import OURS, TUNERS

AT = (0.25, 0.5, 1.0)
"""Shares of the budget that tuners are compared at."""


def table(found: Mapping[str, Any]) -> str:
    """Return a row a tuner, of what every tuner has finished.

    That is the accuracy in hand at ``AT``, how far it is behind ours at the end with its standard error, and how many
    epochs and trials there were.
    """
    runs = {(run["dataset"], run["seed"], run["tuner"]): run for run in found["runs"]}
    cells = sorted({(dataset, seed) for dataset, seed, _ in runs})
    whole = [(dataset, seed) for dataset, seed in cells if all((dataset, seed, tuner) in runs for tuner in TUNERS)]
    budget = found["budget_seconds"]
    heads = [f"{share * budget:.0f} s" for share in AT]
    compared = f"{counted(len(whole), 'tuning')} of {counted(len({dataset for dataset, _ in whole}), 'set')}"
    lines = [f"| {compared} | {' | '.join(heads)} | behind | epochs | trials |", "|---|" + "---:|" * (len(AT) + 3)]
    reached = {
        tuner: np.array(
            [[in_hand(runs[dataset, seed, tuner], share * budget) for share in AT] for dataset, seed in whole]
        )
        for tuner in TUNERS
    }
    for tuner in TUNERS:
        ours = [runs[dataset, seed, tuner] for dataset, seed in whole]
        behind = reached[OURS][:, -1] - reached[tuner][:, -1]
        told = "" if tuner == OURS else f"{behind.mean():.2f}"
        if told and len(behind) > 1:
            told += f" ± {behind.std(ddof=1) / len(behind) ** 0.5:.2f}"
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
