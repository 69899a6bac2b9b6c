"""``advisor suggest``."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from advisor.cli.terminal.completion import models, optimizers, paths
from advisor.cli.terminal.messages import note
from advisor.cli.terminal.progress import progress_bar, working
from advisor.errors import UsageError

_WIDE = 70
"""Columns that a table of several suggestions needs."""
_READ_BY_TRAIN_PY = ("folder", "tar")
"""Kinds of datasets that train.py reads from their path."""


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Look for no garbage meanwhile: what imports make lives on, and walking it again and again takes long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _fixed_values(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, float]:
    """Return ``NAME=VALUE`` options as numbers by name."""
    from advisor.space.configuration import check_value

    values = {}
    for text in texts:
        name, _, number = text.partition("=")
        name = name.strip().replace("-", "_")
        try:
            values[name] = float(number)
            check_value(name, values[name])
        except ValueError as error:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE with a number, such as lr=0.001") from error
        except UsageError as error:
            raise click.BadParameter("; ".join(part for part in (str(error), error.hint) if part)) from error
    return values


@click.command()
@click.option(
    "--dataset",
    required=True,
    metavar="PATH",
    shell_complete=paths,
    help="Folder of the training images, one folder a class.",
)
@click.option("--model", metavar="M", shell_complete=models, help="timm model name.  [default: resnet18]")
@click.option(
    "--opt", metavar="O", default="adamw", show_default=True, shell_complete=optimizers, help="timm optimizer name."
)
@click.option(
    "--pretrained/--scratch", default=None, help="Start from pretrained weights.  [default: where the model has them]"
)
@click.option("--img-size", type=click.IntRange(8), metavar="N", help="Side of the images in pixels.")
@click.option("--max-epochs", type=click.IntRange(1), metavar="N", help="Never suggest more epochs.")
@click.option("--max-batch-size", type=click.IntRange(1), metavar="N", help="Never suggest a larger batch.")
@click.option(
    "--budget", metavar="TIME", help="Time the training may take, such as 30m; needs a recorded run, or --device."
)
@click.option(
    "--device",
    metavar="D",
    help="Try a few steps on it (cpu, cuda, mps): how large the batch may be, how long training takes; needs torch.",
)
@click.option(
    "--prefer",
    type=click.Choice(["accuracy", "balanced", "speed"]),
    default="balanced",
    show_default=True,
    help="What an epoch may cost: accuracy ignores it, balanced takes the fewest epochs that come within the noise "
    "of the best, speed the fewest within one point.",
)
@click.option(
    "--fix",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_fixed_values,
    help="A value that is decided, such as lr=0.001; may be repeated.",
)
@click.option("--top", type=click.IntRange(1, 10), default=3, show_default=True, metavar="K", help="How many to show.")
@click.option("--format", "format_", default="table", show_default=True, help="table, json, yaml or args.")
@click.option("--strict", is_flag=True, help="Exit with status 3 when confidence is low.")
def suggest(
    dataset: str,
    model: str | None,
    opt: str,
    pretrained: bool | None,
    img_size: int | None,
    max_epochs: int | None,
    max_batch_size: int | None,
    budget: str | None,
    device: str | None,
    prefer: Any,
    fix: dict[str, float],
    top: int,
    format_: str,
    strict: bool,
) -> int:
    """Suggest learning rate, batch size, epochs, dropout and weight decay for a dataset.

    The other values of the recipe that the advice assumes are printed with it: a learning rate means nothing without
    its schedule and augmentation. --format args prints arguments of timm's train.py, yaml a file for its --config; the
    batch size in both is that of a training in one process.
    """
    from advisor.advise.advisor import Advisor
    from advisor.advise.output.render import check_format, to_table, to_text
    from advisor.advise.request import make_request
    from advisor.advise.resources.speed import parse_duration
    from advisor.describe.dataset import describe
    from advisor.space.configuration import Limits

    check_format(format_)
    seconds = None if budget is None else parse_duration(budget)
    # Whatever is wrong with the request is said before any image is read.
    limits = Limits(max_epochs, max_batch_size, seconds, fix)
    make_request(
        model=model, opt=opt, pretrained=pretrained, img_size=img_size, limits=limits, prefer=prefer, top_k=top
    )
    with progress_bar() as progress:
        description = describe(dataset, progress=progress)
    with working(f"trying a few steps on {device}" if device else "looking for good values"), _collector_paused():
        advised = Advisor().suggest(
            description,
            model=model,
            opt=opt,
            pretrained=pretrained,
            img_size=img_size,
            max_epochs=max_epochs,
            max_batch_size=max_batch_size,
            max_seconds=seconds,
            prefer=prefer,
            fix=fix,
            top_k=top,
            device=device,
        )
    if format_ == "table":
        from rich.console import Console

        console = Console(soft_wrap=False, highlight=False)
        shown = top if console.width >= _WIDE else 1  # the others have no room beside the best
        console.print(to_table(advised.model_copy(update={"suggestions": advised.suggestions[:shown]})))
    else:
        timm_name = not os.path.exists(os.path.expanduser(dataset))
        readable = dataset if timm_name or description.kind in _READ_BY_TRAIN_PY else None
        click.echo(to_text(advised, format_, readable))
        if readable is None and format_ in ("args", "yaml"):
            note(f"Note: timm's train.py reads no {description.kind} dataset as it is; name one to it yourself.")
        for warning in advised.warnings:
            note(f"Note: {warning}.")
    return 3 if strict and advised.confidence == "low" else 0
