"""``advisor config``."""

from __future__ import annotations

import click

from advisor.cli.terminal.output import echo_json, format_option, print_rows


@click.command()
@format_option
def config(format_: str) -> None:
    """Show every setting and where its value came from.

    A flag comes before ADVISOR_* in the environment, before [tool.advisor] in pyproject.toml, before the user's file,
    before the default.
    """
    from advisor.config import SETTINGS, Config, text
    from advisor.records.privacy.secrets import scrub_text

    values = Config().values
    shown = {name: scrub_text(text(v.value)) for name, v in values.items()}
    if format_ == "json":
        echo_json({name: {"value": shown[name], "source": v.source} for name, v in values.items()})
    else:
        rows = [(name, shown[name], v.source, SETTINGS[name].doc) for name, v in values.items()]
        print_rows(("setting", "value", "from", "what it is"), rows)
