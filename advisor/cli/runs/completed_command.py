"""``advisor run --suggest``: advice for what the command line of a training script leaves open.

The script's own parser tells what it takes and what was set. The advice is asked for in a process of its own, so that
nothing of it is left in the training's; where it cannot be had, in time or at all, the script runs as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from advisor.advise.output.script_arguments import ScriptArguments
from advisor.advise.output.script_parser import watched_parser
from advisor.advise.output.table import basis_in_words
from advisor.advise.output.timm_arguments import to_words
from advisor.advise.suggestion import Suggestion
from advisor.cli.runs.one_answer import Answer, SeveralMachines, one_answer, processes
from advisor.cli.terminal.messages import note
from advisor.cli.terminal.progress import working
from advisor.errors import AdvisorError
from advisor.helper_process import helper_process
from advisor.space.hyperparameters import TIMM_ARGUMENTS, format_number

_FURTHER_SECONDS = 300.0
"""How much longer than for advice the other processes wait for rank 0: it may have started later."""


@dataclass
class FillIn:
    """Fills in the arguments of the first training whose script parses its command line.

    Parameters
    ----------
    seconds : float
        How long the advice may take.
    cache_dir : Path
        Where processes that train together leave the answer for one another, and where validation splits are kept.
    followed : callable
        Told what the record is to say: the id of the advice that the training follows, and which folder's images were
        split.
    """

    seconds: float
    cache_dir: Path
    followed: Callable[[Mapping[str, str]], None]
    _done: bool = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at every command line that this process parses during this."""

        def fill(
            parser: argparse.ArgumentParser, found: argparse.Namespace, options: Mapping[str, str], decided: set[str]
        ) -> None:
            self._done = True
            try:
                self._fill(parser, found, options, decided)
            except Exception as error:  # isolation: the training goes on with what the user gave it
                if os.environ.get("ADVISOR_TESTING"):
                    raise
                _unchanged(f"{type(error).__name__}: {error}")

        try:
            with watched_parser(fill):
                yield
        finally:
            if not self._done:
                _say("nothing was set: the script parsed no command line with a learning rate (argparse)")

    def _fill(
        self, parser: argparse.ArgumentParser, found: argparse.Namespace, options: Mapping[str, str], decided: set[str]
    ) -> None:
        try:
            arguments = ScriptArguments(dict(vars(found)), decided, options, processes())
            if not arguments.open:
                _say("nothing to set: the command line decides all that the script takes")
                return
            waiting = self.seconds + _FURTHER_SECONDS
            answer = one_answer(lambda: self._ask(arguments), self.cache_dir / "advice", waiting)
        except (LookupError, SeveralMachines) as error:
            _unchanged(str(error))
            return
        if "reason" in answer:
            _unchanged(answer["reason"])
            return
        suggestion = Suggestion.model_validate(answer["suggestion"])
        for name, value in {**arguments.fill(suggestion), **arguments.recipe(suggestion)}.items():
            setattr(found, name, _as_parsed(next(action for action in parser._actions if action.dest == name), value))
        followed = {"suggestion_id": suggestion.suggestion_id}
        if "split" in answer:
            followed["split_of"] = os.path.abspath(str(arguments.values[str(arguments.root)]))
            for name, value in arguments.reading(answer["split"]["folder"]).items():
                setattr(found, name, value)
        self.followed(followed)
        if os.environ.get("RANK", "0") == "0":
            _tell(arguments, suggestion)
            if "split" in answer:
                _say("there is no validation split: a fifth of each class is kept for it and not trained on")
                _say(f"  {answer['split']['list']} names these images")

    def _ask(self, arguments: ScriptArguments) -> Answer:
        """Return ``{"suggestion": …}``, or ``{"reason": …}`` why there is none.

        Where the images had to be split for validation, ``{"split": …}`` is beside it.
        """
        split = self._split(arguments)
        if split is None:
            return self._ask_for(arguments)
        answer = self._ask_for(replace(arguments, values={**arguments.values, **arguments.reading(split["folder"])}))
        return answer if "reason" in answer else {**answer, "split": split}

    def _split(self, arguments: ScriptArguments) -> dict[str, str] | None:
        """Return a folder with a validation split, and the list of its images, made where the images have none.

        None where they have one, or none could be made, which is said.
        """
        # Not before the script has imported what it wants: the first import of numpy settles its threads.
        from advisor.describe.sources.class_map import read_class_map
        from advisor.describe.sources.validation_split import validation_split

        root = arguments.folder_without_validation()
        split = validation_split(root, self.cache_dir) if root is not None else None
        if split is None or len(split.of_class) < 2:
            return None
        class_map = arguments.class_map()
        try:
            made = split.make(None if class_map is None else read_class_map(class_map, split.training))
        except (AdvisorError, OSError) as error:
            _say(f"{root} has no validation split, and none could be made: {error}")
            _say("the run will be scored on its training images, so no advice will learn from it")
            return None
        return {"folder": str(made), "list": str(split.list)}

    def _ask_for(self, arguments: ScriptArguments) -> Answer:
        question, deadline = arguments.question(), time.monotonic() + self.seconds
        _say(f"asking for advice on {question[1]}, at most {self.seconds:g} seconds")
        with working(f"describing {question[1]} and looking for good values"):
            answer = _suggest(question, deadline)
        advised = answer.get("suggestion", {}).get("suggestions", [{}])[0].get("batch_size")
        if "batch_size" in arguments.open and advised is not None:
            reachable = arguments.reachable_batch_size(advised)
            if reachable != advised:  # the other values depend on it
                return _suggest([*question, "--fix", f"batch_size={reachable}"], deadline)
        return answer


def _suggest(question: list[str], deadline: float) -> Answer:
    process = subprocess.Popen(
        **helper_process(["suggest", *question, "--top", "1", "--format", "json"]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process:
        try:
            out, err = process.communicate(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            return {"reason": "describing the images takes longer than that; see `advisor config`, suggest_timeout"}
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        return {"reason": " ".join(err.split()) or f"advisor suggest ended with status {process.returncode}"}
    return {"suggestion": json.loads(out)}


def _tell(arguments: ScriptArguments, suggestion: Suggestion) -> None:
    """Say what was set and why."""
    start = "pretrained" if suggestion.pretrained else "from scratch"
    _say(
        f"set what was left open, for {suggestion.dataset.name} ({suggestion.dataset.n_train:,} images, "
        f"{suggestion.dataset.n_classes:,} classes), {suggestion.model}, {start}, {suggestion.opt}:"
    )
    filled = arguments.fill(suggestion)
    for name in arguments.open:
        divisor = arguments.lr_divisor(suggestion) if name == "lr" else 1.0
        low, high = (format_number(value / divisor) for value in suggestion.ranges[name])
        reason = f"good from {low} to {high}" if low != high else ""
        if name == "batch_size" and arguments.images_a_value > 1:
            size = int(filled["batch_size"])
            reason = f"{size * arguments.images_a_value} images a step of all processes together; {reason}"
        option = f"{arguments.options[TIMM_ARGUMENTS[name]]} {format_number(filled[TIMM_ARGUMENTS[name]])}"
        _say(f"  {option:<24} {reason}".rstrip())
    for name in arguments.unknown:
        _say(f"  {name} stays: the script has no option --{TIMM_ARGUMENTS[name].replace('_', '-')}")
    expected = suggestion.best.expected
    if expected is not None:
        span = f"{expected.low:.0f} to {expected.high:.0f} %"
        _say(f"expected top-1: {expected.top1:.0f} %; with a probability of {100 * expected.level:.0f} % {span}")
    basis = basis_in_words(suggestion.model_dump())
    _say(f"confidence {suggestion.confidence}, from {basis}; this is advice {suggestion.suggestion_id}")
    for warning in suggestion.warnings:
        _say(f"note: {warning}")
    if recipe := to_words(arguments.recipe(suggestion)):
        _say(f"set the rest of the recipe that the advice assumes: {' '.join(recipe)}")
    if lacking := arguments.beyond_script(suggestion):
        _say(f"the script has no option for what the advice assumes beside that: {' '.join(lacking)}")


def _as_parsed(action: argparse.Action, value: Any) -> Any:
    """Return a value as the script's parser would have read it from the command line."""
    if isinstance(value, list):
        return [_as_parsed(action, item) for item in value]
    if isinstance(value, bool) or not callable(action.type):
        return value
    return action.type(value if isinstance(value, str) else format_number(value))


def _unchanged(reason: str) -> None:
    _say(f"no advice, the script runs as it is: {reason}")


def _say(text: str) -> None:
    note(f"advisor: {text}")
