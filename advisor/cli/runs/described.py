"""What commands say of the datasets that runs were trained on."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from advisor.cli.terminal.output import echo
from advisor.space.words import counted

if TYPE_CHECKING:
    from advisor.describe.recorded import RecordedDatasets

_SHOWN = 3
_LONGEST = 120


def echo_described(datasets: RecordedDatasets, hint: str = "") -> None:
    """Say how many runs know their dataset now, and which datasets could not be described, by the reason.

    Parameters
    ----------
    datasets : RecordedDatasets
        What became of them.
    hint : str
        What to do about those that could not.
    """
    if datasets.runs:
        echo(f"{counted(datasets.runs, 'run')} now with its dataset described.")
    alike: dict[str, list[str]] = defaultdict(list)
    for source, reason in datasets.left_out.items():
        alike[reason].append(source)
    for reason, sources in alike.items():
        more = f" and {len(sources) - _SHOWN} more" if len(sources) > _SHOWN else ""
        what = "is" if len(sources) == 1 else "are"
        named = ", ".join(_short(source) + _of_runs(datasets, source) for source in sources[:_SHOWN])
        echo(f"{named}{more} {what} not described: {reason}.", err=True)
    if alike and hint:
        echo(hint, err=True)


def _of_runs(datasets: RecordedDatasets, source: str) -> str:
    runs = datasets.left_out_runs.get(source)
    return f" ({counted(runs, 'run')})" if runs else ""


def _short(source: str) -> str:
    """Return a source without its middle where it is long: damaged records name anything."""
    half = _LONGEST // 2
    return source if len(source) <= _LONGEST else f"{source[:half]}…{source[-half:]}"
