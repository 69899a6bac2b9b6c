"""Regret against the number of trials, one line a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor.errors import MissingExtraError
from advisor.evaluate.summary import CLEAR

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
    clear = summary["contexts"].get(CLEAR)
    panels = [("cases", summary["methods"], summary["curves"])]
    if clear:
        panels.append((CLEAR, clear, summary["clear_curves"]))
    figure = Figure(figsize=(2 + 4.5 * len(panels), 4.2), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
        _draw(axes, *panel)
    left = figure.axes[0]
    left.set_ylabel("mean regret of the best of them")
    figure.legend(*left.get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=3)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw(axes: Any, name: str, methods: Sequence[Mapping[str, Any]], curves: Mapping[str, Any]) -> None:
    styles: dict[str, Any] = {
        "advice": {"color": "black", "marker": "o"},
        "random search": {"color": "0.45", "linestyle": "--"},
    }
    for method, curve in curves.items():
        axes.plot(curve["trials"], curve["mean_regret"], label=method, **styles[method])
    for row in methods:
        if row["method"] in _POINTS:
            axes.plot(1, row["mean_regret"], _POINTS[row["method"]], color="0.3", fillstyle="none", label=row["method"])
    axes.set_xscale("log")
    ticks = [1, 2, 3, 5, 10, 25]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    axes.set_xlabel("configurations trained")
    axes.set_title(
        f"{methods[0]['cases']} {name}:\nfirst advice, no trial: {methods[0]['mean_regret']:.2f}", loc="left"
    )
    axes.spines[["top", "right"]].set_visible(False)
