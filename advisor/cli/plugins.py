"""``advisor plugins``."""

from __future__ import annotations

import click

from advisor.cli.terminal.output import echo, echo_json, format_option, print_rows


@click.command()
@format_option
def plugins(format_: str) -> None:
    """List plugins, their hooks and their problems."""
    from advisor.plugins import get_plugins

    loaded = get_plugins()
    rows = [
        {"plugin": name, "from": loaded.distributions.get(name, "unknown"), "hooks": loaded.hooks_of(name)}
        for name in loaded.names()
    ]
    problems = [vars(problem) for problem in loaded.problems]
    if format_ == "json":
        echo_json({"plugins": rows, "problems": problems})
        return
    print_rows(("plugin", "from", "hooks"), [(str(r["plugin"]), str(r["from"]), ", ".join(r["hooks"])) for r in rows])
    for problem in problems:
        echo(f"Problem: {problem['plugin']} failed in {problem['where']}: {problem['message']}")
