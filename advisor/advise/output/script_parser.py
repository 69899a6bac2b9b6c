"""Looks at the command line that a training script parses, through the script's own parser."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from advisor.records.recording.containment import guarded
from advisor.space.hyperparameters import TIMM_ARGUMENTS

_UNSET = object()
_ENOUGH = 3
"""A parser that takes so many of the hyperparameters, the learning rate among them, is a training's."""

Parsed = Callable[[argparse.ArgumentParser, argparse.Namespace, Mapping[str, str], set[str]], None]
"""Takes a training's parser, what it found, the options that it takes by the name of the argument, and the names of the
arguments that the user set, on the command line or in a configuration file."""


@contextmanager
def watched_parser(parsed: Parsed) -> Iterator[None]:
    """During this, call ``parsed`` for the first command line of a training that this process parses.

    What goes wrong in it does not reach the script.
    """
    parser, container = argparse.ArgumentParser, argparse._ActionsContainer
    parse, set_defaults = parser.parse_known_args, container.set_defaults
    from_files: dict[int, set[str]] = {}
    seen: list[bool] = []

    @functools.wraps(parse)
    def parse_and_look(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        __tracebackhide__ = True
        words = list(sys.argv[1:] if args is None else args)
        result = parse(self, words if args is not None else None, namespace)
        guarded("the advice", look, self, words, result[0])
        return result

    @functools.wraps(set_defaults)
    def note_and_set(self: argparse._ActionsContainer, **values: Any) -> None:
        # How train.py takes its --config file.
        set_defaults(self, **values)
        from_files.setdefault(id(self), set()).update(values)

    def look(parser: argparse.ArgumentParser, words: list[str], found: argparse.Namespace) -> None:
        options = _options(parser)
        taken = [name for name in TIMM_ARGUMENTS.values() if name in options]
        if seen or "lr" not in taken or len(taken) < _ENOUGH:
            return
        seen.append(True)
        probe, _ = parse(parser, words, argparse.Namespace(**dict.fromkeys(vars(found), _UNSET)))
        decided = {name for name, value in vars(probe).items() if value is not _UNSET}
        parsed(parser, found, options, decided | from_files.get(id(parser), set()))

    parser.parse_known_args = parse_and_look  # type: ignore[method-assign]
    container.set_defaults = note_and_set  # type: ignore[method-assign]
    try:
        yield
    finally:
        if parser.parse_known_args is parse_and_look:
            parser.parse_known_args = parse  # type: ignore[method-assign]
        if container.set_defaults is note_and_set:
            container.set_defaults = set_defaults  # type: ignore[method-assign]


def _options(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the options that a parser takes, by the name of the argument: the long way to write each."""
    return {
        action.dest: max(action.option_strings, key=len)
        for action in parser._actions
        if action.option_strings and action.dest != argparse.SUPPRESS
    }
