"""Regret against the number of trials, one line a method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.errors import MissingExtraError

_POINTS = {"sane default": "s", "fixed rule": "^", "best on average": "D", "timm's train.py defaults": "v"}
"""Methods that give one configuration only, with the marker of each."""


def plot_regret(summary: Mapping[str, Any], path: Path) -> None:
    """Draw how mean regret falls with the trials spent, for the advice, random search and those that give one answer.

    Parameters
    ----------
    summary : mapping
        As ``advisor.evaluate.summary.summarise`` returns it.
    path : Path
        Its suffix decides the format, such as .svg or .png.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report", "plot an evaluation") from error

    # The same input gives the same file.
    mpl.rcParams["svg.hashsalt"] = "advisor"
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    styles: dict[str, Any] = {
        "advice": {"color": "black", "marker": "o"},
        "random search": {"color": "0.45", "linestyle": "--"},
    }
    for name, curve in summary["curves"].items():
        axes.plot(curve["trials"], curve["mean_regret"], label=name, **styles[name])
    for row in summary["methods"]:
        if row["method"] in _POINTS:
            axes.plot(1, row["mean_regret"], _POINTS[row["method"]], color="0.3", fillstyle="none", label=row["method"])
    axes.set_xscale("log")
    ticks = [1, 2, 3, 5, 10, 25]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    axes.set_xlabel("configurations trained")
    axes.set_ylabel("mean regret of the best of them")
    first = summary["methods"][0]
    axes.set_title(f"First advice, with no trial: mean regret {first['mean_regret']:.2f} on unseen sources", loc="left")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
