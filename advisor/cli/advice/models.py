"""``advisor suggest --models``: which model, before any was trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from advisor.cli.advice.request import describe_with_progress, to_options
from advisor.cli.terminal.output import echo_for_programs
from advisor.cli.terminal.progress import working
from advisor.errors import UsageError

if TYPE_CHECKING:
    from advisor.advise.models.ranking import ModelRanking
    from advisor.describe.dataset import Description

Command = TypeVar("Command", bound=Callable[..., Any])


def model_options(command: Command) -> Command:
    """Give a command the options that rank models; ``suggest_models`` reads them."""
    options = (
        click.option(
            "--models",
            metavar="A,B,…|auto",
            help="Rank these pretrained models for the dataset, or all whose ImageNet accuracy is published.",
        ),
        click.option("--max-params", metavar="N", help="With --models: most parameters a model may have, such as 30M."),
        click.option("--memory", metavar="SIZE", help="With --models: memory that training may take, such as 8G."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def suggest_models(options: Mapping[str, Any], top: int, format_: str) -> tuple[str, Description, ModelRanking] | None:
    """Rank the models that the options name, and show them where the format is one of a ranking.

    Returns
    -------
    str, Description and ModelRanking, or None
        The dataset as it is trained on, its description, and the ranking; None where models are not asked for.

    Raises
    ------
    UsageError
        If the options contradict each other, or no model fits.
    """
    if options["models"] is None:
        for name in ("max_params", "memory"):
            if options[name] is not None:
                raise UsageError(f"--{name.replace('_', '-')} goes with --models", hint="add --models auto")
        return None
    if options["model"] is not None:
        raise UsageError("--model and --models exclude each other", hint="leave --model out")
    from advisor.advise.models.candidates import named_models, parse_bytes, parse_count
    from advisor.advise.models.fitting import ModelLimits
    from advisor.advise.request import make_request
    from advisor.api import Advisor

    named = named_models(options["models"])
    asked = to_options(options)
    limits = ModelLimits(
        max_params=None if options["max_params"] is None else parse_count(options["max_params"]),
        max_memory=None if options["memory"] is None else parse_bytes(options["memory"]),
        max_seconds=asked.pop("max_seconds"),
    )
    make_request(**asked)
    dataset, description = describe_with_progress(options)
    with working("ranking models"):
        ranking = Advisor().rank(named, limits, asked, description.dataset, top_k=top).ranking
    if format_ == "json":
        echo_for_programs(ranking.to_json())
    elif format_ == "table":
        from advisor.advise.output.models_table import to_models_table
        from advisor.safe_console import SafeConsole

        SafeConsole().print(to_models_table(ranking))
    return dataset, description, ranking
