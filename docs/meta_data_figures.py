"""Draws docs/images/meta-data-*.png and writes docs/meta-data.md from a folder of evidence (by default the shipped)."""

from __future__ import annotations

import hashlib
import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from meta_data_numbers import (
    LEAST_CONFIGURATIONS,
    VALUES,
    Case,
    cases_of,
    correlation,
    noise_of,
    scratch,
    start_differences,
    typical,
    variance_shares,
)

from advisor.collect.planning.design import cost
from advisor.records.evidence import MANIFEST, Evidence, load_evidence

DOCS = Path(__file__).parent
EVIDENCE = DOCS.parent / "meta_data"
PAGE = "meta-data.md"
GOOD = 0.9
"""A configuration is good where it goes so far from chance to the best of its case."""
LEAST_CASES = 8
"""Nothing is said in a title, and no panel drawn, of fewer."""
TELLING = 0.2
"""A share of the variance that is worth naming."""
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


def _shares_table(cases: Sequence[Case]) -> list[str]:
    lines = ["| best value of a case | model | dataset, beyond the model | neither |", "|---|---:|---:|---:|"]
    for name, value in VALUES.items():
        shares = variance_shares(scratch(cases), value)
        if shares is not None:
            lines.append(f"| {name} | {shares.model:.0%} | {shares.dataset:.0%} | {shares.rest:.0%} |")
    return lines


def _correlation_table(cases: Sequence[Case]) -> list[str]:
    plain = scratch(cases)
    columns: dict[str, Callable[[Case], float]] = {
        "training images": lambda c: c.dataset.n_train,
        "classes": lambda c: c.dataset.n_classes,
        "images a class": lambda c: c.dataset.n_train / c.dataset.n_classes,
    }
    starts = "fine-tuned minus from scratch (median; pairs)"
    lines = [f"| best value of a case | {' | '.join(columns)} | {starts} |", "|---|" + "---:|" * (len(columns) + 1)]
    for name, value in VALUES.items():
        ranks = [_signed(correlation([x(c) for c in plain], [value(c) for c in plain])) for x in columns.values()]
        pairs = start_differences(cases, value)
        start = f"{_signed(typical(pairs))} ({len(pairs)})" if pairs else "no pair"
        lines.append(f"| {name} | {' | '.join(ranks)} | {start} |")
    return lines


def _specific(cases: Sequence[Case]) -> list[str]:
    """Say of each of the hyperparameters whether the model or the dataset tells more of it."""
    verdicts: dict[str, list[str]] = {"model": [], "dataset": [], "neither": []}
    for name, value in VALUES.items():
        shares = variance_shares(scratch(cases), value)
        if shares is not None:
            winner = "model" if shares.model > shares.dataset else "dataset"
            verdicts[winner if max(shares.model, shares.dataset) >= TELLING else "neither"].append(name)
    says = {
        "model": "Mostly model-specific (the model explains more than the dataset adds)",
        "dataset": "Mostly dataset-specific (the dataset adds more than the model explains)",
        "neither": f"Neither explains {TELLING:.0%}",
    }
    return [f"- {says[kind]}: {', '.join(names)}." for kind, names in verdicts.items() if names]


def page(evidence: Evidence, cases: Sequence[Case], digest: str) -> str:
    """Return docs/meta-data.md."""
    noise = noise_of(cases)
    good = [one.deviation for one in noise if one.skill >= GOOD]
    plain = scratch(cases)
    statuses = ", ".join(f"{count:,} {name}" for name, count in evidence.manifest["statuses"].items())
    at_most = sum(case.best_epochs == 1 for case in plain) / len(plain)
    drawn = [float(one.run.dropout or 0) for case in plain for one in case.trained if one.run.extra["kind"] == "sobol"]
    parts = [
        "# What the evidence says",
        f"<!-- evidence: {digest} -->",
        "Written by `make meta-data-docs` from meta_data/, which has a [datasheet](../meta_data/README.md); no figure "
        "is typed by hand.",
        f"{len(evidence.runs):,} runs ({statuses}) on {len(evidence.datasets)} datasets of "
        f"{evidence.manifest['groups']} sources. Below are the {len(cases)} cases (a dataset, a model, an optimizer, a "
        f"start, an augmentation) with at least {LEAST_CONFIGURATIONS} configurations; {len(plain)} of them are AdamW "
        "from scratch without augmentation. A diverged run counts as chance. The best value of a case is the mean over "
        "its three best configurations.",
        _costs(evidence),
        "## Score against learning rate",
        "![Score against learning rate, a panel a model](images/meta-data-lr.png)",
        "Median and middle half of all runs of the cases in bins of half a decade, whatever their other values.",
        "## How the best values move",
        "![Best learning rate, epochs and dropout against images, classes and start](images/meta-data-moves.png)",
        "\n".join(_correlation_table(cases)),
        "Spearman's rank correlations over cases of AdamW from scratch; differences over datasets, models and "
        "optimizers that have both starts (logarithms: base 10, of the batch size base 2). Batch sizes are planned in "
        "part relative to the number of images and never above it, so they must rise with it. "
        f"In {at_most:.0%} of these cases all three best use the most epochs there are. Their dropout is "
        f"{typical(case.best_dropout for case in plain):.2f} in the median case, where the mean of the draws is "
        f"{np.mean(drawn):.2f}.",
        "## What is dataset-specific, what only model-specific",
        "\n".join(_shares_table(cases)),
        "Shares of the variance over cases (AdamW from scratch, datasets trained with two models or more; adjusted for "
        "the number of levels, so that chance gives 0 and a share can be a little below it). *Neither* holds the "
        "interaction of the two, and the luck of which configurations were drawn and won.",
        "\n".join(_specific(cases)),
        "## Noise between seeds",
        "![Deviation between seeds against the mean score](images/meta-data-noise.png)",
        f"{len(noise)} configurations were trained with two seeds or more. The median standard deviation is "
        f"{typical(one.deviation for one in noise):.2f} points, and {typical(good):.2f} among the {len(good)} that "
        f"reach {GOOD:.0%} of the way from chance to the best of their case.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _costs(evidence: Evidence) -> str:
    costs = [cost(int(run.n_train or 0), int(run.epochs or 0), int(run.img_size or 0)) for run in evidence.runs]
    hours = sum(run.train_seconds or 0 for run in evidence.runs) / 3600
    return (
        f"The median run sees {np.median(costs):,.0f} images of 32 x 32 pixels (images x epochs x (pixels/32)²), the "
        f"dearest {max(costs):,.0f}; all together took {hours:.1f} hours of one processor core."
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
