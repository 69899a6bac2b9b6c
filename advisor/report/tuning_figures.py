"""The plots of a tuning's page, as plotly.js takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from advisor.report.figures import Figure
from advisor.space.hyperparameters import LABELS, format_number

_INK, _SOFT, _LINE, _BAND = (f"var(--{name})" for name in ("ink", "soft", "line", "band"))
_DASHES = ("solid", "dot", "dash", "dashdot")
Row = Mapping[str, Any]


def curves_figure(trials: Sequence[Row], best: str) -> Figure:
    """Return every trial's accuracy after its epochs; where one has not ended also where it is expected to.

    Parameters
    ----------
    trials : sequence of mapping
        As the report has them.
    best : str
        Name of the best, which is drawn strongest.
    """
    data: list[dict[str, Any]] = []
    longest = max((trial["configuration"]["epochs"] for trial in trials), default=1)
    for number, trial in enumerate(trials):
        curve = trial["curve"]
        if not any(value is not None for value in curve):
            continue
        is_best = trial["name"] == best
        color = _INK if is_best else _LINE
        dash = "solid" if is_best else _DASHES[number % len(_DASHES)]
        told = [f"{LABELS[name]} {format_number(value)}" for name, value in trial["configuration"].items()]
        values = ", ".join(filter(None, [trial["model"], *told]))
        data.append(
            {
                "x": list(range(1, len(curve) + 1)), "y": curve, "name": trial["name"], "mode": "lines+markers",
                "line": {"color": color, "width": 3 if is_best else 1.5, "dash": dash}, "marker": {"size": 4},
                "hovertemplate": f"{trial['name']} ({values}), epoch %{{x}}: %{{y:.1f}} %<extra></extra>",
            }
        )  # fmt: skip
        if trial["status"] == "waits" and trial["expected"] is not None:
            data.append(
                {
                    "x": [len(curve), trial["configuration"]["epochs"]],
                    "y": [next(v for v in reversed(curve) if v is not None), trial["expected"]],
                    "mode": "lines+markers", "line": {"color": _SOFT, "width": 1, "dash": "dot"},
                    "marker": {"size": [0, 6], "symbol": "circle-open"}, "showlegend": False,
                    "error_y": {"type": "data", "array": [0, trial["deviation"]], "color": _SOFT, "thickness": 1},
                    "hovertemplate": f"{trial['name']}, expected end: %{{y:.1f}} %<extra></extra>",
                }
            )  # fmt: skip
    return {
        "data": data,
        "layout": {
            "showlegend": len(trials) <= 12,
            "legend": {"orientation": "h", "y": -0.25},
            "xaxis": {
                "title": {"text": "epoch"},
                "rangemode": "tozero",
                "tick0": 0,
                "dtick": max(1, -(-longest // 10)),
            },
            "yaxis": {"title": {"text": "evaluation top-1, %"}},
        },
    }


def rates_figure(rates: Sequence[Row], trials: Sequence[Row], best: Row) -> Figure:
    """Return the accuracy expected at learning rates, all else as in the best, and what trials have reached.

    Parameters
    ----------
    rates : sequence of mapping
        As the report's ``lr``.
    trials : sequence of mapping
        As the report has them.
    best : mapping
        The best of them.
    """
    x = [one["lr"] for one in rates]
    low, high = ([one["top1"] + sign * one["deviation"] for one in rates] for sign in (-1, 1))
    known = [trial for trial in trials if trial["expected"] is not None]
    ended = ["circle" if trial["status"] == "ended" else "circle-open" for trial in known]
    return {
        "data": [
            {"x": x, "y": low, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"},
            {"x": x, "y": high, "mode": "lines", "line": {"width": 0}, "fill": "tonexty", "fillcolor": _BAND,
             "hoverinfo": "skip"},
            {"x": x, "y": [one["top1"] for one in rates], "mode": "lines+markers", "line": {"color": _LINE, "width": 2},
             "marker": {"size": 5}, "customdata": [one["deviation"] for one in rates],
             "hovertemplate": "%{x}: %{y:.1f} ± %{customdata:.1f} %<extra></extra>"},
            {"x": [trial["configuration"]["lr"] for trial in known], "y": [trial["expected"] for trial in known],
             "text": [trial["name"] for trial in known], "mode": "markers",
             "marker": {"size": 9, "color": _SOFT, "symbol": ended},
             "hovertemplate": "%{text}: %{y:.1f} %<extra></extra>"},
            {"x": [best["configuration"]["lr"]], "y": [best["top1"]], "mode": "markers",
             "marker": {"size": 13, "symbol": "diamond", "color": _INK}, "hoverinfo": "skip", "cliponaxis": False},
        ],
        "layout": {
            "xaxis": {"title": {"text": LABELS["lr"]}, "type": "log", "tickvals": x[::2],
                      "ticktext": [format_number(rate) for rate in x[::2]]},
            "yaxis": {"title": {"text": "final top-1, %"}},
        },
    }  # fmt: skip
