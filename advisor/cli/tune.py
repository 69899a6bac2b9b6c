"""``advisor tune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.terminal.messages import note
from advisor.cli.terminal.output import echo, echo_json, format_option
from advisor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from advisor.collect.engine import PlacingEngine
    from advisor.tuning.training.process import Start
    from advisor.tuning.training.script import TunedScript


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--budget", metavar="TIME", help="How long to tune in all, such as 30m or 8h.")
@click.option("--max-epochs-total", type=click.IntRange(1), metavar="N", help="Epochs of all trials together, instead.")
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Begin no more trials than this.")
@click.option(
    "--models", metavar="A,B,…|auto", help="Tune over these pretrained models, or the three most promising ones."
)
@click.option("--devices", metavar="D,D", help="Train a trial on each of them at a time, such as cuda:0,cuda:1.")
@click.option("--engine", default="local", show_default=True, help="local, or one that a plugin offers, such as ray.")
@click.option("--address", help="Where the engine's cluster is; by default the one found here, or a new one.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Trials at a time on the engine.")
@click.option("--max-disk", metavar="SIZE", help="Keep the trials' checkpoints below this, such as 20G.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the trials write.  [default: output/tuning/ and a name made of the command]",
)
@click.option("--report", is_flag=True, help="Only show what was learned so far.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what was learned to an HTML page too.",
)
@format_option
@click.argument("script", type=click.Path(path_type=Path, exists=True))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def tune(
    budget: str | None,
    max_epochs_total: int | None,
    trials: int | None,
    models: str | None,
    devices: str | None,
    engine: str,
    address: str | None,
    workers: int | None,
    max_disk: str | None,
    folder: Path | None,
    report: bool,
    out: Path | None,
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

    With --models the model is tuned too: each is expected to reach what `advisor suggest --models` says, given what the
    others came to, for its seconds an epoch.

    With --engine ray the trials are trained by a Ray cluster, each on a GPU where it has any and the script trains on
    one; images, working folder, --folder and the spool folder are to be the same paths on every machine.
    """
    from advisor.advise.models.candidates import parse_bytes
    from advisor.tuning.clock import budget_of
    from advisor.tuning.opening import open_tuning, session_of
    from advisor.tuning.report import report_of, to_text
    from advisor.tuning.tuner import Tuner

    may_cost = budget_of(budget, max_epochs_total, trials)
    on = None if devices is None else _named(devices)
    most_bytes = None if max_disk is None else parse_bytes(max_disk, "amount of disk space")
    if report and not session_of(script, arguments, folder, models).exists:
        raise UsageError(
            "there is no tuning of this command yet", hint="advisor tune [--budget 1h] SCRIPT [ARGUMENTS...]"
        )
    placing = None if report else _engine(engine, on, address, workers)
    opened = open_tuning(script, arguments, folder, note, models)
    ended = None
    if report:
        plan = opened.plan(may_cost)
    else:
        assert opened.script is not None
        named, start = _places(placing, on, opened.script)
        with opened.session.held():
            plan = opened.plan(may_cost)
            tuner = Tuner(plan, opened, named, note, start, most_bytes)
            ended = tuner.run().why
    found = report_of(opened, plan, ended)
    if format_ == "json":
        echo_json(found)
    else:
        echo(to_text(found))
    if out is not None:
        _write(out, found)
        note(f"what was learned is in {out}")
    return 0


def _write(out: Path, found: Mapping[str, Any]) -> None:
    from advisor.report.tuning_page import render_tuning

    try:
        out.write_text(render_tuning(found), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {out}", cause=error.strerror or str(error), hint="name another file with --out"
        ) from error


def _named(devices: str) -> Sequence[str]:
    named = [one.strip() for one in devices.split(",") if one.strip()]
    if not named:
        raise UsageError("--devices names none", hint="--devices cuda:0,cuda:1")
    return named


def _engine(
    engine: str, devices: Sequence[str] | None, address: str | None, workers: int | None
) -> PlacingEngine | None:
    """Return the engine whose workers train; None where this process does."""
    if engine == "local":
        if address is not None or workers is not None:
            raise UsageError("--address and --workers are an engine's", hint="--engine ray, or --devices cuda:0,cuda:1")
        return None
    if devices is not None:
        raise UsageError(f"trials are placed by the engine {engine!r}", hint="leave --devices out")
    from advisor.collect.find_engine import find_placing_engine
    from advisor.plugins import get_plugins

    return find_placing_engine(engine, get_plugins(), workers=workers, address=address)


def _places(
    placing: PlacingEngine | None, devices: Sequence[str] | None, script: TunedScript
) -> tuple[Sequence[str | None], Start]:
    """Return where to train, a trial each (None is where the script does), and what starts it there."""
    from advisor.tuning.training.placed import Placer
    from advisor.tuning.training.process import TrialProcess

    if placing is None:
        return _devices(devices, script), TrialProcess
    on_cpu = str(script.arguments.values.get("device", "")).startswith("cpu")
    gpus = 0 if on_cpu else int(placing.places(1) > 0)
    return [None] * max(1, placing.places(gpus)), Placer(placing, gpus).start


def _devices(devices: Sequence[str] | None, script: TunedScript) -> Sequence[str | None]:
    """Return where to train, a trial each; None is where the script does."""
    if devices is None:
        return [None]
    if "device" not in script.arguments.options:
        raise UsageError(f"{script.path} has no option --device", hint="leave --devices out")
    return devices
