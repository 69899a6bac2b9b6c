"""The page's plots as plotly.js takes them: plain data, with colours named after the page's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.advise.explain.responses import Response
from advisor.records.schema import Epoch
from advisor.report.past_advice import Account
from advisor.space.hyperparameters import LABELS, format_number

Figure = dict[str, Any]

_ROUND = [*(10.0**i for i in range(-8, 0)), 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
_INK, _SOFT, _LINE, _BAND, _GOOD = (f"var(--{name})" for name in ("ink", "soft", "line", "band", "good"))


def response_figure(response: Response) -> Figure:
    """Return the response to a hyperparameter: the mean, the spread of the members, the sweet spot and the advice."""
    # Weight decay has a 0, which a logarithmic axis has no place for.
    named = response.name == "weight_decay"
    x: list[Any] = [format_number(p.value) if named else p.value for p in response.points]
    y = [point.points for point in response.points]
    low = [round(point.points - point.spread, 2) for point in response.points]
    high = [round(point.points + point.spread, 2) for point in response.points]
    advised = next(i for i, point in enumerate(response.points) if point.value == response.advised)
    return {
        "data": [
            {"x": x, "y": low, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"},
            {"x": x, "y": high, "mode": "lines", "line": {"width": 0}, "fill": "tonexty", "fillcolor": _BAND,
             "hoverinfo": "skip"},
            {"x": x, "y": y, "mode": "lines+markers", "line": {"color": _LINE, "width": 2}, "marker": {"size": 5},
             "hovertemplate": "%{x}: %{y:+.1f} points<extra></extra>"},
            {"x": [x[advised]], "y": [0], "mode": "markers+text", "text": ["advised"], "textposition": "bottom center",
             "textfont": {"color": _INK}, "hoverinfo": "skip", "cliponaxis": False,
             "marker": {"size": 12, "symbol": "diamond", "color": _INK}},
        ],
        "layout": {
            "xaxis": _value_axis(response, named),
            "yaxis": {"title": {"text": "points against the advice"}, "zeroline": True},
            "shapes": [_sweet_spot(response, named)],
        },
    }  # fmt: skip


def _value_axis(response: Response, named: bool) -> dict[str, Any]:
    title = {"text": LABELS[response.name]}
    if named:
        return {"title": title, "type": "category"}
    if response.name == "dropout":
        return {"title": title}
    ticks = _ROUND if response.name != "batch_size" else [2.0**i for i in range(20)]
    inside = [tick for tick in ticks if response.points[0].value <= tick <= response.points[-1].value]
    return {
        "title": title,
        "type": "log",
        "tickvals": inside,
        "ticktext": [format_number(tick) for tick in inside],
        "minor": {"ticks": ""},
    }


def _sweet_spot(response: Response, named: bool) -> dict[str, Any]:
    low, high = response.sweet_spot
    if named:
        values = [point.value for point in response.points]
        low, high = values.index(low) - 0.3, values.index(high) + 0.3
    elif low == high:
        low, high = (low - 0.02, high + 0.02) if response.name == "dropout" else (low / 1.1, high * 1.1)
    return {
        "type": "rect", "x0": low, "x1": high, "yref": "paper", "y0": 0, "y1": 1, "fillcolor": _GOOD,
        "line": {"width": 0}, "layer": "below",
    }  # fmt: skip


def curve_figure(epochs: Sequence[Epoch]) -> Figure:
    """Return a run's learning curve: accuracies on the left axis, losses on the right one."""
    x = [epoch.epoch + 1 for epoch in epochs]
    lines = (
        ("eval_top1", "evaluation top-1", "y", "solid", _LINE),
        ("train_top1", "training top-1", "y", "dot", _LINE),
        ("eval_loss", "evaluation loss", "y2", "solid", _SOFT),
        ("train_loss", "training loss", "y2", "dot", _SOFT),
    )
    data = [
        {
            "x": x, "y": [getattr(epoch, name) for epoch in epochs], "name": title, "yaxis": axis,
            "mode": "lines+markers", "line": {"color": color, "dash": dash, "width": 2}, "marker": {"size": 4},
        }
        for name, title, axis, dash, color in lines
        if any(getattr(epoch, name) is not None for epoch in epochs)
    ]  # fmt: skip
    return {
        "data": data,
        "layout": {
            "showlegend": True,
            "legend": {"orientation": "h", "y": -0.3},
            "xaxis": {"title": {"text": "epoch"}, "tick0": 1, "dtick": max(1, -(-len(x) // 10))},
            "yaxis": {"title": {"text": "top-1, %"}},
            "yaxis2": {
                "title": {"text": "loss"},
                "overlaying": "y",
                "side": "right",
                "showgrid": False,
                "tickmode": "auto",
            },
        },
    }


def account_figure(account: Account) -> Figure:
    """Return what was expected against what was reached; on the diagonal the advice knew."""
    expected = [one.expected for one in account.followed]
    least = min(min(one.expected.low, one.actual) for one in account.followed)
    ends = [max(0, least - 5), 102]
    return {
        "data": [
            {"x": ends, "y": ends, "mode": "lines", "line": {"color": _SOFT, "dash": "dot"},
             "hoverinfo": "skip"},
            {"x": [e.top1 for e in expected], "y": [round(one.actual, 1) for one in account.followed],
             "text": [one.run.name or one.run.run_id for one in account.followed], "mode": "markers",
             "marker": {"size": 10, "color": _LINE},
             "error_x": {"type": "data", "symmetric": False, "color": _LINE, "thickness": 1,
                         "array": [round(e.high - e.top1, 1) for e in expected],
                         "arrayminus": [round(e.top1 - e.low, 1) for e in expected]},
             "hovertemplate": "%{text}: expected %{x:.0f} %, reached %{y:.1f} %<extra></extra>"},
        ],
        "layout": {
            "xaxis": {"title": {"text": "expected top-1, %"}, "range": ends},
            "yaxis": {"title": {"text": "reached top-1, %"}, "range": ends},
        },
    }  # fmt: skip
