"""The ``advisor`` command and how its errors, colours and exit statuses reach the user."""

from __future__ import annotations

import difflib
import importlib
import io
import logging
import os
import re
import signal
import sys
from typing import Any, NoReturn

import click

from advisor.cli.terminal.examples import add_examples
from advisor.cli.terminal.output import echo
from advisor.errors import AdvisorError, UsageError
from advisor.plugins import get_plugins
from advisor.safe_text import for_terminal, one_line
from advisor.version import __version__

COMMANDS = {
    # name: (module, attribute, short help), in the order of `advisor --help`
    "suggest": ("advisor.cli.advice.suggest", "suggest", "Suggest starting hyperparameters for a dataset."),
    "run": ("advisor.cli.runs.run", "run", "Run a timm training script unchanged, recorded."),
    "watch": ("advisor.cli.runs.watch", "watch", "Say where a run will end, while it is trained."),
    "tune": ("advisor.cli.tune", "tune", "Find the best values for a training script within a budget."),
    "explain": (
        "advisor.cli.advice.explain",
        "explain",
        "Explain the advice: what each hyperparameter does.",
    ),
    "report": (
        "advisor.cli.advice.report",
        "report",
        "Write a page of the advice, your runs and how past advice did.",
    ),
    "diagnose": ("advisor.cli.advice.diagnose", "diagnose", "Say what a run suffers from and what to change."),
    "describe": ("advisor.cli.describe", "describe", "Describe an image dataset and what is wrong with it."),
    "records": ("advisor.cli.runs.records", "records", "List, show and manage recorded runs."),
    "train": ("advisor.cli.train", "train", "Fit the meta-model to the shipped evidence and your own runs."),
    "evaluate": ("advisor.cli.evaluate", "evaluate", "Measure what the advice is worth on held-out sources."),
    "collect": ("advisor.cli.collect", "collect", "Train the runs of a plan and record them as evidence."),
    "doctor": ("advisor.cli.doctor", "doctor", "Check this installation and say how to repair it."),
    "plugins": ("advisor.cli.plugins", "plugins", "List plugins, their hooks and their problems."),
    "config": ("advisor.cli.config", "config", "Show every setting and where its value came from."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, so that ``advisor --help`` stays fast."""

    _asked_plugins = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the built-in commands in order, then those of plugins."""
        self._add_commands_of_plugins()
        return [*COMMANDS, *sorted(name for name in self.commands if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return the command ``name``, or None if there is no such command."""
        if name not in COMMANDS:
            self._add_commands_of_plugins()
            return super().get_command(ctx, name)
        module, attribute, _ = COMMANDS[name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        add_examples(command, name)
        return command

    def _add_commands_of_plugins(self) -> None:
        if not self._asked_plugins:
            self._asked_plugins = True
            for _ in get_plugins().call_each("advisor_register_commands", cli=self):
                pass  # the hook returns nothing

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant, or say which one it may have been."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            if near:
                raise click.UsageError(f"No such command {name!r}. Did you mean {near[0]!r}?", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error that names no next step gets the command's help as one."""
        try:
            return super().invoke(ctx)
        except AdvisorError as error:
            error.hint = error.hint or f"{ctx.command_path} {ctx.invoked_subcommand} --help"
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing the built-in ones."""
        rows = [(name, COMMANDS[name][2]) for name in COMMANDS]
        for name in self.list_commands(ctx)[len(COMMANDS) :]:
            rows.append((name, self.commands[name].get_short_help_str()))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="advisor")
@click.option("-v", "--verbose", is_flag=True, help="Show details of what is done on stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Show results and errors only.")
@click.pass_context
def cli(ctx: click.Context, verbose: bool, quiet: bool) -> None:
    """Record timm training runs and start the next one from good hyperparameters.

    Results go to stdout, progress and notes to stderr. Exit status: 0 done, 1 a failure that is explained, 2 wrong
    usage, 3 low confidence under `suggest --strict`, 130 interrupted; `advisor run` returns the script's own.
    """
    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet contradict each other")
    if ctx.invoked_subcommand != "run":  # there they are the script's
        _print_what_can_be_printed()
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
    handler = _Stderr()
    handler.setFormatter(_SafeFormatter("%(levelname)s: %(message)s"))
    # Not the root logger: that belongs to the script of `advisor run`.
    logger = logging.getLogger("advisor")
    logger.handlers[:] = [handler]
    logger.setLevel(level)


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]  # generic at run time from Python 3.11 on
    """Writes to the stderr of the beginning: a script may close that, and open a file of its own in its place."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self._file = _file_of(self.stream)

    def emit(self, record: logging.LogRecord) -> None:
        if _file_of(self.stream) == self._file:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing of what cannot be said."""


def _file_of(stream: Any) -> tuple[int, int] | None:
    try:
        found = os.fstat(stream.fileno())
    except (AttributeError, OSError, ValueError):  # none, closed, or an object in its place
        return None
    return found.st_dev, found.st_ino


class _SafeFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return for_terminal(super().format(record))


def _print_what_can_be_printed() -> None:
    """Let a name that the output's encoding lacks, as in a pipe on Windows, appear as ``?`` instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line; exit status 0 done, 1 explained failure, 2 wrong usage, 130 interrupted."""
    try:
        result: Any = cli.main(args=args, prog_name="advisor", standalone_mode=False)
    except AdvisorError as error:
        _explain(error)
        logging.getLogger("advisor").debug("details", exc_info=error)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # pressed again it ends this at once, without a traceback
        echo("Interrupted.", err=True)
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _explain(_as_usage_error(error, args))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone (`advisor records list | head`): nothing is left to say to it.
        sys.stderr.close()
        sys.exit(0)
    if callable(result):
        # The script of `advisor run`: out here, because its errors, and a Ctrl-C, are its own and not ours to explain.
        result()
        raise SystemExit  # by nothing that the script may have replaced
    sys.exit(result if isinstance(result, int) else 0)


def _as_usage_error(error: click.ClickException, args: list[str] | None) -> UsageError:
    """Return an error of the parser's as one of ours, its guess at what was meant beside the next command."""
    context = getattr(error, "ctx", None)
    words = sys.argv[1:] if args is None else args
    if context is not None and context.parent is not None:
        command = context.command_path
    else:  # the parser itself does not tell
        command = " ".join(["advisor", *(word for word in words[:1] if word in COMMANDS)])
    problem, _, guess = re.sub(r"[.\s]*\(?(Did you mean|Possible options)", r"\n\1", error.format_message()).partition(
        "\n"
    )
    hint = f"{command} --help"
    return UsageError(problem.rstrip("."), hint=f"{hint}; {guess[0].lower()}{guess[1:].rstrip(')')}" if guess else hint)


def _explain(error: AdvisorError) -> None:
    echo(f"Error: {one_line(error.problem)}.", err=True)
    if error.cause:
        echo(f"Cause: {one_line(error.cause)}.", err=True)
    if error.hint:
        echo(f"Next:  {one_line(error.hint)}", err=True)
