"""``advisor explain``."""

from __future__ import annotations

from typing import Any

import click

from advisor.cli.advice.request import describe_with_progress, request_options, to_request
from advisor.cli.terminal.output import echo_json, format_option


@click.command()
@request_options()
@format_option
def explain(format_: str, **options: Any) -> None:
    """Explain the advice for a dataset: what each hyperparameter does here, and why.

    For each of them the expected response on this dataset, the others staying as advised, with its uncertainty
    and the sweet spot; what the expected accuracy is made of; and what worked on the most similar recorded datasets.
    """
    from advisor.api import Advisor

    request = to_request(options)
    _, description = describe_with_progress(options)
    adviser = Advisor()
    explanation = adviser.explain(adviser.prepare(request, description.dataset))
    if format_ == "json":
        echo_json(explanation.to_document())
        return
    from advisor.advise.output.explanation_text import ExplanationText
    from advisor.safe_console import SafeConsole

    SafeConsole().print(ExplanationText(explanation))
