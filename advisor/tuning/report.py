"""What a tuning has learned: its trials, which wait and why, and the best as arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from advisor.advise.output.script_arguments import ScriptArguments
from advisor.advise.output.timm_arguments import quote
from advisor.advise.suggestion import Suggestion
from advisor.space.hyperparameters import HYPERPARAMETERS, format_number
from advisor.tuning.script import TunedScript
from advisor.tuning.session import Session
from advisor.tuning.trials import Trial, best_of

if TYPE_CHECKING:
    from advisor.tuning.tuner import Ending

SCHEMA = "advisor.tuning-report/1"


def report_of(session: Session, trials: Sequence[Trial], ending: Ending | None = None) -> dict[str, Any]:
    """Return what a tuning has learned, as JSON values.

    Parameters
    ----------
    session : Session
        Where.
    trials : sequence of Trial
        All of its trials.
    ending : Ending, optional
        How it ended; None where that is not known.
    """
    best = best_of(trials)
    return {
        "schema": SCHEMA,
        "folder": str(session.folder),
        "seconds": session.seconds,
        "ended": None if ending is None else ending.why,
        "gain": None if ending is None else round(ending.gain, 3),
        "best": None if best is None else {**_row(best), "args": _arguments(session, best)},
        "trials": [_row(trial) for trial in trials],
    }


def _row(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.name,
        "configuration": trial.configuration.as_dict(),
        "epochs_done": trial.done,
        "top1": trial.reached,
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


def _arguments(session: Session, best: Trial) -> str:
    """Return the command line that trains the best trial, as the script takes it."""
    asked = session.asked
    script = TunedScript(session.folder, tuple(asked["trained_with"]), ScriptArguments(**asked["arguments"]))
    suggestion = Suggestion.model_validate(asked["suggestion"])
    return quote(script.values(suggestion, best.configuration))


_SHORT = {"lr": "lr", "batch_size": "batch", "epochs": "epochs", "dropout": "dropout", "weight_decay": "decay"}


def to_text(report: dict[str, Any]) -> str:
    """Return a report for people."""
    lines = [_line("", *_SHORT.values(), "done", "top-1", "")]
    for trial in report["trials"]:
        values = [format_number(trial["configuration"][name]) for name in HYPERPARAMETERS]
        top1 = "" if trial["top1"] is None else f"{trial['top1']:.1f}"
        told = "; ".join([trial["status"], *trial["notes"]])
        lines.append(_line(trial["name"], *values, str(trial["epochs_done"]), top1, told))
    best = report["best"]
    lines.append("")
    if best is None:
        lines.append("No trial has trained an epoch yet.")
        return "\n".join(lines)
    lines.append(f"Best: {best['name']}, {best['top1']:.1f} % after {best['epochs_done']} epochs, with")
    lines.append(f"  {best['args']}")
    if report["ended"]:
        lines.append(f"Ended: {report['ended']}.")
    return "\n".join(lines)


def _line(name: str, *cells: str) -> str:
    *cells, told = cells
    return f"{name:<10}{''.join(f'{cell:>9}' for cell in cells)}  {told}".rstrip()
