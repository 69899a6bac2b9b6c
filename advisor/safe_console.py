"""The console that everything rich draws goes through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from advisor.safe_text import for_terminal, one_line


class SafeConsole(Console):
    """A console on which text is text: square brackets and colons are no markup, and control characters are seen.

    Parameters
    ----------
    **options
        As for ``rich.console.Console``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is to be written; only rich's own control codes are left in it."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(for_terminal(segment.text), segment.style)


def line(text: str, style: str = "") -> Text:
    """Return a text that is to be one line, whatever the names in it hold."""
    return Text(one_line(text), style=style)
