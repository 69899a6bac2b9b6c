"""What a tuning has learned: its trials, which wait and why, the learning rate, the best, and what more would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from advisor.advise.output.timm_arguments import hyperparameter_arguments, quote, to_words
from advisor.space.configuration import columns_of
from advisor.space.hyperparameters import HYPERPARAMETERS, format_number, two_figures
from advisor.space.words import counted
from advisor.tuning.decision import expected_gains
from advisor.tuning.opening import Opened
from advisor.tuning.outlook import Outlook
from advisor.tuning.plan import Plan
from advisor.tuning.trials import Trial, best_of

SCHEMA = "advisor.tuning-report/1"
AN_HOUR = 3600.0
_RATES = 9
"""Learning rates that the posterior is shown at."""


def report_of(opened: Opened, plan: Plan, ended: str | None = None) -> dict[str, Any]:
    """Return what a tuning has learned, as JSON values.

    Parameters
    ----------
    opened : Opened
        The tuning.
    plan : Plan
        Its trials as they are now.
    ended : str, optional
        Why it ended, in words, if it did now.
    """
    outlook, best = plan.look(), best_of(plan.trials)
    return {
        "schema": SCHEMA,
        "folder": str(plan.session.folder),
        "dataset": opened.dataset.name,
        "model": ", ".join(opened.models or [opened.suggestion.model]),
        "noise": round(plan.noise, 2),
        "seconds": round(plan.seconds, 1),
        "epochs": sum(trial.done + trial.lost for trial in plan.trials),
        "ended": ended,
        "best": None if best is None else {**_row(best, outlook), "args": _arguments(opened, best)},
        "trials": [_row(trial, outlook) for trial in plan.trials],
        "lr": [] if best is None else _rates(plan, best),
        "next_hour": _next_hour(plan, outlook),
    }


def _row(trial: Trial, outlook: Outlook) -> dict[str, Any]:
    options, number = outlook.options, trial.number
    told = not np.isinf(options.hope[number])
    expected = round(float(options.mean[number]), 1) if told else None
    deviation = round(float(options.deviation[number]), 1) if told else None
    return {
        "name": trial.name,
        "model": trial.model,
        "configuration": trial.configuration.as_dict(),
        "epochs_done": trial.done,
        "top1": trial.reached,
        "expected": trial.reached if trial.ended else expected,
        "deviation": 0.0 if trial.ended else deviation,
        "status": _status(trial),
        "seconds": round(trial.seconds, 1),
        "why": trial.why,
        "notes": list(trial.notes),
        "epochs_lost": trial.lost,
        "curve": [epoch.eval_top1 for epoch in trial.epochs],
        "run_id": None if trial.run is None else trial.run.run_id,
    }


def _status(trial: Trial) -> str:
    if trial.diverged:
        return "diverged"
    if trial.ended:
        return "ended"
    return "waits" if trial.error is None else "failed"


def _arguments(opened: Opened, best: Trial) -> str:
    """Return the arguments that train the best trial, as the script takes them."""
    if opened.script is None:
        return quote(to_words(hyperparameter_arguments(best.configuration)))
    script, suggestion = opened.way(best)
    model = [] if best.model is None else [script.arguments.options["model"], best.model]
    return quote([*model, *script.values(suggestion, best.configuration)])


def _rates(plan: Plan, best: Trial) -> list[dict[str, float]]:
    """Return the accuracy that is expected at other learning rates than that of the best trial, all else as in it."""
    tried = [trial.configuration.lr for trial in plan.trials if trial.model == best.model]
    rates = np.geomspace(min(tried) / 2, max(tried) * 2, _RATES)
    columns = {**columns_of([best.configuration] * _RATES), "lr": rates}
    mean, deviation = plan.expect(columns, best.model)
    return [
        {"lr": two_figures(float(rate)), "top1": round(float(m), 1), "deviation": round(float(d), 1)}
        for rate, m, d in zip(rates, mean, deviation, strict=True)
    ]


def _next_hour(plan: Plan, outlook: Outlook) -> dict[str, float] | None:
    """Return how many more trials an hour holds, and what the best of them, and all, are expected to gain at most.

    None where nothing has ended, or it is not known how long an epoch takes.
    """
    options = outlook.options
    seconds = plan.seconds_of(float(np.median([trial.configuration.epochs for trial in plan.trials] or [0])))
    if np.isinf(options.best) or not seconds:
        return None
    gains = np.where(options.is_open, expected_gains(options.mean, options.deviation, options.best), 0.0)
    count = int(AN_HOUR / seconds)
    ordered = np.sort(gains)[::-1]
    return {
        "trials": count,
        "gain_of_the_best": round(float(ordered[0]), 2),
        "gain_at_most": round(min(float(ordered[:count].sum()), 100 - options.best), 2),
    }


_SHORT = ("lr", "batch", "epochs", "dropout", "decay")


def to_text(report: Mapping[str, Any]) -> str:
    """Return a report for people."""
    lines = [_line("", [*_SHORT, "done", "top-1", "end"], "")]
    for trial in report["trials"]:
        values = [format_number(trial["configuration"][name]) for name in HYPERPARAMETERS]
        told = "; ".join([trial["status"], *filter(None, [trial["model"]]), *trial["notes"]])
        told += f"; {trial['epochs_lost']} epochs again" if trial["epochs_lost"] else ""
        cells = [*values, str(trial["epochs_done"]), _percent(trial["top1"]), _percent(trial["expected"])]
        lines.append(_line(trial["name"], cells, told))
    best = report["best"]
    if best is None:
        return "\n".join([*lines, "", "No trial has trained an epoch yet.", *_outlook_in_words(report)])
    lines += ["", f"Best: {best['name']}, {best['top1']:.1f} % after {best['epochs_done']} epochs, with"]
    lines += [f"  {best['args']}", "", "Expected at other learning rates, all else as in the best:"]
    lines += [f"  {format_number(one['lr']):>9} {one['top1']:6.1f} ± {one['deviation']:.1f} %" for one in report["lr"]]
    lines += ["", *_outlook_in_words(report)]
    return "\n".join(lines)


def _outlook_in_words(report: Mapping[str, Any]) -> Sequence[str]:
    lines = []
    if told := next_hour_in_words(report["next_hour"]):
        lines.append(told)
    if report["ended"]:
        lines.append(f"Ended: {report['ended']}.")
    return lines


def next_hour_in_words(hour: Mapping[str, float] | None) -> str:
    """Return what another hour would likely buy; nothing where that is not known."""
    if hour is None:
        return ""
    if not hour["trials"]:
        gain = f"{hour['gain_of_the_best']:.2f} points"
        return f"Such a training takes more than an hour; the most promising one is expected to gain {gain}."
    trainings = counted(int(hour["trials"]), "such training")
    return (
        f"Another hour holds about {trainings}; the most promising one is expected to gain "
        f"{hour['gain_of_the_best']:.2f} points, all of them {hour['gain_at_most']:.2f} at most."
    )


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _line(name: str, cells: Sequence[str], told: str) -> str:
    return f"{name:<10}{''.join(f'{cell:>9}' for cell in cells)}  {told}".rstrip()
