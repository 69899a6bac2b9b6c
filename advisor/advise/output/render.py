"""A suggestion as text for programs (json) and for timm's train.py (args, yaml)."""

from __future__ import annotations

from pathlib import Path

from advisor.advise.output.timm_arguments import quote
from advisor.advise.suggestion import Suggestion
from advisor.errors import UsageError
from advisor.plugins import get_plugins

FORMATS = ("table", "json", "yaml", "args")


def check_format(format: str) -> None:
    """Raise UsageError unless a format is one of ``FORMATS`` or some plugin renders further ones."""
    if format not in FORMATS and not get_plugins().implementations("advisor_render"):
        raise _no_format(format)


def to_text(suggestion: Suggestion, format: str, dataset: str | Path | None = None) -> str:
    """Return a suggestion in a format that programs read: json, yaml, args, or one that a plugin renders.

    Parameters
    ----------
    suggestion : Suggestion
    format : str
    dataset : str or Path, optional
        Where the images are, for the arguments of train.py.

    Raises
    ------
    UsageError
        If nothing renders the format.
    """
    if format == "json":
        return suggestion.to_json()
    if format == "yaml":
        return suggestion.to_yaml(dataset).rstrip("\n")
    if format == "args":
        return quote(suggestion.to_args(dataset))
    text = get_plugins().call_first("advisor_render", suggestion=suggestion, format=format)
    if text is None:
        raise _no_format(format)
    return str(text)


def _no_format(format: str) -> UsageError:
    return UsageError(f"no format {format!r}", hint=f"--format one of {', '.join(FORMATS)}")
