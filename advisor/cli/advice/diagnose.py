"""``advisor diagnose``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from advisor.cli.terminal.output import echo_json, format_option
from advisor.errors import UsageError
from advisor.space.words import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from advisor.advise.diagnose.diagnosis import Diagnosis
    from advisor.records.schema import Run
    from advisor.records.store.store import Store

SCHEMA = "advisor.diagnosis/1"


@click.command()
@click.argument("run", required=False)
@format_option
def diagnose(run: str | None, format_: str) -> None:
    """Say what a recorded run suffers from and which one value to change.

    RUN is an id, the unique beginning of one, or a name, as `advisor records list` shows them; the newest run, where
    it is left out. Advice is given only where changes like it helped on recorded runs; docs/diagnoses.md has the
    figures.
    """
    from advisor.advise.diagnose.diagnosis import diagnose as diagnose_run
    from advisor.api import Advisor
    from advisor.cli.runs.store import open_store

    store = open_store()
    recorded = _newest(store) if run is None else store.run(run)
    dataset = store.dataset(recorded.dataset_id) if recorded.dataset_id else None
    diagnosis = diagnose_run(
        recorded,
        store.epochs(recorded.run_id),
        artefact=Advisor(store).artefact,
        dataset=dataset,
        suggestion=store.suggestion(recorded.suggestion_id) if recorded.suggestion_id else None,
    )
    if format_ == "json":
        echo_json(_document(diagnosis))
    else:
        from advisor.safe_console import SafeConsole

        SafeConsole().print(_text(diagnosis))


def _newest(store: Store) -> Run:
    newest = store.runs(limit=1)
    if not newest:
        raise UsageError("there is no run to diagnose", cause="none is recorded yet", hint="advisor run SCRIPT [ARGS…]")
    return newest[0]


def _document(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "run_id": diagnosis.run.run_id,
        "verdict": diagnosis.verdict,
        "error": diagnosis.run.error,
        "causes": diagnosis.causes,
        "findings": diagnosis.findings,
        "advice": diagnosis.advice,
        "symptoms": diagnosis.symptoms,
        "notes": diagnosis.notes,
    }


def _text(diagnosis: Diagnosis) -> RenderableType:
    from rich.console import Group

    from advisor.safe_console import line

    run, advice = diagnosis.run, diagnosis.advice
    reached = "" if run.final_metric is None else f", final top-1 {run.final_metric:.1f} %"
    lines = [
        line(
            f"{run.name or run.run_id}: {run.model or 'a model'} on {run.dataset_name or 'a dataset'}, "
            f"{run.epochs_done} of {'?' if run.epochs is None else counted(run.epochs, 'epoch')}{reached}"
        ),
        line(""),
        line(diagnosis.verdict.capitalize(), style="bold"),
    ]
    for cause in diagnosis.causes:
        also = "" if cause is diagnosis.causes[0] else f"Also {cause.name}: "
        lines.append(line(f"{also}{_sentence(cause.meaning) if not also else cause.meaning}."))
        if cause.remedy is not None:
            lines.append(line(f"What to do: {cause.remedy}.", style="bold"))
        if cause.option is not None:
            lines.append(line(f"Next:  add {cause.option} to the command that was run"))
    if run.error is not None and not any(run.error in cause.meaning for cause in diagnosis.causes):
        lines.append(line(f"The recorded error: {run.error}"))
    if diagnosis.causes:
        lines.append(line("So no other value of the hyperparameters is advised."))
    for finding in diagnosis.findings:
        also = "" if finding is diagnosis.findings[0] else f"Also {finding.rule}: "
        lines.append(line(f"{also}{finding.meaning} ({finding.seen})."))
        if not finding.advised:
            lines.append(line(f"No advice for {finding.rule}: {_unbacked(finding.figures)}.", style="dim"))
    if diagnosis.causes:
        return Group(*lines, *(line(f"Note: {note}.") for note in diagnosis.notes))
    lines.append(line(""))
    if advice is not None:
        lines += [
            line(f"Change next: {advice.change}; leave the rest as it is.", style="bold"),
            line(advice.expectation),
            line(f"Next:  add {advice.option} to the command that was run"),
        ]
    elif not diagnosis.findings and diagnosis.verdict != "cannot tell":
        lines.append(line("The curve asks for no change. More may still be had: compare with `advisor suggest`."))
    else:
        lines.append(line("No change of one value is backed by recorded runs here; see `advisor suggest`."))
    return Group(*lines, *(line(f"Note: {note}.") for note in diagnosis.notes))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _unbacked(figures: Any) -> str:
    change = f"{figures['change']['name']} {'up' if figures['change']['direction'] > 0 else 'down'}"
    if not figures["pairs"]:
        return f"no recorded runs tell what {change} does then"
    return (
        f"on recorded runs {change} did better than {figures['wins']:.0%} of random changes as large and gained "
        f"{figures['gain'][1]:+.1f} points ({figures['pairs']} matching pairs), which is too little"
    )
