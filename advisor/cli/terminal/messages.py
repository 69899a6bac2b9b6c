"""What is said beside a result: on stderr, and not under ``--quiet``."""

from __future__ import annotations

import logging

from advisor.cli.terminal.output import echo

_logger = logging.getLogger("advisor")


def is_quiet() -> bool:
    """Tell whether ``--quiet`` was given."""
    return not _logger.isEnabledFor(logging.WARNING)


def note(text: str) -> None:
    """Say something that the user need not read."""
    if not is_quiet():
        echo(text, err=True)
