"""Fills the templates of the generated pages: code computes numbers, ``research/templates`` holds the sentences."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_TEMPLATES = ROOT / "research" / "templates"


def render(template: str, /, **values: object) -> str:
    """Return a page.

    Parameters
    ----------
    template : str
        Name of a file in ``research/templates``, without ``.md.jinja``.
    **values
        What the template names; a name that is missing is an error.
    """
    text = _environment().get_template(f"{template}.md.jinja").render(values)
    return f"{text.rstrip()}\n"


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["fmt"] = format
    environment.filters["known"] = _known
    environment.filters["rows"] = _rows
    environment.filters["median"] = statistics.median
    environment.filters["span"] = lambda ends: f"{ends[0]:.2g} to {ends[1]:.2g}"
    return environment


def _rows(rows: Iterable[Iterable[object]]) -> str:
    """Return rows of a Markdown table, a line each; the template holds the head above them."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def _known(value: object, spec: str) -> str:
    """Return a formatted value; nothing where it is not known."""
    return "" if value is None else format(value, spec)
