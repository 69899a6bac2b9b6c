"""The page: one HTML file with everything in it, that asks no network for anything."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from advisor.advise.explain.feature_words import feature_words
from advisor.advise.output.explanation_text import neighbour_words, no_neighbours
from advisor.advise.output.table import basis_in_words
from advisor.advise.output.timm_arguments import quote
from advisor.errors import MissingExtraError
from advisor.report.contents import Contents
from advisor.report.figures import Figure, account_figure, curve_figure, response_figure
from advisor.space.hyperparameters import HYPERPARAMETERS, LABELS, format_number
from advisor.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment


def render(contents: Contents, *, state: str | None = None) -> str:
    """Return the page.

    Parameters
    ----------
    contents : Contents
        What it shows.
    state : str, optional
        If given, the page asks its server for the state and loads itself again when that is another.

    Raises
    ------
    MissingExtraError
        If plotly is not installed.
    """
    return (
        environment()
        .get_template("page.html")
        .render(
            contents=contents,
            explanation=contents.explanation,
            hyperparameters=HYPERPARAMETERS,
            labels=LABELS,
            neighbour_words=neighbour_words,
            no_neighbours=no_neighbours,
            feature_words=feature_words,
            basis_in_words=basis_in_words,
            command=_command(contents),
            figures=embedded(_figures(contents)),
            state=state,
            made=datetime.now(timezone.utc),
            version=__version__,
            plotly=plotly(),
            style=part("page.css"),
            script=part("page.js"),
        )
    )


def environment() -> Environment:
    """Return what the templates of pages are rendered with."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("advisor.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["number"] = format_number
    made.filters["capfirst"] = lambda text: text[:1].upper() + text[1:]
    return made


def _command(contents: Contents) -> str | None:
    """Return the command line that trains as advised; where the images are is left to the reader."""
    if contents.explanation is None:
        return None
    words = quote(contents.explanation.suggestion.to_args(), windows=False)
    return f"advisor run train.py --data-dir DATASET {words}"


def _figures(contents: Contents) -> dict[str, Figure]:
    figures = {f"run-{shown.run.run_id}": curve_figure(shown.epochs) for shown in contents.runs if shown.epochs}
    if contents.explanation is not None:
        figures |= {f"response-{r.name}": response_figure(r) for r in contents.explanation.responses}
    if contents.account.followed:
        figures["account"] = account_figure(contents.account)
    return figures


def embedded(value: Any) -> str:
    """Return JSON that can stand inside a script element, whatever text it holds."""
    text = json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    # The losses of a diverged run: JSON has no number for them, and a gap in the curve says it.
    return None if isinstance(value, float) and value - value != 0 else value


@cache
def plotly() -> str:
    """Return plotly.js.

    Raises
    ------
    MissingExtraError
        If plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtraError("plotly", "report", "draw the report") from error
    return str(get_plotlyjs())


def part(name: str) -> str:
    """Return a file of this folder that pages hold."""
    return resources.files("advisor.report").joinpath(name).read_text(encoding="utf-8")
