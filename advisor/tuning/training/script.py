"""What a training script takes and what its command line leaves open, asked of the script itself."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from advisor.advise.output.script_arguments import ScriptArguments
from advisor.advise.output.script_parser import watched_parser
from advisor.advise.suggestion import Suggested, Suggestion
from advisor.errors import AdvisorError, UsageError
from advisor.helper_process import helper_process
from advisor.records.recording.launcher import run_script
from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import format_number

ASK_SECONDS = 300.0
"""How long a script may take until it parses its command line: it imports torch before."""
_OUTPUT, _EXPERIMENT, _RESUME = "output", "experiment", "resume"


@dataclass(frozen=True)
class TunedScript:
    """A training script, and the command line that a tuning of it was asked for with.

    Attributes
    ----------
    path : Path
        The script.
    words : tuple of str
        Its command line, which stays as it is in every trial.
    arguments : ScriptArguments
        The same as the script parses it.
    """

    path: Path
    words: tuple[str, ...]
    arguments: ScriptArguments

    @property
    def resumes(self) -> bool:
        """Whether a training can wait and go on: the script takes a checkpoint and writes where it is told to."""
        return {_OUTPUT, _EXPERIMENT, _RESUME} <= self.arguments.options.keys()

    def open(self) -> tuple[str, ...]:
        """Return the hyperparameters that are tuned.

        Raises
        ------
        AdvisorError
            If there is none.
        """
        if not self.arguments.open:
            raise AdvisorError(
                "there is nothing to tune",
                cause="the command line sets all of the hyperparameters that the script takes",
                hint="leave --lr or another one out",
            )
        return self.arguments.open

    def asked(self) -> dict[str, Any]:
        """Return what is asked of advice for its training; see ``ScriptArguments.asked``.

        Raises
        ------
        UsageError
            If the command line names no dataset or no model.
        """
        try:
            return self.arguments.asked()
        except LookupError as error:
            raise UsageError("this cannot be tuned", cause=str(error), hint="name it on the command line") from error

    def command(
        self, suggestion: Suggestion, configuration: Configuration, folder: Path, name: str, resume: Path | None
    ) -> list[str]:
        """Return the words that follow ``advisor run`` for a trial.

        Parameters
        ----------
        suggestion : Suggestion
            The advice: the rest of the recipe, which every trial is trained with.
        configuration : Configuration
            The hyperparameters of this one.
        folder : Path
            Where trials write, each to a folder called ``name``.
        name : str
            Of the trial.
        resume : Path or None
            The checkpoint that it goes on from.
        """
        values: dict[str, Any] = {}
        for argument, value in ((_OUTPUT, str(folder)), (_EXPERIMENT, name), (_RESUME, resume and str(resume))):
            if argument in self.arguments.options and value is not None:
                values[argument] = value
        words = _as_options(values, self.arguments.options)
        return [str(self.path), *self.words, *self.values(suggestion, configuration), *words]

    def values(self, suggestion: Suggestion, configuration: Configuration) -> list[str]:
        """Return the words that set the hyperparameters, and the rest of the recipe that the advice assumes."""
        assumes = suggestion.assumes
        warmup = min(assumes.warmup_epochs, float(configuration.epochs - 1))
        advised = suggestion.model_copy(
            update={
                "suggestions": (Suggested.of(configuration),),
                "assumes": assumes.model_copy(update={"warmup_epochs": warmup}),
            }
        )
        values = {**self.arguments.recipe(advised), **self.arguments.fill(advised)}
        return _as_options(values, self.arguments.options)

    def of_model(self, model: str) -> TunedScript:
        """Return the same, training another model."""
        decided = {*self.arguments.decided, "model"}
        arguments = replace(self.arguments, values={**self.arguments.values, "model": model}, decided=decided)
        return replace(self, words=(*self.words, self.arguments.options["model"], model), arguments=arguments)

    def on_split(self, folder: str) -> TunedScript:
        """Return the same, reading its images in another folder: one that was given a validation split."""
        reading = self.arguments.reading(folder)
        words = _as_options(reading, self.arguments.options)
        if self.arguments.root not in self.arguments.options:  # a positional argument, as in `train.py DATA`
            old = str(self.arguments.values[str(self.arguments.root)])
            kept = tuple(folder if word == old else word for word in self.words)
            words = [word for word in words if word != folder]
            return replace(self, words=(*kept, *words), arguments=self._reading(reading))
        return replace(self, words=(*self.words, *words), arguments=self._reading(reading))

    def _reading(self, values: Mapping[str, Any]) -> ScriptArguments:
        return replace(self.arguments, values={**self.arguments.values, **values})


def _as_options(values: Mapping[str, Any], options: Mapping[str, str]) -> list[str]:
    words: list[str] = []
    for name, value in values.items():
        if name not in options or value is False or value is None:
            continue
        words.append(options[name])
        if isinstance(value, list):
            words += [format_number(one) for one in value]
        elif value is not True:
            words.append(value if isinstance(value, str) else format_number(value))
    return words


def ask_script(path: Path, words: Sequence[str]) -> TunedScript:
    """Let a script parse its command line, in a process of its own that ends before anything is trained.

    Raises
    ------
    AdvisorError
        If it ends, or takes longer than ``ASK_SECONDS``, before it has parsed the command line of a training.
    """
    command = {
        **helper_process(()),
        "args": [sys.executable, "-m", "advisor.tuning.training.script", str(path), *words],
    }
    try:
        process = subprocess.run(
            **command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=ASK_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise _not_asked(f"it parsed no command line in {ASK_SECONDS:g} seconds", path) from error
    _, found, answer = process.stdout.rpartition(_ANSWER)
    if not found:
        last = process.stderr.strip().splitlines()[-1:] or [f"it ended with status {process.returncode}"]
        raise _not_asked(last[0], path)
    told = json.loads(answer)
    arguments = ScriptArguments(told["values"], told["decided"], told["options"])
    return TunedScript(path, tuple(words), arguments)


def _not_asked(cause: str, path: Path) -> AdvisorError:
    return AdvisorError(
        f"{path} did not parse the command line of a training",
        cause=cause,
        hint="see that `advisor run` runs it; a loop of your own is tuned by `for trial in advisor.tune(...)`",
    )


_ANSWER = "\nadvisor tune asks what this script takes:"


def _answer() -> None:
    """Run the script of this process's command line until it has parsed its arguments, and print what they are."""

    def tell(
        parser: argparse.ArgumentParser, found: argparse.Namespace, options: Mapping[str, str], decided: set[str]
    ) -> None:
        plain = (str, int, float, bool, list, tuple, type(None))
        values = {name: value for name, value in vars(found).items() if isinstance(value, plain)}
        told = {"values": values, "decided": sorted(decided), "options": dict(options)}
        sys.__stdout__.write(f"{_ANSWER}{json.dumps(told, default=str)}")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]
        os._exit(0)  # nothing is to be trained

    path = Path(sys.argv[1])
    with watched_parser(tell):
        run_script(b"" if path.is_dir() else path.read_bytes(), path, sys.argv[2:])


if __name__ == "__main__":
    _answer()
