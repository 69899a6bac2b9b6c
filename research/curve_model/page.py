"""docs/watching.md: what ``advisor watch`` says, and what it is worth on sources left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from advisor.advise.diagnose.outlook import LEVEL, LITTLE, SURE
from advisor.learn.curve_model import CurveModel
from advisor.learn.table import Floats
from research.curve_model.fitting import FITTED
from research.curve_model.judging import (
    APART,
    IMAGENET,
    LEAST_EPOCHS,
    MIDDLE,
    Figures,
    coming_apart,
    figures,
    given_up,
    near_chance,
    subsets,
)
from research.curve_model.rows import CUTS, Rows
from research.pages.rendering import render

_FIFTH = CUTS[0]


def write_page(rows: Rows, model: CurveModel, found: Mapping[str, Floats], alone: Floats) -> str:
    """Return the page.

    Parameters
    ----------
    rows : Rows
        What is judged.
    model : CurveModel
        What ships.
    found : mapping of str to ndarray
        The forecasts of each candidate on sources left out, of which the last ships.
    alone : ndarray
        What that forecasts where only accuracies, classes and planned epochs are known.
    """
    ships, last = list(found.values())[-1], next(iter(found.values()))
    at_a_fifth = subsets(rows, _FIFTH)
    of = {name: figures(rows, ships, chosen) for name, chosen in at_a_fifth.items()}
    before = figures(rows, last, at_a_fifth["all"])
    return render(
        "watching",
        runs=f"{model.evidence['runs']:,}",
        sources=model.evidence["sources"],
        most_epochs=model.evidence["epochs"][1],
        level=f"{LEVEL:.0%}".replace("%", " %"),
        sure=f"{SURE:.0%}".replace("%", " %"),
        little=f"{LITTLE:.0%}".replace("%", " %"),
        fitted=f"{FITTED:.0%}".replace("%", " %"),
        least=LEAST_EPOCHS,
        imagenet=of[IMAGENET].runs if IMAGENET in of else 0,
        apart=f"{APART:g}",
        told=_share(of["all"].pairs),
        told_before=_share(before.pairs),
        held=_share(of["all"].held),
        width=f"{of['all'].width:.0f}",
        candidates=[_row(name, figures(rows, quantiles, at_a_fifth["all"])) for name, quantiles in found.items()],
        starts=[_row(name, one, sources=True) for name, one in of.items()],
        cuts=[
            _row(f"{cut:.0%} of the epochs".replace("%", " %", 1), figures(rows, ships, subsets(rows, cut)["all"]))
            for cut in CUTS
        ],
        alone=_row("accuracies, classes and planned epochs alone", figures(rows, alone, at_a_fifth["all"])),
        given_up=[
            _given_up(rows, cut, name, quantiles)
            for cut in CUTS[:-1]
            for name, quantiles in (("the last accuracy", last), ("what ships", ships))
        ],
        coming_apart=[_coming_apart(rows, cut, ships) for cut in CUTS[:-1]],
    )


def _row(name: str, one: Figures, *, sources: bool = False) -> list[str]:
    counted = [f"{one.runs:,}", str(one.sources)] if sources else []
    return [
        name,
        *counted,
        f"{_share(one.pairs)} ({100 * one.pairs_low:.1f} to {100 * one.pairs_high:.1f})",
        f"{one.off:.1f}",
        f"{one.width:.1f}",
        f"{_share(one.held)} ({100 * one.held_low:.0f} to {100 * one.held_high:.0f})",
        f"{one.score:.1f}",
    ]


def _given_up(rows: Rows, cut: float, name: str, quantiles: Floats) -> list[str]:
    found = given_up(rows, quantiles, subsets(rows, cut)["all"])
    return [_share(cut, 0), name, f"{found.runs:,}", _share(found.worse), _share(found.told), _share(found.wrong)]


def _coming_apart(rows: Rows, cut: float, quantiles: Floats) -> list[str]:
    chosen = rows.take(subsets(rows, cut)["all"])
    at, bad = coming_apart(chosen), near_chance(chosen)
    middle = quantiles[subsets(rows, cut)["all"], MIDDLE]
    off = float(np.mean(np.abs(middle - chosen.final)[at])) if at.any() else 0.0
    return [
        _share(cut, 0),
        f"{int(at.sum()):,}",
        _share(float(bad[at].mean()) if at.any() else 0.0),
        _share(float(bad[~at].mean())),
        f"{off:.1f}",
    ]


def _share(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"
