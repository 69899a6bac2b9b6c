"""Writes docs/commands.md: every command with its options and examples, from the commands themselves.

``python -m research.pages.commands_page > docs/commands.md``
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator

import click

from advisor.cli.root import COMMANDS, cli
from advisor.cli.terminal.examples import EXAMPLES

_HEAD = """# Commands

<!-- made by `make docs` from the commands themselves -->

Every command says the same with `--help`. Results go to stdout, progress and notes to stderr; commands that print data
take `--format json`. Exit status: 0 done, 1 a failure that is explained, 2 wrong usage, 3 low confidence under
`suggest --strict`, 130 interrupted; `advisor run` returns the script's own. An error names the problem and what to type
next. `advisor --quiet COMMAND` prints results and errors only, `advisor --verbose COMMAND` also what is done during this.
Colours are left out where `NO_COLOR` is set, and bars where stderr is no terminal.

## Completion in the shell

| shell | add to its start-up file |
|---|---|
| bash (`~/.bashrc`) | `eval "$(_ADVISOR_COMPLETE=bash_source advisor)"` |
| zsh (`~/.zshrc`) | `eval "$(_ADVISOR_COMPLETE=zsh_source advisor)"` |
| fish (`~/.config/fish/completions/advisor.fish`) | `_ADVISOR_COMPLETE=fish_source advisor \\| source` |

TAB then completes commands, options, their choices, timm's model names after `--model` and optimizers after `--opt`.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        parts += _sections(command, name)
    return "\n".join(parts)


def _sections(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=f"advisor {path}")
    usage = " ".join(("advisor", path, *command.collect_usage_pieces(context)))
    yield f"{'##' if ' ' not in path else '###'} {path}\n"
    yield f"    {usage}\n"
    yield f"{_paragraphs(command.help or '')}\n"
    options = [param for param in command.params if isinstance(param, click.Option)]
    if options:
        yield "| option | |\n|---|---|"
        yield "\n".join(f"| {_spelt(option)} | {_cell(_said(option))} |" for option in options) + "\n"
    examples = [example for example in EXAMPLES.get(path, ()) if not isinstance(command, click.Group)]
    if examples:
        yield "\n".join(("```console", *(f"$ {example}" for example in examples), "```")) + "\n"
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _sections(command.commands[name], f"{path} {name}")


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
