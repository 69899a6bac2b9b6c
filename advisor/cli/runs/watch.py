"""``advisor watch``: what a run will end at, while it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from advisor.cli.runs.store import open_store
from advisor.cli.terminal.output import echo, echo_json, format_option
from advisor.errors import UsageError
from advisor.records.schema import Status
from advisor.safe_text import one_line

if TYPE_CHECKING:
    from advisor.advise.diagnose.outlook import Goal, Outlook
    from advisor.records.schema import Run
    from advisor.records.store.store import Store

SCHEMA = "advisor.watch/1"
_NONE_YET = "none is recorded yet; one that was just started is there once it trains"


@click.command()
@click.argument("run_name", metavar="[RUN]", required=False)
@format_option
def watch(run_name: str | None, format_: str) -> None:
    """Say after each epoch where a run will end, and at once when it has come apart or cannot become good.

    RUN is an id, the unique beginning of one, or a name; the newest run, where it is left out. It is only read, in this
    terminal, beside the training; `advisor run --watch` does the same from within its command. The interval holds four
    of five runs: docs/watching.md has the figures. With --format json each line is an object of its own.
    """
    from advisor.advise.diagnose.outlook import outlook_of
    from advisor.config import Config
    from advisor.learn.curve_model import shipped_curve_model
    from advisor.records.store.following import follow

    store = open_store()
    run = store.run(run_name) if run_name else _newest(store)
    model = shipped_curve_model()
    show = _for_programs if format_ == "json" else _ForPeople().show
    goal = None
    for now, epochs in follow(store, Config()["spool_dir"], run.run_id):
        if goal is None and epochs:  # not before: a run that just began does not tell its data and model yet
            goal = _goal(store, now)
        show(outlook_of(now, epochs, model, goal), goal)


def _newest(store: Store) -> Run:
    newest = store.runs(status=Status.RUNNING, limit=1) or store.runs(limit=1)
    if not newest:
        raise UsageError("there is no run to watch", cause=_NONE_YET, hint="advisor run SCRIPT [ARGS…]")
    return newest[0]


def _goal(store: Store, run: Run) -> Goal | None:
    from advisor.advise.diagnose.outlook import goal_of

    architecture = run.model.partition(".")[0] if run.model else None
    others = store.runs(status=Status.FINISHED, architecture=architecture)
    return goal_of(run, others, store.suggestion(run.suggestion_id) if run.suggestion_id else None)


def _for_programs(outlook: Outlook, goal: Goal | None) -> None:
    run = outlook.run
    document = {
        "schema": SCHEMA,
        "run_id": run.run_id,
        "status": run.status,
        "verdict": outlook.verdict,
        "epochs_done": outlook.done,
        "epochs": run.epochs,
        "top1": outlook.top1,
        "goal": goal,
        "expected": outlook.expected,
        "alarms": outlook.alarms,
        "notes": outlook.notes,
    }
    echo_json(document, indent=None)


class _ForPeople:
    """Prints each thing once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def show(self, outlook: Outlook, goal: Goal | None) -> None:
        """Print what is new."""
        run = outlook.run
        self._once(f"{_name(run)}: {run.model or 'a model'} on {run.dataset_name or 'a dataset'}")
        if goal is not None:
            self._once(f"Good is {goal.top1:.1f} %, {goal.meaning}.")
        for note in outlook.notes:
            self._once(f"Note: {note}.")
        if outlook.top1 is not None:
            self._once(f"{_so_far(outlook)}{_to_come(outlook)}")
        for alarm in outlook.alarms:
            if alarm.name not in self._said:
                self._said.add(alarm.name)
                stop = "stop it, and see `advisor diagnose {}`" if _goes_on(run) else "advisor diagnose {}"
                echo(one_line(f"This run {_has(alarm.name)}: {alarm.meaning}."))
                echo(one_line(f"Next:  {stop.format(_name(run))}"))
        if not _goes_on(run):
            error = f", {run.error}" if run.error else ""
            reached = "" if outlook.top1 is None else f", top-1 {outlook.top1:.1f} %"
            self._once(f"Ended: {run.status.value} after {outlook.done} of {run.epochs or '?'} epochs{reached}{error}.")

    def _once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            echo(one_line(line))


def _name(run: Run) -> str:
    return run.name or run.run_id


def _goes_on(run: Run) -> bool:
    return run.status is Status.RUNNING


def _so_far(outlook: Outlook) -> str:
    return f"epoch {outlook.done} of {outlook.run.epochs or '?'}: top-1 {outlook.top1:.1f} %"


def _to_come(outlook: Outlook) -> str:
    expected = outlook.expected
    if expected is None:
        return ""
    return f", will end at {expected.top1:.1f} % ({expected.low:.1f} to {expected.high:.1f})"


def _has(alarm: str) -> str:
    return f"has {alarm}" if alarm.startswith("come") else alarm
