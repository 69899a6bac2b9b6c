"""What the advice was meant to reach, beside what it reached: misses are shown as misses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.evaluate.protocol import ADVICE, UNSEEN_FAMILY, best_of
from advisor.evaluate.range_tests import RANGE_TEST

SIGNIFICANT = 0.05
_AVERAGE, _SANE, _DEFAULTS = "best on average", "sane default", "timm's train.py defaults"
_OWN_RUNS = 10
CLEAR = "more to choose than noise"
"""Context of the cases whose best and median are further apart than chance makes them."""
_MANY_IMAGES = 200

Rows = Mapping[str, Mapping[str, Any]]
"""Rows of ``summarise`` by method."""


@dataclass(frozen=True)
class Goal:
    """A figure and the bound it was meant to keep.

    Attributes
    ----------
    name : str
        What is measured, and of what.
    bound : float
        The value to reach.
    at_most : bool
        Whether less is better.
    percent : bool
        Whether the figure is a share.
    """

    name: str
    bound: float
    at_most: bool
    percent: bool = False

    def is_met(self, value: float | None) -> bool | None:
        """Return whether a value keeps the bound; None where there is no value."""
        if value is None:
            return None
        return value <= self.bound if self.at_most else value >= self.bound


def goals(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every goal with what was measured over all cases and under each limit of epochs, as JSON values.

    Parameters
    ----------
    summary : mapping
        What ``summarise`` returns of the rows, the trials, the own runs and the intervals.

    Returns
    -------
    list of dict
        ``goal``, ``bound``, ``at_most``, ``percent``, ``value``, ``met``, and ``by_cap``: the value by the most epochs
        of the cases, for what is measured there too. A value is None where there is no case to measure it in.
    """
    parts = {"all": summary["methods"], **_caps(summary["contexts"])}
    measured = [
        (goal, {part: find(_by_method(rows)) for part, rows in parts.items()}) for goal, find in _OF_METHODS.items()
    ]
    measured += [
        (goal, {part: found.get(key) for part, found in _trials(summary, which).items()})
        for goal, (which, key) in _OF_TRIALS.items()
    ]
    measured += [(goal, {"all": find(summary)}) for goal, find in _OF_ALL.items()]
    return [
        {
            "goal": goal.name,
            "bound": goal.bound,
            "at_most": goal.at_most,
            "percent": goal.percent,
            "value": values["all"],
            "met": goal.is_met(values["all"]),
            "by_cap": {part: value for part, value in values.items() if part != "all"},
        }
        for goal, values in measured
    ]


def fine_tuning_goals(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the goals of advice on fine-tuning with what was measured, as JSON values.

    Parameters
    ----------
    summary : mapping
        What ``evaluate_fine_tuning`` found: ``methods``, ``contexts``, ``trials``, ``behind`` and ``sgd_batches``.

    Returns
    -------
    list of dict
        ``goal``, ``bound``, ``at_most``, ``value``, ``met``, and ``clear``: the value over the cases with more to
        choose than noise, for what is measured there too.
    """
    clear = _by_method(summary["contexts"].get(CLEAR, ()))
    every = _by_method(summary["methods"])
    found = [(goal, find(every), find(clear)) for goal, find in _OF_FINE_TUNING.items()]
    for opt in ("adamw", "sgd"):
        goal = Goal(f"{opt}: mean regret above that of the best fixed learning rate", 0.0, at_most=True)
        found.append((goal, _above_fixed(_by_method(summary["contexts"].get(opt, ()))), None))
    found += [(goal, find(summary), None) for goal, find in _OF_FINE_TUNING_SUMMARY.items()]
    found += [
        (Goal(f"sgd at batch {batch}: points lost to the best fixed rate", 2.0, at_most=True), at["points_lost"], None)
        for batch, at in summary["sgd_batches"].items()
    ]
    return [
        {
            "goal": goal.name,
            "bound": goal.bound,
            "at_most": goal.at_most,
            "value": value,
            "met": goal.is_met(value),
            "clear": where_clear,
        }
        for goal, value, where_clear in found
    ]


def _above_fixed(rows: Rows) -> float | None:
    """Return by how much the mean regret of the advice is above that of the best fixed learning rate."""
    fixed = [
        row["mean_regret"]
        for method, row in rows.items()
        if method.startswith("lr ") and method != RANGE_TEST and row["cases"] == rows[ADVICE]["cases"]
    ]
    return float(rows[ADVICE]["mean_regret"] - min(fixed)) if fixed else None


def _caps(contexts: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Sequence[Mapping[str, Any]]]:
    return {name.split()[2]: rows for name, rows in contexts.items() if name.startswith("at most")}


def _trials(summary: Mapping[str, Any], which: str) -> dict[str, Mapping[str, Any]]:
    return {"all": summary[which], **summary[which]["by_cap"]}


def _by_method(rows: Sequence[Mapping[str, Any]]) -> Rows:
    return {row["method"]: row for row in rows}


def _figure(method: str, key: str) -> Callable[[Rows], float | None]:
    return lambda rows: rows[method][key] if method in rows else None


def _own_run_share(summary: Mapping[str, Any]) -> float | None:
    """Return the regret after ten own runs as a share of random search's."""
    row = next((row for row in summary["adaptive"] if row["own_runs"] == _OWN_RUNS), None)
    if row is None or not row["random search"]:
        return None
    return float(row["advice"] / row["random search"])


_OF_METHODS: dict[Goal, Callable[[Rows], float | None]] = {
    Goal("mean regret of the first suggestion", 0.05, True): _figure(ADVICE, "mean_regret"),
    Goal("median regret of the first suggestion", 0.02, True): _figure(ADVICE, "median_regret"),
    Goal("mean regret of the best of three", 0.02, True): _figure(best_of(3), "mean_regret"),
    Goal(f"cases better than {_DEFAULTS}", 0.95, False, True): _figure(_DEFAULTS, "advice_better"),
    Goal(f"cases better than the {_SANE}", 0.8, False, True): _figure(_SANE, "advice_better"),
    Goal(f"cases much worse than the {_SANE}", 0.05, True, True): _figure(_SANE, "advice_much_worse"),
    Goal(f"cases better than {_AVERAGE}", 0.6, False, True): _figure(_AVERAGE, "advice_better"),
    Goal(f"p of no better than {_AVERAGE}", SIGNIFICANT, True): _figure(_AVERAGE, "p_value"),
}
_OF_FINE_TUNING: dict[Goal, Callable[[Rows], float | None]] = {
    Goal("mean regret of the first suggestion", 0.10, True): _figure(ADVICE, "mean_regret"),
    Goal("median regret of the first suggestion", 0.04, True): _figure(ADVICE, "median_regret"),
}
_OF_FINE_TUNING_SUMMARY: dict[Goal, Callable[[Mapping[str, Any]], float | None]] = {
    Goal("cases of 200 evaluation images or more that end over 3 points behind AdamW at 1e-3", 0, True): lambda s: sum(
        case["n_eval"] >= _MANY_IMAGES for case in s["behind"]
    ),
    Goal("equivalent random trials, median case", 12, False): lambda s: s["trials"]["median"],
}
_OF_TRIALS = {
    Goal("equivalent random trials, median reference case", 25, False): ("trials", "free"),
    Goal("the same, every trial at the most epochs", 8, False): ("trials", "at_cap"),
    Goal(f"equivalent random trials, {UNSEEN_FAMILY.removeprefix('advice, ')}", 10, False): ("trials_unseen", "free"),
}
_OF_ALL: dict[Goal, Callable[[Mapping[str, Any]], float | None]] = {
    Goal("regret after ten own runs, as a share of random search's", 0.5, True, True): _own_run_share,
    Goal("outcomes held by their 80 % intervals, at least", 0.75, False, True): lambda s: s["intervals"][ADVICE][
        "coverage"
    ],
    Goal("outcomes held by their 80 % intervals, at most", 0.85, True, True): lambda s: s["intervals"][ADVICE][
        "coverage"
    ],
}
