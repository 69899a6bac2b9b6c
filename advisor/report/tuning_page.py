"""The page of a tuning: its trials, which were stopped and why, the best, and what more would bring."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from advisor.report.figures import Figure
from advisor.report.page import embedded, environment, part, plotly
from advisor.report.tuning_figures import curves_figure, rates_figure
from advisor.space.hyperparameters import HYPERPARAMETERS, LABELS
from advisor.tuning.report import next_hour_in_words
from advisor.version import __version__


def render_tuning(report: Mapping[str, Any]) -> str:
    """Return the page of what ``advisor.tuning.report.report_of`` says.

    Raises
    ------
    MissingExtraError
        If plotly is not installed.
    """
    figures: dict[str, Figure] = {}
    best = report["best"]
    if best is not None:
        figures["curves"] = curves_figure(report["trials"], best["name"])
        alike = [trial for trial in report["trials"] if trial["model"] == best["model"]]
        figures["rates"] = rates_figure(report["lr"], alike, best)
    return (
        environment()
        .get_template("tuning.html")
        .render(
            report=report,
            best=best,
            several=any(trial["model"] for trial in report["trials"]),
            next_hour=next_hour_in_words(report["next_hour"]),
            hyperparameters=HYPERPARAMETERS,
            labels=LABELS,
            figures=embedded(figures),
            made=datetime.now(timezone.utc),
            version=__version__,
            plotly=plotly(),
            style=part("page.css"),
            script=part("page.js"),
        )
    )
