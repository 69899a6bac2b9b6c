"""Writes docs/commands.md: every command with its options and examples, from the commands themselves.

``python -m research.pages.commands_page > docs/commands.md``
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from advisor.cli.root import COMMANDS, cli
from advisor.cli.terminal.examples import EXAMPLES
from research.pages.rendering import render


def page() -> str:
    """Return the page as Markdown."""
    found: list[_Command] = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        found += _commands(command, name)
    return render("commands", commands=found)


@dataclass(frozen=True)
class _Command:
    """What the page says of a command."""

    path: str
    usage: str
    help: str
    options: list[tuple[str, str]]
    examples: Sequence[str]

    @property
    def top(self) -> bool:
        """Whether it belongs to no other command."""
        return " " not in self.path


def _commands(command: click.Command, path: str) -> Iterator[_Command]:
    """Yield a command, and those below it in alphabetical order."""
    context = click.Context(command, info_name=f"advisor {path}")
    options = [param for param in command.params if isinstance(param, click.Option)]
    is_group = isinstance(command, click.Group)
    yield _Command(
        path=path,
        usage=" ".join(("advisor", path, *command.collect_usage_pieces(context))),
        help=_paragraphs(command.help or ""),
        options=[(_spelt(option), _cell(_said(option))) for option in options],
        examples=() if is_group else EXAMPLES.get(path, ()),
    )
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], f"{path} {name}")


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def _spelt(option: click.Option) -> str:
    names = ", ".join((*option.opts, *option.secondary_opts))
    return f"`{names}`" if option.is_flag else _cell(f"`{names} {option.metavar or _kind(option)}`")


def _kind(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return "N" if isinstance(option.type, click.types.IntParamType) else str(option.name).upper()


def _said(option: click.Option) -> str:
    shown = option.show_default and option.default is not None and not option.is_flag
    return f"{option.help or ''}{f'  [default: {option.default}]' if shown else ''}".strip()


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
