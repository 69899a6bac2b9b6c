"""Draws docs/images/meta-data-*.png and writes docs/meta-data.md: ``python -m research.pages.meta_data_page``.

A folder of evidence and one to write into may be named; by default the shipped evidence and docs/.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from advisor.collect.planning.design import cost
from advisor.records.evidence import MANIFEST, Evidence, load_evidence
from research.pages.meta_data_numbers import (
    LEAST_CONFIGURATIONS,
    VALUES,
    Case,
    Shares,
    cases_of,
    correlation,
    noise_of,
    scratch,
    start_differences,
    typical,
    variance_shares,
)
from research.pages.rendering import DOCS, ROOT, render

EVIDENCE = ROOT / "meta_data"
PAGE = "meta-data.md"
GOOD = 0.9
"""A configuration is good where it goes so far from chance to the best of its case."""
LEAST_CASES = 8
"""Nothing is said in a title, and no panel drawn, of fewer."""
LARGE_SHARE = 0.2
"""A share of the variance that is worth naming."""
COUNTS: dict[str, Callable[[Case], float]] = {
    "training images": lambda case: case.dataset.n_train,
    "classes": lambda case: case.dataset.n_classes,
    "images a class": lambda case: case.dataset.n_train / case.dataset.n_classes,
}
STYLES: dict[tuple[str, bool], dict[str, Any]] = {
    ("adamw", False): {"color": "black", "label": "AdamW, from scratch"},
    ("adamw", True): {"color": "tab:orange", "linestyle": "--", "label": "AdamW, fine-tuned"},
    ("sgd", False): {"color": "tab:blue", "linestyle": "-.", "label": "SGD, from scratch"},
    ("sgd", True): {"color": "tab:blue", "linestyle": ":", "label": "SGD, fine-tuned"},
}
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p"]


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _bare(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _signed(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:+.2f}"


def draw_learning_rates(cases: Sequence[Case], path: Path) -> None:
    """Draw how far runs get against their learning rate, a panel a model."""
    count = Counter(case.model for case in cases)
    models = sorted((model for model in count if count[model] >= LEAST_CASES), key=lambda m: (-count[m], m))
    columns = min(4, len(models))
    rows = math.ceil(len(models) / columns)
    figure = Figure(figsize=(2.6 * columns + 0.6, 2.2 * rows + 1.3), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(models) :]:
        axes.set_visible(False)
    shown: dict[str, Any] = {}
    for axes, model in zip(grid.flat, models, strict=False):
        lowest = axes in grid.flat[max(0, len(models) - columns) : len(models)]
        axes.tick_params(labelbottom=lowest)
        for (opt, tuned), style in STYLES.items():
            chosen = [
                c for c in cases if (c.model, c.opt, bool(c.checkpoint), c.augment) == (model, opt, tuned, "none")
            ]
            centres, middle, low, high = _by_learning_rate(chosen)
            if not len(centres):
                continue
            (line,) = axes.plot(centres, middle, **style)
            shown[style["label"]] = line
            axes.fill_between(centres, low, high, color=style["color"], alpha=0.12, linewidth=0)
        axes.set_title(f"{model} ({count[model]} cases)", fontsize=9)
        axes.set_xscale("log")
        axes.set_xlabel("peak learning rate" if lowest else "")
        _bare(axes)
    figure.suptitle(_rates_title(cases), fontsize=11)
    figure.supylabel("score: 0 chance, 1 best of its case", fontsize=10)
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=len(shown), frameon=False, fontsize=8)
    _save(figure, path)


def _rates_title(cases: Sequence[Case]) -> str:
    plain = scratch(cases)
    count = Counter(case.model for case in plain)
    best = {m: 10 ** typical(c.best_log_lr for c in plain if c.model == m) for m in count if count[m] >= LEAST_CASES}
    low, high = min(best, key=lambda m: best[m]), max(best, key=lambda m: best[m])
    return f"Best AdamW learning rate from scratch, median case:\n{best[low]:.1e} ({low}) to {best[high]:.1e} ({high})"


def _by_learning_rate(cases: Sequence[Case]) -> tuple[np.ndarray, ...]:
    """Return bins of learning rates (two a decade) with the quartiles of the skills of all cases there."""
    rates = np.array([float(one.run.lr or 1) for case in cases for one in case.trained])
    skills = np.concatenate([case.skills for case in cases]) if cases else np.array([])
    bins = np.floor(2 * np.log10(rates)) if len(rates) else rates
    kept = [edge for edge in np.unique(bins) if (bins == edge).sum() >= 5]
    quartiles = np.array([np.quantile(skills[bins == edge], [0.5, 0.25, 0.75]) for edge in kept]).reshape(-1, 3)
    return 10 ** ((np.array(kept) + 0.5) / 2), *quartiles.T


def draw_moves(cases: Sequence[Case], path: Path) -> None:
    """Draw how the best learning rate, epochs and dropout move with samples, classes and pretraining."""
    rows: list[tuple[str, Callable[[Case], float], bool]] = [
        ("best learning rate (AdamW)", lambda c: 10**c.best_log_lr, True),
        ("epochs of the best\n(share of the most in the case)", lambda c: c.best_epochs, False),
        ("dropout of the best", lambda c: c.best_dropout, False),
    ]
    columns: list[tuple[str, Callable[[Case], float]]] = [
        ("training images", lambda c: c.dataset.n_train),
        ("classes", lambda c: c.dataset.n_classes),
    ]
    chosen = [case for case in cases if case.opt == "adamw" and case.augment == "none"]
    plain = scratch(cases)
    models = sorted({case.model for case in plain})
    figure = Figure(figsize=(9.6, 8.4), layout="constrained")
    grid = figure.subplots(3, 3, width_ratios=[3, 3, 1.6])
    for line, (y_title, y, is_log) in zip(grid, rows, strict=True):
        for axes, (x_title, x) in zip(line, columns, strict=False):
            for model, marker in zip(models, MARKERS, strict=False):
                of_model = [case for case in plain if case.model == model]
                style = {"color": "0.25", "fillstyle": "none", "markersize": 4.5, "label": model}
                axes.plot([x(c) for c in of_model], [y(c) for c in of_model], marker, **style)
            rank = correlation([x(c) for c in plain], [y(c) for c in plain])
            axes.set_title(f"rank correlation {_signed(rank)}", fontsize=9)
            axes.set_xscale("log")
            axes.set_xlabel(x_title)
        by_start = [[y(c) for c in chosen if bool(c.checkpoint) is tuned] for tuned in (False, True)]
        named = [(f"{name}\n({len(v)})", v) for name, v in zip(("scratch", "tuned"), by_start, strict=True) if v]
        line[2].boxplot([v for _, v in named], widths=0.5, medianprops={"color": "black"}, flierprops={"markersize": 3})
        line[2].set_xticks(range(1, len(named) + 1), [name for name, _ in named])
        line[2].set_xlabel("start (cases)")
        for axes in line:
            if is_log:
                axes.set_yscale("log")
            _bare(axes)
        line[0].set_ylabel(y_title)
    figure.suptitle(_moves_title(cases), fontsize=11)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(labels)), frameon=False, fontsize=8)
    _save(figure, path)


def _moves_title(cases: Sequence[Case]) -> str:
    plain = scratch(cases)
    by_count = correlation([c.dataset.n_train for c in plain], [c.best_log_lr for c in plain])
    moves = "hardly moves" if abs(by_count) < 0.2 else ("falls" if by_count < 0 else "rises")
    factors = start_differences(cases, lambda c: c.best_log_lr)
    enough = len(factors) >= LEAST_CASES
    tuned = f"; fine-tuned it is {10 ** typical(factors):.2g} times that from scratch" if enough else ""
    return f"The best learning rate {moves} with the number of images{tuned}"


def draw_noise(cases: Sequence[Case], path: Path) -> None:
    """Draw the deviation between seeds against how good a configuration is."""
    noise = noise_of(cases)
    good, others = (typical(one.deviation for one in noise if (one.skill >= GOOD) is side) for side in (True, False))
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([n.skill for n in noise], [n.deviation for n in noise], ".", color="0.35", markersize=4)
    axes.axhline(good, color="black", linewidth=1, linestyle="--")
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("mean score of the configuration: 0 chance, 1 best of its case")
    axes.set_ylabel("standard deviation between seeds (points of top-1)")
    axes.set_title(f"Good configurations differ by {good:.1f} points between seeds, others by {others:.1f}", loc="left")
    _bare(axes)
    _save(figure, path)


def _correlations(cases: Sequence[Case]) -> list[list[str]]:
    plain = scratch(cases)
    rows = []
    for name, value in VALUES.items():
        ranks = [_signed(correlation([x(c) for c in plain], [value(c) for c in plain])) for x in COUNTS.values()]
        pairs = start_differences(cases, value)
        rows.append([name, *ranks, f"{_signed(typical(pairs))} ({len(pairs)})" if pairs else "no pair"])
    return rows


def _explained_by(shares: Mapping[str, Shares]) -> dict[str, list[str]]:
    """Return the values that the model explains more of than the dataset adds, the other way round, and neither."""
    kinds: dict[str, list[str]] = {"model": [], "dataset": [], "neither": []}
    for name, share in shares.items():
        winner = "model" if share.model > share.dataset else "dataset"
        kinds[winner if max(share.model, share.dataset) >= LARGE_SHARE else "neither"].append(name)
    return kinds


def page(evidence: Evidence, cases: Sequence[Case], digest: str) -> str:
    """Return docs/meta-data.md."""
    noise = noise_of(cases)
    plain = scratch(cases)
    drawn = [one.run.dropout or 0 for case in plain for one in case.trained if one.run.extra["kind"] == "sobol"]
    found = {name: variance_shares(plain, value) for name, value in VALUES.items()}
    shares = {name: share for name, share in found.items() if share is not None}
    costs = [cost(int(run.n_train or 0), int(run.epochs or 0), int(run.img_size or 0)) for run in evidence.runs]
    return render(
        "meta-data",
        digest=digest,
        runs=len(evidence.runs),
        statuses=", ".join(f"{count:,} {name}" for name, count in evidence.manifest["statuses"].items()),
        datasets=len(evidence.datasets),
        sources=evidence.manifest["groups"],
        cases=len(cases),
        least_configurations=LEAST_CONFIGURATIONS,
        plain=len(plain),
        median_cost=float(np.median(costs)),
        largest_cost=max(costs),
        hours=sum(run.train_seconds or 0 for run in evidence.runs) / 3600,
        counts=list(COUNTS),
        correlations=_correlations(cases),
        at_most_epochs=sum(case.best_epochs == 1 for case in plain) / len(plain),
        best_dropout=typical(case.best_dropout for case in plain),
        drawn_dropout=float(np.mean(drawn)),
        shares=[
            (name, *(f"{part:.0%}" for part in (share.model, share.dataset, share.rest)))
            for name, share in shares.items()
        ],
        kinds={kind: ", ".join(names) for kind, names in _explained_by(shares).items()},
        large_share=LARGE_SHARE,
        noise=[one.deviation for one in noise],
        good_noise=[one.deviation for one in noise if one.skill >= GOOD],
        good=GOOD,
    )


def main(folder: Path, docs: Path) -> None:
    """Draw the figures and write the page into ``docs``."""
    evidence = load_evidence(folder)
    cases = cases_of(evidence)
    draw_learning_rates(cases, docs / "images" / "meta-data-lr.png")
    draw_moves(cases, docs / "images" / "meta-data-moves.png")
    draw_noise(cases, docs / "images" / "meta-data-noise.png")
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    (docs / PAGE).write_text(page(evidence, cases, digest), encoding="utf-8")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]) if sys.argv[1:] else (EVIDENCE, DOCS))
