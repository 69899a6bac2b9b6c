"""Writes docs/response-model.md from ``research/templates/response-model.md.jinja`` and what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from advisor.advise.recipes.recipes import Recipes
from advisor.learn.response import ResponseModel
from research.pages.rendering import render
from research.response_model.artefact import choose_fits
from research.response_model.evaluation import (
    ASKED_BATCH,
    ASKED_IMAGES,
    GEO,
    SOUPS,
    Held,
    Judge,
    common_models,
    decay_means,
    factors,
    optimum_of,
    own_factor,
    settled_epochs,
    todays_rates,
    tuned_rates,
    variants,
    without,
)
from research.response_model.fitting import MOSTLY_FROZEN_WEIGHT, RIDGES, Fits, design, leave_datasets_out
from research.response_model.judging import SUBSETS
from research.response_model.runs import PublicRuns, with_recipes

_ROOT = Path(__file__).parents[2]
_RECIPES = _ROOT / "meta_data" / "recipes.csv"
_WANTED_PAIRS, _WANTED_FACTOR, _WANTED_SMALL = 0.64, 1.8, 1.7e-4
_NEIGHBOURS = (2.0, 4.0, 8.0, 16.0, 32.0)


def write_page(runs: PublicRuns, model: ResponseModel, fits: Fits, recipes: Recipes) -> str:
    """Return the page.

    Parameters
    ----------
    runs : PublicRuns
        What was fitted to.
    model : ResponseModel
        The fitted model.
    fits : Fits
        The fits without each dataset, by the same penalty.
    recipes : Recipes
        The shipped recipes.
    """
    before = without(recipes, GEO, SOUPS)
    judge = Judge(runs, todays_rates(runs, before))
    found = judge.advisers(fits)
    adamw, sgd = (common_models(model, recipes, opt) for opt in ("adamw", "sgd"))
    geo = _geo(runs, before)
    met = _bars(found["response model"], geo, adamw)
    return render(
        "response-model",
        runs=f"{len(runs):,}",
        datasets=len(np.unique(runs.dataset)),
        models=len(np.unique(runs.model)),
        coefficients=len(fits.whole),
        draws=len(model.draws),
        ridge=f"{fits.ridge:g}",
        ridges=", ".join(f"{ridge:g}" for ridge in RIDGES),
        weight=MOSTLY_FROZEN_WEIGHT,
        bars=_table(("bar", "wanted", "reached", ""), met),
        values=_table(
            ("adviser", *SUBSETS),
            [(name, *(f"{held.values[s].value:.3f}" for s in SUBSETS)) for name, held in found.items()],
        ),
        gains=_table(("", *SUBSETS), [("response model", *(_gain(found["response model"], s) for s in SUBSETS))]),
        sizes=", ".join(f"{int(rows.sum())}" for rows in judge.subsets.values()),
        explained=f"{judge.explained:.2f}",
        pairs=_table(
            (
                "adviser",
                f"all {len(judge.pairs.better):,} pairs",
                f"{int(judge.pairs.same_share.sum())} that train the same share",
            ),
            [
                (name, f"{held.pairs:.1%}", f"{held.pairs_same_share:.1%}")
                for name, held in found.items()
                if name != "random"
            ],
        ),
        variants=_variants(judge),
        geo=_table(("learning rate", "median factor"), [(name, f"{factor:.2f}") for name, factor in geo.items()]),
        asked=f"{ASKED_IMAGES:,} images at batch {ASKED_BATCH}",
        common=_common(adamw, sgd),
        decay=_decay(runs),
        epochs=_epochs(runs),
        optimum=_table(
            ("moves the optimum by decades", "coefficient", "90 % of draws"),
            [
                (name, f"{value:+.2f}", f"{low:+.2f} to {high:+.2f}")
                for name, value, low, high in zip(
                    model.names["optimum"],
                    model.coefficients.optimum,
                    *np.quantile([draw.optimum for draw in model.draws], [0.05, 0.95], axis=0),
                    strict=True,
                )
            ],
        ),
    )


def _bars(
    held: Held, geo: Mapping[str, float], adamw: Mapping[str, tuple[float, float, float, float]]
) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [
        ("better run of a pair told by lr alone", "≥ 64 %", f"{held.pairs:.1%}", _met(held.pairs >= _WANTED_PAIRS))
    ]
    for name in SUBSETS:
        gain = held.values[name].gain
        rows.append((f"value, {name}", "above recipes'", f"{gain:+.3f}", _met(gain > 0)))
    factor = geo["response model"]
    rows.append(
        ("GEO-Bench-2, median factor of error", f"≤ {_WANTED_FACTOR}", f"{factor:.2f}", _met(factor <= _WANTED_FACTOR))
    )
    for name in ("efficientnet_b0", "mobilevit_s"):
        lr = adamw[name][1]
        rows.append((f"{name}, AdamW", f"≥ {_WANTED_SMALL:.1e}", f"{lr:.2e}", _met(lr >= _WANTED_SMALL)))
    rates = [lr for _, lr, _, _ in adamw.values()]
    spread = f"factor {max(rates) / min(rates):.1f} between them"
    rows.append(("six common models do not share one lr", "", spread, _met(max(rates) / min(rates) > 2)))
    return rows


def _met(yes: bool) -> str:
    return "met" if yes else "**missed**"


def _gain(held: Held, subset: str) -> str:
    value = held.values[subset]
    return f"{value.gain:+.3f} ({value.low:+.2f} to {value.high:+.2f})"


def _geo(runs: PublicRuns, recipes: Recipes) -> dict[str, float]:
    """Return the median factor on GEO-Bench-2, none of whose rows the recipes hold."""
    tuned = tuned_rates(_RECIPES, recipes)
    labelled = tuned_rates(_RECIPES, recipes, tag="")
    started = with_recipes(runs, recipes)
    chosen = choose_fits(started)
    alike = leave_datasets_out(design(started), started.dataset, np.ones(len(started)), chosen.ridge)
    middle = float(np.exp(np.median(np.log([t.lr for t in tuned]))))
    return {
        "recipes": factors(tuned, lambda case: case.recipe_lr),
        "response model": factors(tuned, optimum_of(chosen)),
        "response model, all runs alike": factors(tuned, optimum_of(alike)),
        "response model, weights taken for labelled ones": factors(labelled, optimum_of(chosen)),
        "response model, half of its move": factors(tuned, lambda c: (optimum_of(chosen)(c) * c.recipe_lr) ** 0.5),
        "one value for all, the median of these rows": factors(tuned, lambda case: middle),
        "the same backbone on the other two sets": own_factor(tuned),
    }


def _variants(judge: Judge) -> str:
    rows = [
        (weight, f"{ridge:g}", f"{error:.4f}", f"{held.pairs:.1%}", *(f"{held.values[s].gain:+.3f}" for s in SUBSETS))
        for (weight, ridge), (error, held) in variants(judge, _NEIGHBOURS).items()
    ]
    return _table(("mostly frozen runs count", "penalty", "error", "pairs", *SUBSETS), rows)


def _common(adamw: Mapping[str, tuple[float, float, float, float]], sgd: Mapping[str, tuple[float, ...]]) -> str:
    rows = [
        (name, f"{start:.1e}", f"{lr:.1e}", f"{low:.1e} to {high:.1e}", f"{sgd[name][0]:.1e}", f"{sgd[name][1]:.1e}")
        for name, (start, lr, low, high) in adamw.items()
    ]
    return _table(("model", "AdamW: recipes", "response model", "90 %", "SGD: recipes", "response model"), rows)


def _decay(runs: PublicRuns) -> str:
    found = decay_means(runs)
    decays = list(next(iter(found.values())))
    return _table(
        ("optimizer", *(f"{wd:g}" for wd in decays)),
        [(name, *(f"{means[wd]:.2f}" for wd in decays)) for name, means in found.items()],
    )


def _epochs(runs: PublicRuns) -> str:
    return "; ".join(f"{name} {a} to {c}, median {b}" for name, (a, b, c) in settled_epochs(runs).items())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ("---",) + ("--:",) * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
