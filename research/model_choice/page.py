"""docs/models.md: what ``advisor suggest --models`` says, and what it is worth on datasets left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from advisor.advise.models.candidates import LARGEST
from advisor.advise.models.fitting import LEAST_BATCH, LEAST_EPOCHS
from advisor.advise.models.published import imagenet_results
from advisor.evaluate.summary import bootstrap_interval
from advisor.learn.model_choice import ALIKE, LEVEL, SMOOTH, ModelChoice
from research.model_choice.judging import (
    CAPS,
    DRAWS,
    IMAGENET,
    MIN_MODELS,
    OURS,
    Choices,
    Fold,
    folds,
    held,
    judge,
    judge_half_recorded,
)
from research.model_choice.runs import TRIALS, Reached
from research.model_choice.speeds import MIN_BATCH, speed_errors
from research.pages.rendering import render

OWN = (0, 1, 3)
"""Own runs of other models on a dataset, for which intervals are judged."""


def write_page(reached: Reached, model: ModelChoice, folder: Path) -> str:
    """Return the page.

    Parameters
    ----------
    reached : Reached
        What is judged.
    model : ModelChoice
        What ships.
    folder : Path
        The runs, for their seconds.
    """
    folded = folds(reached)
    recorded, half = judge(folded), judge_half_recorded(folded)
    return render(
        "models",
        runs=f"{reached.runs:,}",
        datasets=len(np.unique(reached.dataset)),
        models=len(np.unique(reached.names)),
        families=len(model.families),
        pairs=len(reached),
        trials=TRIALS,
        published=f"{len(imagenet_results()):,}",
        largest=f"{LARGEST / 1e6:.0f}",
        alike=ALIKE,
        fewest=f"{reached.n_train.min():,.0f}",
        most=f"{reached.n_train.max():,.0f}",
        level=f"{LEVEL:.0%}".replace("%", " %"),
        least_models=MIN_MODELS,
        least_epochs=LEAST_EPOCHS,
        least_batch=LEAST_BATCH,
        draws=DRAWS,
        min_batch=MIN_BATCH,
        recorded=[_row(cap, name, choices) for cap, by in recorded.items() for name, choices in by.items()],
        half=[_row(cap, name, choices)[:-1] for cap, by in half.items() for name, choices in by.items()],
        difference=_differences(recorded),
        difference_half=_differences(half),
        no_better=_no_better(recorded),
        no_better_half=_no_better(half),
        ranked=_ranked(model),
        held=[_held(folded, own) for own in OWN],
        speeds=[(name, n, f"{middle:.2f}", f"{most:.2f}") for name, (n, middle, most) in speed_errors(folder).items()],
    )


def _cap(cap: float) -> str:
    return "any" if math.isinf(cap) else f"at most {cap / 1e6:g}M"


def _row(cap: float, name: str, choices: Choices) -> tuple[str, ...]:
    low, high = choices.interval
    rho = "" if np.isnan(choices.rho).all() else f"{np.nanmean(choices.rho):.2f}"
    return (
        _cap(cap),
        name,
        f"{choices.regret.mean():.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{choices.points.mean():.1f}",
        rho,
    )


def _less(by: Mapping[str, Choices]) -> tuple[float, float, float]:
    """Return how much less regret the advisor has than ImageNet's best, and the 95 % interval over datasets."""
    less = by[IMAGENET].regret - by[OURS].regret
    return float(less.mean()), *bootstrap_interval(less, by[OURS].dataset)


def _differences(judged: Mapping[float, Mapping[str, Choices]]) -> list[tuple[str, str, str]]:
    found = [(cap, *_less(by)) for cap, by in judged.items()]
    return [(_cap(cap), f"{less:+.3f}", f"{low:+.3f} to {high:+.3f}") for cap, less, low, high in found]


def _no_better(judged: Mapping[float, Mapping[str, Choices]]) -> str:
    """Name the caps at which the difference may be luck, or is against the advisor."""
    named = [_cap(cap) for cap in CAPS if _less(judged[cap])[1] <= 0]
    return ", ".join(named)


def _ranked(model: ModelChoice) -> list[tuple[str, str]]:
    """Return families by what they reach beside what their ImageNet accuracy says, the best first."""
    weights = model.mean[len(SMOOTH) :][: len(model.families)]
    order = np.argsort(-weights)
    return [(model.families[i], f"{weights[i]:+.2f}") for i in order]


def _held(folded: list[Fold], own: int) -> tuple[str, ...]:
    inside, width, off = held(folded, own)
    return str(own), f"{inside:.0%}".replace("%", " %"), f"{width:.0f}", f"{off:.0f}"
