"""``advisor tune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.terminal.messages import note
from advisor.cli.terminal.output import echo, echo_json, format_option
from advisor.errors import UsageError

if TYPE_CHECKING:
    from advisor.tuning.script import TunedScript


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--budget", metavar="TIME", help="How long to tune in all, such as 30m or 8h.")
@click.option("--max-epochs-total", type=click.IntRange(1), metavar="N", help="Epochs of all trials together, instead.")
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Begin no more trials than this.")
@click.option("--devices", metavar="D,D", help="Train a trial on each of them at a time, such as cuda:0,cuda:1.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the trials write.  [default: output/tuning/ and a name made of the command]",
)
@click.option("--report", is_flag=True, help="Only show what was learned so far.")
@format_option
@click.argument("script", type=click.Path(path_type=Path, exists=True))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def tune(
    budget: str | None,
    max_epochs_total: int | None,
    trials: int | None,
    devices: str | None,
    folder: Path | None,
    report: bool,
    format_: str,
    script: Path,
    arguments: tuple[str, ...],
) -> int:
    """Find the best values for a training script within a budget.

    SCRIPT is timm's train.py or one like it, and ARGUMENTS its command line; options of `advisor tune` stand before it.
    What ARGUMENTS set stays; the rest of learning rate, batch size, epochs, dropout and weight decay is tuned. The
    first trial is what `advisor suggest` says. After every epoch it is decided, from all epochs so far, whether the
    trial goes on, waits for a better one, or nothing is expected to gain more than the noise. A trial that waits goes
    on from its checkpoint by --resume; a script without --resume is trained whole each time, which is said. Every trial
    is a recorded run. Ctrl-C ends it cleanly, and the same command goes on where it was.
    """
    from advisor.tuning.clock import budget_of
    from advisor.tuning.opening import open_tuning, session_of
    from advisor.tuning.report import report_of, to_text
    from advisor.tuning.tuner import Tuner

    may_cost = budget_of(budget, max_epochs_total, trials)
    if report and not session_of(script, arguments, folder).exists:
        raise UsageError(
            "there is no tuning of this command yet", hint="advisor tune [--budget 1h] SCRIPT [ARGUMENTS...]"
        )
    opened = open_tuning(script, arguments, folder, note)
    assert opened.script is not None
    plan = opened.plan(may_cost)
    ended = None
    if not report:
        named = _devices(devices, opened.script)
        with opened.session.held():
            plan = opened.plan(may_cost)
            ended = Tuner(plan, opened.script, opened.suggestion, opened.config, named, note).run().why
    found = report_of(opened, plan, ended)
    if format_ == "json":
        echo_json(found)
    else:
        echo(to_text(found))
    return 0


def _devices(text: str | None, script: TunedScript) -> list[str | None]:
    """Return where to train, a trial each; None is where the script does."""
    if text is None:
        return [None]
    if "device" not in script.arguments.options:
        raise UsageError(f"{script.path} has no option --device", hint="leave --devices out")
    return [one.strip() for one in text.split(",")]
