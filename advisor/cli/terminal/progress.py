"""Progress of long work, on stderr: drawn on a terminal only, and not under ``--quiet``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from advisor.cli.terminal.messages import is_quiet
from advisor.safe_text import one_line

if TYPE_CHECKING:
    from advisor.describe.sample import Progress


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """Give a callback that draws a bar a stage, or None where nobody would see it."""
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress as Bars

    from advisor.safe_console import SafeConsole

    with Bars(console=SafeConsole(stderr=True), transient=True) as bars:
        tasks: dict[str, int] = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)  # type: ignore[arg-type]

        yield update


def renew_line(text: str, *, last: bool) -> None:
    """Write a line of a terminal's stderr again, the last time with its end."""
    click.echo(f"\r\x1b[K{one_line(text)}", err=True, nl=last)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that work goes on whose end cannot be foreseen."""
    if is_quiet() or not sys.stderr.isatty():
        yield
        return
    from rich.text import Text

    from advisor.safe_console import SafeConsole

    with SafeConsole(stderr=True).status(Text(one_line(what))):
        yield
