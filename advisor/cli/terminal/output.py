"""What every command that prints data shares: its format option and how records become text."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import click

from advisor.errors import UsageError
from advisor.safe_text import for_terminal, one_line

F = TypeVar("F", bound=Callable[..., Any])
_FOLDED = 16


def format_option(function: F) -> F:
    """Add ``--format table|json``, passed on as ``format_``."""
    option = click.option(
        "--format",
        "format_",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="For people, or for programs.",
    )
    return option(function)


def echo(text: str = "", *, err: bool = False) -> None:
    """Print lines of text, with what is foreign in them as text and nothing else."""
    click.echo(for_terminal(text), err=err)


def confirm(question: str) -> bool:
    """Ask a question that is answered with yes or no, on stderr.

    Raises
    ------
    UsageError
        If there is nobody to answer.
    """
    try:
        return click.confirm(for_terminal(question), err=True)
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        raise UsageError("nobody answered", cause="the input is no terminal and has ended", hint="add --yes") from None


def echo_for_programs(text: str) -> None:
    """Print a text that programs read: exactly as it is, but for what a terminal would obey where it goes to one."""
    click.echo(for_terminal(text) if sys.stdout.isatty() else text)


def echo_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a record, or a list of records, as JSON with the field names of the schema."""
    echo_for_programs(json.dumps(to_plain(value), indent=indent))


def to_plain(value: Any) -> Any:
    """Return records as JSON values: times in ISO 8601, numbers that JSON lacks as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def print_rows(headings: Iterable[str], rows: Iterable[Iterable[str]], right: Iterable[str] = ()) -> None:
    """Print a plain table; the columns named in ``right`` are aligned to the right.

    On a terminal too narrow for it every row becomes a block of lines, a column a line.
    """
    from rich.table import Table
    from rich.text import Text

    from advisor.safe_console import SafeConsole

    headings, rows, numbers = list(headings), [list(map(one_line, row)) for row in rows], set(right)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        number = heading in numbers
        table.add_column(heading, justify="right" if number else "left", no_wrap=number, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = SafeConsole()
    if not console.is_terminal:
        # Nobody looks at a pipe's width; a row stays on its line, so that grep and cut can work on it.
        console.width = 10_000
    if sum(max(map(_least_width, column)) + 2 for column in zip(headings, *rows, strict=True)) > console.width:
        for row in rows:
            for heading, cell in zip(headings, row, strict=True):
                if cell:
                    console.print(Text.assemble((heading or " ", "bold"), f": {cell}"), soft_wrap=True)
            console.print()
    else:
        console.print(table)


def _least_width(text: str) -> int:
    """Return the width in which a cell can be read: its longest word, but paths and the like may be folded."""
    return min(_FOLDED, max(map(len, text.split()), default=0))
