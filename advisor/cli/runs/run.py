"""``advisor run``: a training script as it is, recorded."""

from __future__ import annotations

import atexit
import logging
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import click

from advisor.bounded import BOUNDS
from advisor.cli.terminal.progress import working
from advisor.errors import AdvisorError, UsageError
from advisor.helper_process import helper_process
from advisor.plugins import environment_only
from advisor.records.recording.launcher import is_package, modules_in, run_script
from advisor.records.recording.recorder import Recorder, autolog, process_recorder
from advisor.records.recording.undisturbed import threads_go_on, undisturbed

AFTER_SECONDS = 60.0
"""How long storing a run and describing its dataset may take after it; `advisor records sync` has all the time."""

logger = logging.getLogger("advisor.run")
_begin = Popen.__init__
"""Taken now, as scripts put functions of their own in its place, to see or to refuse processes."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--suggest", is_flag=True, help="Set what the command line leaves open of the hyperparameters by advice.")
@click.option("--watch", is_flag=True, help="Say on stderr, after each epoch, where the run will end.")
@click.option("--name", help="What to call the run in `advisor records list`.")
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(suggest: bool, watch: bool, name: str | None, script: Path, arguments: tuple[str, ...]) -> Callable[[], None]:
    """Run a timm training script unchanged, recorded.

    SCRIPT runs as `python SCRIPT ARGUMENTS...` would, and its exit status is that of this command. Options of
    `advisor run` stand before SCRIPT. Under torchrun: `torchrun ... -m advisor run SCRIPT ARGUMENTS...`.

    With --suggest, learning rate, batch size, epochs, dropout and weight decay are set to what `advisor suggest` says
    for the script's own dataset, model and optimizer, and so is the rest of the recipe that they assume (warm-up,
    schedule, augmentation), each where neither the command line nor its --config file sets it. Of images without a
    validation split a fifth of each class is kept for validation: links in the cache, nothing is moved. What was set,
    and why, is said on stderr. If there is no advice, the script runs as it is.

    With --watch, a process of its own says what `advisor watch` would; it only reads what is recorded.
    """
    try:
        source = b"" if script.is_dir() and _main_of(script) else _read(script)
    except OSError as error:
        raise UsageError(
            f"cannot read the script {script}",
            cause=error.strerror or str(error),
            hint="advisor run [--suggest] [--watch] [--name NAME] SCRIPT [ARGUMENTS...]",
        ) from error
    return lambda: _Run(script, name, suggest=suggest, watch=watch).execute(source, arguments)


def _read(script: Path) -> bytes:
    """Return what a script holds, be it a file or a pipe; what never ends, as ``/dev/zero``, is none."""
    most = BOUNDS["script"].size
    with script.open("rb") as file:
        source = file.read(most + 1)
    if len(source) > most:
        raise OSError(f"it is larger than {most // 2**20:,} MiB, and no script")
    return source


def _main_of(folder: Path) -> bool:
    return any((folder / f"__main__.{kind}").is_file() for kind in ("py", "pyc"))


class _Run:
    """A script that is run, with what is done before it and after it.

    Nothing before it can keep it from starting. What comes after it comes when the process is ending: its exit status
    is decided, what it had to say is said, and its own ``atexit`` functions are through.
    """

    def __init__(self, script: Path, name: str | None, *, suggest: bool, watch: bool) -> None:
        self._script = script
        self._name = name
        self._suggest = suggest
        self._watch = watch
        self._recorder: Recorder | None = None
        self._store_it: dict[str, Any] | None = None
        self._spools: Path | None = None
        self._has_run = False
        self._came_to_its_end = False
        self._started_at = time.time()
        self._after = ExitStack()

    def execute(self, source: bytes, arguments: tuple[str, ...]) -> None:
        logging.getLogger("advisor").propagate = False  # the script may send the root logger to files of its own
        atexit.register(undisturbed, self._finish, AFTER_SECONDS)  # first, so that it comes last
        try:
            self._prepare()
        except KeyboardInterrupt:  # before the script, as it would be during its imports
            raise
        except BaseException as error:  # isolation: a broken setting of ours is no reason not to train
            _say_unrecorded(error)
        try:
            run_script(source, self._script, arguments)
        except BaseException as error:
            self._ends_by(error)
            raise
        self._ends_by(None)

    def _prepare(self) -> None:
        from advisor.config import Config

        place = self._script.absolute() if is_package(self._script) else self._script.resolve().parent
        if any(module == "advisor" for module, _ in modules_in(str(place))):
            raise UsageError("the script has a module of its own called advisor", hint="give it another name")
        config = Config(project=place)
        self._spools = config["spool_dir"]
        self._store_it = helper_process(("records", "sync"), config.environment())
        self._recorder = process_recorder(place)
        self._recorder.before_end.append(self._ends)
        if self._suggest:
            from advisor.cli.runs.completed_command import FillIn

            filling = FillIn(config["suggest_timeout"], config["cache_dir"], _follow)
            self._after.enter_context(filling.watching())
        if self._watch:
            from advisor.cli.runs.watching import Watching

            watching = Watching(config.environment())
            self._recorder.add_plugin(watching, "watch")
            self._after.callback(watching.finish)
        autolog(**({"name": self._name} if self._name else {}))

    def _ends(self) -> None:
        self._has_run = True

    def _ends_by(self, error: BaseException | None) -> None:
        self._came_to_its_end = error is None
        if self._recorder is not None and self._recorder.active is not None:
            self._recorder.active.ends_by(error)

    def _finish(self) -> None:
        with suppress(Exception):
            self._after.close()
        if self._has_run and self._store_it is not None:
            _store(self._store_it)
        elif self._came_to_its_end and "torch" in sys.modules and not self._is_recorded_elsewhere():
            logger.warning(
                "nothing was recorded: this process trained nothing with timm. What a script trains in processes that "
                "it starts itself (mp.spawn, accelerate launch) is recorded where advisor.autolog() stands at its top"
            )

    def _is_recorded_elsewhere(self) -> bool:
        """Return whether another process has begun a record: rank 0, or one that the script has started."""
        if self._spools is None:
            return True  # why nothing is recorded has been said
        with suppress(OSError):
            return any(spool.stat().st_mtime >= self._started_at for spool in self._spools.iterdir())
        return False


def _say_unrecorded(error: BaseException) -> None:
    parts = (error.problem, error.cause, error.hint) if isinstance(error, AdvisorError) else (repr(error),)
    with suppress(Exception):
        logger.warning("this run is not recorded: %s", "; ".join(part for part in parts if part))


def _follow(facts: Mapping[str, str]) -> None:
    """Let the run name the advice that it follows."""
    recorder = autolog(**facts)
    if recorder.active is not None:
        recorder.active.update(**facts)


def _store(command: dict[str, Any]) -> None:
    """Store the run and describe its dataset, in a process of its own, so that nothing of it can reach the script's."""
    process = Popen.__new__(Popen)
    _begin(process, **command, cwd=Path(__file__).parents[3], stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    if threads_go_on():
        process.returncode = 0  # it goes on by itself; else Python warns of that
        return
    try:
        with ExitStack() as shown:
            if sys.stderr is sys.__stderr__:  # else it is the script's
                with suppress(Exception), environment_only():
                    shown.enter_context(working("storing the run and describing its dataset"))
            logger.info("`advisor records sync` ended with status %s", process.wait())
    finally:
        if process.poll() is None:
            process.kill()
            # Not waited for, as a disk that does not answer keeps it; else Python warns of that.
            process.returncode = -signal.SIGTERM
