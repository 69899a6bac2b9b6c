"""Which runs a command is about: the options that select them, and how a time is written."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

import click

from advisor.records.schema import Source, Status

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_AGE = re.compile(r"(\d{1,6})([mhdw])")


def moment(text: str) -> datetime:
    """Return a time, in UTC.

    Parameters
    ----------
    text : str
        How long ago (``30m``, ``12h``, ``7d``, ``4w``) or when (``2026-11-23``, ``2026-11-23T14:00+01:00``); a date or
        time without a zone is this machine's.
    """
    try:
        age = _AGE.fullmatch(text)
        if age:
            return datetime.now(timezone.utc) - int(age[1]) * _UNITS[age[2]]
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{text!r} is no time; write 30m, 12h, 7d, 4w or 2026-11-23") from error


status_option = click.option(
    "--status",
    multiple=True,
    type=click.Choice([s.value for s in Status], case_sensitive=False),
    help="Only these; may be repeated.",
)

_OPTIONS = (
    status_option,
    click.option("--source", type=click.Choice([s.value for s in Source]), help="Only records from there."),
    click.option("--model", metavar="M", help="Only runs of this model."),
    click.option("--opt", metavar="O", help="Only runs with this optimizer."),
    click.option("--dataset", metavar="D", help="Only runs on the dataset of this name or id."),
    click.option("--since", type=moment, metavar="TIME", help="Only runs started since: 7d, 12h, 2026-11-23."),
)


def selection_options(function: F) -> F:
    """Add the options that select runs, passed on as ``selection``, the filters of ``Store.runs``."""

    @functools.wraps(function)
    def gathered(*args: Any, **options: Any) -> Any:
        selection = {name: options.pop(name) for name in ("model", "opt", "dataset", "since")}
        selection["status"] = statuses(options.pop("status"))
        source = options.pop("source")
        selection["source"] = Source(source) if source else None
        return function(*args, selection=selection, **options)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered  # type: ignore[return-value]


def statuses(names: tuple[str, ...]) -> list[Status] | None:
    """Return the statuses of these names; None, for any status, if there are no names."""
    return [Status(name.upper()) for name in names] or None
