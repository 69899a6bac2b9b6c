"""An explanation for people: words first, then a small plot of each response."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from advisor.advise.explain.contributions import Contributions
from advisor.advise.explain.explanation import Explanation
from advisor.advise.explain.feature_words import feature_words
from advisor.advise.explain.responses import Point, Response
from advisor.advise.suggestion import SimilarDataset, Suggestion
from advisor.safe_console import line
from advisor.space.hyperparameters import HYPERPARAMETERS, LABELS, format_number

_ROWS = 9
_TEXT_WIDTH = 30
"""Columns that the numbers beside a bar take."""
_WORTH_NAMING = 0.5
"""Points below which a part of the expectation is left out of the words."""


class ExplanationText:
    """What ``advisor explain`` prints, made to fit the terminal's width.

    Parameters
    ----------
    explanation : Explanation
        What is printed.
    """

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        explanation = self.explanation
        suggestion = explanation.suggestion
        start = "pretrained" if suggestion.pretrained else "from scratch"
        yield line(
            f"{suggestion.dataset.name}: {suggestion.dataset.n_train:,} training images, "
            f"{suggestion.dataset.n_classes:,} classes; {suggestion.model}, {start}, {suggestion.opt}"
        )
        best = suggestion.best
        hparams = ", ".join(f"{LABELS[name]} {format_number(getattr(best, name))}" for name in HYPERPARAMETERS)
        yield line(f"Advice: {hparams}", style="bold")
        yield line("")
        if explanation.no_response:
            yield line(explanation.no_response)
        for response in explanation.responses:
            yield Text.assemble((f"{LABELS[response.name].capitalize()}: ", "bold"), f"{response.words}.")
        if explanation.contributions:
            yield line("")
            yield from (line(part) for part in contribution_words(explanation.contributions))
        yield line("")
        if explanation.neighbours:
            yield line("Most similar recorded datasets and the best run there:")
            yield from (line(f"  {neighbour_words(neighbour)}") for neighbour in explanation.neighbours)
        else:
            yield line(no_neighbours(suggestion))
        yield from (line(f"Note: {warning}.") for warning in suggestion.warnings)
        bar = "█" if options.encoding.lower().startswith("utf") else "#"
        yield from _plots(explanation.responses, max(8, min(40, options.max_width - _TEXT_WIDTH)), bar)


def contribution_words(found: Contributions) -> Iterator[str]:
    """Yield what an expectation is made of, a line a part."""
    yield f"Expected top-1 is {found.expected:.0f} %, where the average recorded run has {found.start:.0f} %. Why:"
    for part in found.parts:
        if abs(part.points) >= _WORTH_NAMING:
            names = ", ".join(dict.fromkeys(feature_words(name) for name, _ in part.features))
            yield f"  {part.points:+5.1f} points  {part.what}{f' ({names})' if names else ''}"


def no_neighbours(suggestion: Suggestion) -> str:
    """Return the line that stands where similar datasets would."""
    start = "pretrained weights" if suggestion.pretrained else "scratch"
    return f"No run from {start} is among the recorded evidence on datasets like this one."


def neighbour_words(neighbour: SimilarDataset) -> str:
    """Return a recorded dataset and what worked there, in one line."""
    best = neighbour.best
    hparams = ", ".join(f"{name} {format_number(float(best[name]))}" for name in HYPERPARAMETERS)
    return (
        f"{neighbour.dataset} (similarity {neighbour.similarity:.2f}): {best['model']}, {best['opt']}, "
        f"{'pretrained' if best['pretrained'] else 'from scratch'}, {float(best['top1']):.1f} % with {hparams}"
    )


def _plots(responses: tuple[Response, ...], width: int, bar: str) -> Iterator[Text]:
    # One scale for all hparams: what matters is seen to matter.
    worst = max((-point.points for response in responses for point in response.points), default=0.0)
    for response in responses:
        yield line("")
        yield Text.assemble((LABELS[response.name], "bold"), ": points of top-1 against the advice, +- between members")
        for point in _thinned(response):
            yield _row(response, point, worst, width, bar)
    if responses:
        yield line("")
        yield line("> advised, | sweet spot: within the noise of the best value; a longer bar loses more.", style="dim")


def _row(response: Response, point: Point, worst: float, width: int, bar: str) -> Text:
    low, high = response.sweet_spot
    mark = ">" if point.value == response.advised else " "
    sweet = "|" if low <= point.value <= high else " "
    length = round(width * max(0.0, -point.points) / worst) if worst > 0 else 0
    numbers = f"{format_number(point.value):>9} {sweet} {point.points:+6.1f} +- {point.spread:<4.1f} "
    style = "green" if sweet == "|" else ""
    return Text.assemble(f"{mark} ", (numbers, style), (bar * length, style))


def _thinned(response: Response) -> list[Point]:
    """Return at most about ``_ROWS`` points, the ends and the advised one among them."""
    points = response.points
    here = next(i for i, point in enumerate(points) if point.value == response.advised)
    every = max(1, -(-len(points) // _ROWS))
    kept = {i for i in range(len(points)) if (i - here) % every == 0} | {0, len(points) - 1}
    return [point for i, point in enumerate(points) if i in kept]
