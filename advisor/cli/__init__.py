"""The command line: one module a command group, imported when its command is used."""

from __future__ import annotations

from advisor.cli.root import main

__all__ = ["main"]
