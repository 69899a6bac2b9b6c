"""What the shell offers after a TAB, beside commands and options; see docs/commands.md."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def paths(context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell offer files and folders."""
    return [CompletionItem(incomplete, type="file")]


def models(context: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the timm models that begin so."""
    from advisor.describe.model import model_names

    return [name for name in model_names() if name.startswith(incomplete)]


def optimizers(context: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the optimizers that there is advice for and that begin so."""
    from advisor.space.optimizers import optimizer_names

    return [name for name in optimizer_names() if name.startswith(incomplete)]
