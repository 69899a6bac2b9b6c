"""``advisor run``: a training script as it is, recorded."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click

from advisor.cli.terminal.progress import working
from advisor.errors import UsageError

SYNC_SECONDS = 60.0
"""How long storing a run and describing its dataset may take after it; `advisor records sync` has all the time."""

logger = logging.getLogger("advisor.run")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--suggest", is_flag=True, help="Set what the command line leaves open of the hyperparameters by advice.")
@click.option("--name", help="What to call the run in `advisor records list`.")
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(suggest: bool, name: str | None, script: Path, arguments: tuple[str, ...]) -> Callable[[], None]:
    """Run a timm training script unchanged, recorded.

    SCRIPT runs as `python SCRIPT ARGUMENTS...` would, and its exit status is that of this command. Options of
    `advisor run` stand before SCRIPT. Under torchrun: `torchrun ... -m advisor run SCRIPT ARGUMENTS...`.

    With --suggest, learning rate, batch size, epochs, dropout and weight decay are set to what `advisor suggest` says
    for the script's own dataset, model and optimizer, each where neither the command line nor its --config file sets
    it. What was set, and why, is said on stderr. If there is no advice, the script runs as it is.
    """
    try:
        source = script.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read the script {script}",
            cause=error.strerror or str(error),
            hint="advisor run [--suggest] [--name NAME] SCRIPT [ARGUMENTS...]",
        ) from error
    if suggest:
        return lambda: _run_with_advice(source, script, arguments, name)
    return lambda: _run_recorded(source, script, arguments, name)


def _run_with_advice(source: bytes, script: Path, arguments: tuple[str, ...], name: str | None) -> None:
    from advisor.cli.runs.completed_command import FillIn
    from advisor.config import Config

    config = Config()
    filling = FillIn(config["suggest_timeout"], Path(config["cache_dir"]) / "advice", _follow)
    with filling.watching():
        _run_recorded(source, script, arguments, name)


def _follow(suggestion_id: str) -> None:
    """Let the run name the advice that it follows."""
    import advisor

    recorder = advisor.autolog(suggestion_id=suggestion_id)
    if recorder.active is not None:
        recorder.active.update(suggestion_id=suggestion_id)


def _run_recorded(source: bytes, script: Path, arguments: tuple[str, ...], name: str | None) -> None:
    import advisor
    from advisor.records.recording.launcher import run_script

    logging.getLogger("advisor").propagate = False  # the script may send the root logger to files of its own
    recorder = advisor.autolog(**({"name": name} if name else {}))
    if recorder is None:  # it could not begin, and has said so
        run_script(source, script, arguments)
        return
    ended: list[str] = []
    recorder.before_end.append(lambda: ended.extend(run.run_id for run in (recorder.active,) if run is not None))
    error: BaseException | None = None
    try:
        run_script(source, script, arguments)
    except BaseException as raised:
        error = raised
        raise
    finally:
        recorder.end_run(error=error)
        recorder.detach()
        if ended:
            _take_into_the_store()


def _take_into_the_store() -> None:
    """Store the run and describe its dataset, in a process of its own, so that nothing of it can reach the script's."""
    command = [sys.executable, "-m", "advisor", "records", "sync"]
    try:
        with working("storing the run and describing its dataset"):
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SYNC_SECONDS, check=False, text=True
            )
    except (OSError, subprocess.SubprocessError, KeyboardInterrupt) as error:
        # The script is over: a Ctrl-C now only means not to wait.
        logger.info("`advisor records sync` is still to be done: %r", error)
    else:
        logger.info("%s%s", done.stdout, done.stderr)
