"""``advisor run``: a training script as it is, recorded."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.errors import UsageError

if TYPE_CHECKING:
    from advisor.records.recorder import Recorder

DESCRIBE_SECONDS = 60.0
"""How long a dataset may be described after its run; `advisor describe` takes as long as it needs."""

logger = logging.getLogger("advisor.run")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--name", help="What to call the run in `advisor records list`.")
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(name: str | None, script: Path, arguments: tuple[str, ...]) -> Callable[[], None]:
    """Run a timm training script unchanged, recorded.

    SCRIPT runs as `python SCRIPT ARGUMENTS...` would, and its exit status is that of this command. Options of
    `advisor run` stand before SCRIPT. Under torchrun: `torchrun ... -m advisor run SCRIPT ARGUMENTS...`.
    """
    try:
        source = script.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read the script {script}",
            cause=error.strerror or str(error),
            hint="advisor run [--name NAME] SCRIPT [ARGUMENTS...]",
        ) from error
    return lambda: _run_recorded(source, script, arguments, name)


def _run_recorded(source: bytes, script: Path, arguments: tuple[str, ...], name: str | None) -> None:
    import advisor
    from advisor.records.launcher import run_script

    logging.getLogger("advisor").propagate = False  # the script may send the root logger to files of its own
    recorder = advisor.autolog(**({"name": name} if name else {}))
    if recorder is None:  # it could not begin, and has said so
        run_script(source, script, arguments)
        return
    folders: set[str] = set()
    recorder.before_end.append(lambda: folders.update(_dataset_folder(recorder)))
    error: BaseException | None = None
    try:
        run_script(source, script, arguments)
    except BaseException as raised:
        error = raised
        raise
    finally:
        recorder.end_run(error=error)
        recorder.detach()
        for folder in sorted(folders):
            _describe(folder)


def _dataset_folder(recorder: Recorder) -> Iterator[str]:
    folder = recorder.active.snapshot().extra.get("dataset_root") if recorder.active is not None else None
    if folder is not None:
        yield folder


def _describe(folder: str) -> None:
    """Describe a dataset in a process of its own, so that nothing of it can reach the script's."""
    command = [sys.executable, "-m", "advisor", "describe", "--dataset", folder, "--format", "json"]
    try:
        described = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=DESCRIBE_SECONDS, check=False, text=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        logger.info("%s is not described yet: %s", folder, error)
    else:
        logger.info("describing %s: exit status %d %s", folder, described.returncode, described.stderr.strip())
