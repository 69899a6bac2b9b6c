"""Writes what is known of fine-tuning from ImageNet weights: ``python -m research.pages.finetuning_page``.

That is docs/fine-tuning.md with its picture, from docs/evaluation-finetuning.json and the shipped runs.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from advisor.collect.planning.plan import read_plan
from advisor.collect.shipping.export import case_key
from advisor.records.evidence import Evidence, load_fine_tuning
from advisor.records.schema import Run, Status
from research.pages.rendering import DOCS, ROOT, render

EVALUATION = DOCS / "evaluation-finetuning.json"
PAGE = DOCS / "fine-tuning.md"
PICTURE = DOCS / "images" / "fine-tuning-lr.png"
PLAN = ROOT / "meta_data" / "plans" / "fine-tuning.yaml"
ENOUGH_SOURCES = 10
"""A claim for a context needs so many independent sources of data."""
_BINS = np.arange(-5.0, 0.51, 0.5)
"""Decades of the learning rate over which curves are averaged."""
_COLOURS = {64: "#1b6ca8", 96: "#d1495b", 128: "#3a7d44", 160: "#8d6a9f", 224: "#444444"}
_STYLES = {64: "-", 96: "--", 128: ":", 160: "-.", 224: "-"}


def cases(evidence: Evidence) -> dict[tuple[object, ...], list[Run]]:
    """Return the runs of every case that trained whole networks, by case."""
    found: dict[tuple[object, ...], list[Run]] = defaultdict(list)
    for run in evidence.runs:
        if (run.extra.get("trainable") or "all") == "all":
            found[case_key(run)].append(run)
    return dict(found)


def score(run: Run) -> float:
    """Return the final accuracy of a run, chance where it diverged."""
    if run.status is Status.DIVERGED or run.final_metric is None:
        return 100 / (run.n_classes or 1)
    return run.final_metric


def curve(runs: Iterable[Sequence[Run]]) -> tuple[list[float], list[float]]:
    """Return accuracy lost against the best of the case, the mean over cases, by decade of the learning rate.

    Parameters
    ----------
    runs : iterable of sequence of Run
        The runs of each case; those that spend all its epochs count.

    Returns
    -------
    tuple of list
        Middles of the half decades as learning rates, and points of top-1 (0 is the best, negative below it).
    """
    lost: dict[int, list[float]] = defaultdict(list)
    for of_case in runs:
        best, most = max(map(score, of_case)), max(run.epochs or 0 for run in of_case)
        by_bin: dict[int, list[float]] = defaultdict(list)
        for run in of_case:
            if run.epochs == most and run.lr:
                by_bin[int(np.digitize(np.log10(run.lr), _BINS))].append(score(run) - best)
        for place, values in by_bin.items():
            lost[place].append(float(np.mean(values)))
    places = sorted(place for place in lost if 0 < place < len(_BINS))
    return [float(10 ** (_BINS[p - 1] + 0.25)) for p in places], [float(np.mean(lost[p])) for p in places]


def draw(evidence: Evidence) -> None:
    """Draw the response to the learning rate, a panel an optimizer and a line an image side."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    by_case = cases(evidence)
    opts = sorted({run.opt for of_case in by_case.values() for run in of_case if run.opt})
    figure, axes = pyplot.subplots(1, len(opts), figsize=(4.6 * len(opts), 3.6), sharey=True, squeeze=False)
    for axis, opt in zip(axes[0], opts, strict=True):
        sides = sorted({int(runs[0].img_size or 0) for runs in by_case.values() if runs[0].opt == opt})
        for side in sides:
            chosen = [runs for runs in by_case.values() if runs[0].opt == opt and runs[0].img_size == side]
            rates, points = curve(chosen)
            label = f"{side} px, {len(chosen)} case{'' if len(chosen) == 1 else 's'}"
            axis.plot(
                rates, points, _STYLES.get(side, "-"), color=_COLOURS.get(side, "k"), label=label, marker="o", ms=3
            )
        axis.set_xscale("log")
        axis.set_xlabel("peak learning rate")
        axis.set_title(opt, fontsize=10)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    axes[0][0].set_ylabel("points of top-1 below the best of the case")
    figure.suptitle("Fine-tuning from ImageNet: too low a learning rate costs more than too high a one", fontsize=11)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


def compare(evidence: Evidence, name: str, others: Sequence[str], opt: str = "adamw") -> list[dict[str, Any]]:
    """Return the mean score of named points of the core and how much each differs from one of them.

    Parameters
    ----------
    evidence : Evidence
    name : str
        The point that the others are compared with.
    others : sequence of str
        Names of the points.
    opt : str
        Cases with this optimizer count.
    """
    rows = []
    of_opt = [runs for runs in cases(evidence).values() if runs[0].opt == opt]
    for other in others:
        pairs = []
        for runs in of_opt:
            at = {run.extra["label"]: score(run) for run in runs if run.extra.get("kind") == "core" and not run.seed}
            if name in at and other in at:
                pairs.append(at[other] - at[name])
        if pairs:
            gained = np.array(pairs)
            rows.append({"name": other, "cases": len(pairs), "points": gained.mean(), "better": (gained > 0).mean()})
    return rows


def page(evidence: Evidence, evaluation: dict[str, Any]) -> str:
    """Return docs/fine-tuning.md."""
    by_case = cases(evidence)
    planned = sum(len(b.datasets) * len(b.models) * len(b.contexts) for b in read_plan(PLAN).blocks)
    return render(
        "fine-tuning",
        manifest=evidence.manifest,
        evaluation=evaluation,
        cases=len(by_case),
        planned=planned,
        sources=len({dataset.group for dataset in evidence.datasets}),
        sides=Counter(int(runs[0].img_size or 0) for runs in by_case.values()),
        opts=Counter(str(runs[0].opt) for runs in by_case.values()),
        models=Counter(str(runs[0].model) for runs in by_case.values()),
        enough=ENOUGH_SOURCES,
        batches=compare(evidence, "lr 0.001", ["lr 0.001 batch 8", "lr 0.001 batch 128"]),
        others=compare(evidence, "lr 0.001", ["regularised", "short"]),
        rates=compare(evidence, "lr 0.001", ["lr 0.003", "lr 0.0003", "lr 0.0001", "lr 3e-05"]),
    )


def main() -> None:
    """Write the page and its picture."""
    evidence = load_fine_tuning()
    draw(evidence)
    evaluation = json.loads(EVALUATION.read_text(encoding="utf-8"))
    PAGE.write_text(page(evidence, evaluation), encoding="utf-8")


if __name__ == "__main__":
    main()
