"""``advisor suggest``."""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.advice.models import model_options, suggest_models
from advisor.cli.advice.request import describe_with_progress, request_options, to_request
from advisor.cli.terminal.messages import note
from advisor.cli.terminal.output import echo, echo_for_programs
from advisor.cli.terminal.progress import working

if TYPE_CHECKING:
    from advisor.advise.suggestion import Suggestion
    from advisor.describe.dataset import Description

_WIDE = 70
"""Columns that a table of several suggestions needs."""
_OF_A_RANKING = ("table", "json")
"""Formats that show all models of a ranking; the others carry out the first."""
_READ_BY_TRAIN_PY = ("folder", "tar")
"""Kinds of datasets that train.py reads from their path."""


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Collect no garbage during this: what imports make lives on, and walking it again and again takes long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@click.command()
@request_options()
@click.option("--top", type=click.IntRange(1, 10), default=3, show_default=True, metavar="K", help="How many to show.")
@click.option(
    "--format",
    "format_",
    default="table",
    show_default=True,
    help="table, json, yaml, args, or what a plugin renders: hf, lightning.",
)
@click.option("--strict", is_flag=True, help="Exit with status 3 when confidence is low.")
@model_options
def suggest(top: int, format_: str, strict: bool, **options: Any) -> int:
    """Suggest learning rate, batch size, epochs, dropout and weight decay for a dataset.

    The other values of the recipe that the advice assumes are printed with it: a learning rate means nothing without
    its schedule and augmentation. --format args prints arguments of timm's train.py, quoted for the shell: eval
    "python train.py $(advisor suggest ... --format args)"; yaml prints a file for its --config. The batch size in both
    is that of a training in one process.

    With --models, models are ranked before any trial: the accuracy that fine-tuning each is expected to reach, its time
    and memory, and its values.
    """
    from advisor.advise.output.render import check_format
    from advisor.api import Advisor

    check_format(format_)
    ranked = suggest_models(options, top, format_)
    if ranked is not None:
        dataset, description, ranking = ranked
        if format_ not in _OF_A_RANKING:
            _print_text(ranking.best.suggestion, format_, dataset, description)
        return 3 if strict and ranking.best.suggestion.confidence == "low" else 0
    request = to_request(options, top_k=top)
    dataset, description = describe_with_progress(options)
    doing = f"trying a few steps on {request.device}" if request.device else "looking for good values"
    with working(doing), _collector_paused():
        adviser = Advisor()
        advised = adviser.answer(adviser.prepare(request, description.dataset))
    if format_ == "table":
        _print_table(advised, dataset, request.limits.fixed)
    else:
        _print_text(advised, format_, dataset, description)
    return 3 if strict and advised.confidence == "low" else 0


def _print_table(advised: Suggestion, dataset: str, fixed: Collection[str]) -> None:
    from advisor.advise.output.settle import settle_commands
    from advisor.advise.output.table import to_table
    from advisor.safe_console import SafeConsole

    console = SafeConsole()
    # Those after the best have no room beside it on a narrow terminal.
    shown = len(advised.suggestions) if console.width >= _WIDE else 1
    console.print(to_table(advised.model_copy(update={"suggestions": advised.suggestions[:shown]}).model_dump()))
    if advised.confidence == "low" and "lr" not in fixed:
        echo("\nThree short trainings settle the learning rate; train on with the best of them:")
        # Whole lines, however narrow the terminal: they are there to be copied.
        for command in settle_commands(advised, dataset):
            echo(f"  {command}")


def _print_text(advised: Suggestion, format_: str, dataset: str, description: Description) -> None:
    from advisor.advise.output.render import to_text

    timm_name = not os.path.exists(os.path.expanduser(dataset))
    readable = dataset if timm_name or description.kind in _READ_BY_TRAIN_PY else None
    echo_for_programs(to_text(advised, format_, readable))
    if readable is None and format_ in ("args", "yaml"):
        note(f"Note: timm's train.py reads no {description.kind} dataset as it is; name one to it yourself.")
    for warning in advised.warnings:
        note(f"Note: {warning}.")
