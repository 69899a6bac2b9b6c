"""Which request a command is about: the options that say what is asked for, the same for every command that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from advisor.cli.terminal.completion import models, optimizers, paths
from advisor.cli.terminal.messages import note
from advisor.cli.terminal.progress import progress_bar
from advisor.errors import UsageError

if TYPE_CHECKING:
    from advisor.advise.request import Request
    from advisor.describe.dataset import Description

Command = TypeVar("Command", bound=Callable[..., Any])


def _fixed_values(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, float]:
    """Return ``NAME=VALUE`` options as numbers by name."""
    from advisor.space.hyperparameters import check_value

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


def _as_trained(dataset: str) -> str:
    """Return the dataset, with the validation split that `advisor run --suggest` made for it if it has none itself."""
    from advisor.config import Config
    from advisor.describe.sources.validation_split import missing_split

    split = missing_split(dataset, Config()["cache_dir"])
    if split is None:
        return dataset
    if split.is_made:
        note(f"Note: {dataset} has no validation split: this is about the one of it in {split.folder}.")
        return str(split.folder)
    note(
        f"Note: {dataset} has no validation split, so timm's train.py scores on the training images; `advisor run "
        "--suggest` keeps a fifth of each class for it."
    )
    return dataset


def request_options(*, dataset_required: bool = True) -> Callable[[Command], Command]:
    """Return a decorator that gives a command the options of a request; ``to_request`` reads them.

    Parameters
    ----------
    dataset_required : bool
        Whether the command cannot do without ``--dataset``.
    """
    default = "" if dataset_required else "  [default: that of the newest advice]"
    options = (
        click.option(
            "--dataset",
            required=dataset_required,
            metavar="PATH",
            shell_complete=paths,
            help=f"Folder of the training images, one folder a class.{default}",
        ),
        click.option(
            "--class-map",
            metavar="FILE",
            shell_complete=paths,
            help="File of timm's --class-map: the class folders that are trained on, one a line.",
        ),
        click.option("--model", metavar="M", shell_complete=models, help="timm model name.  [default: resnet18]"),
        click.option(
            "--opt",
            metavar="O",
            default="adamw",
            show_default=True,
            shell_complete=optimizers,
            help="timm optimizer name.",
        ),
        click.option(
            "--pretrained/--scratch",
            default=None,
            help="Start from pretrained weights.  [default: where the model has them]",
        ),
        click.option("--img-size", type=click.IntRange(8), metavar="N", help="Side of the images in pixels."),
        click.option("--max-epochs", type=click.IntRange(1), metavar="N", help="Never suggest more epochs."),
        click.option("--max-batch-size", type=click.IntRange(1), metavar="N", help="Never suggest a larger batch."),
        click.option(
            "--budget",
            metavar="TIME",
            help="Time the training may take, such as 30m; needs a recorded run, or --device.",
        ),
        click.option(
            "--device",
            metavar="D",
            help="Try a few steps on it (cpu, cuda, mps): how large the batch may be, how long training takes; needs "
            "torch.",
        ),
        click.option(
            "--prefer",
            type=click.Choice(["accuracy", "balanced", "speed"]),
            default="balanced",
            show_default=True,
            help="What an epoch may cost: accuracy ignores it, balanced takes the fewest epochs that come within the "
            "noise of the best, speed the fewest within one point.",
        ),
        click.option(
            "--fix",
            metavar="NAME=VALUE",
            multiple=True,
            callback=_fixed_values,
            help="A value that is decided, such as lr=0.001; may be repeated.",
        ),
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def to_request(options: Mapping[str, Any], *, top_k: int = 3) -> Request:
    """Return the checked request that the values of ``request_options`` make."""
    from advisor.advise.request import make_request

    return make_request(**to_options(options), top_k=top_k)


def to_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of ``request_options`` as ``make_request`` takes them."""
    from advisor.advise.resources.speed import parse_duration

    seconds = None if options["budget"] is None else parse_duration(options["budget"])
    return {**{name: options[name] for name in _NAMED}, "max_seconds": seconds}


_NAMED = ("model", "opt", "pretrained", "img_size", "max_epochs", "max_batch_size", "prefer", "fix", "device")


def describe_with_progress(options: Mapping[str, Any]) -> tuple[str, Description]:
    """Return the dataset that the values of ``request_options`` name, as it is trained on, and its description.

    To be called once the request is checked: whatever is wrong with it is said before any image is read.
    """
    from advisor.describe.dataset import describe

    dataset = _as_trained(options["dataset"])
    with progress_bar() as progress:
        return dataset, describe(dataset, class_map=options["class_map"], progress=progress)
