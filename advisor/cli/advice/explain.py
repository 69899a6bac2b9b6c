"""``advisor explain``."""

from __future__ import annotations

from typing import Any

import click

from advisor.cli.advice.request import request_params, to_request
from advisor.cli.terminal.output import echo_json, format_option
from advisor.cli.terminal.progress import progress_bar


@click.command(params=request_params())
@format_option
def explain(format_: str, **options: Any) -> None:
    """Explain the advice for a dataset: what each of the five does here, and why.

    For each of the five the expected response on this dataset, the others staying as advised, with its uncertainty
    and the sweet spot; what the expected accuracy is made of; and what worked on the most similar recorded datasets.
    """
    from advisor.advise.advisor import Advisor
    from advisor.describe.dataset import describe

    request = to_request(options)
    with progress_bar() as progress:
        dataset = describe(options["dataset"], progress=progress).dataset
    explanation = Advisor().explain(request, dataset)
    if format_ == "json":
        echo_json(explanation.to_document())
        return
    from rich.console import Console

    from advisor.advise.output.explanation_text import ExplanationText

    Console(highlight=False).print(ExplanationText(explanation))
