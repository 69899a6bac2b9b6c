"""Writes what is known of fine-tuning from ImageNet weights: ``python -m research.pages.finetuning_page``.

That is docs/fine-tuning.md with its picture, from docs/evaluation-finetuning.json, docs/fine-tuned-trainings.json
and the shipped runs. The summary of
it in docs/evaluation.md and README.md is written by ``research.pages.evaluation_page``.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from advisor.advise.output.settle import EPOCHS
from advisor.collect.planning.plan import read_plan
from advisor.collect.shipping.export import case_key
from advisor.records.evidence import Evidence, load_fine_tuning
from advisor.records.schema import Run, Status
from research.held_out.fine_tuned_trainings import RESULTS, summarise
from research.pages.rendering import DOCS, ROOT, render

EVALUATION = DOCS / "evaluation-finetuning.json"
PAGE = DOCS / "fine-tuning.md"
PICTURE = DOCS / "images" / "fine-tuning-lr.png"
PLAN = ROOT / "meta_data" / "plans" / "fine-tuning.yaml"
_CLEAR = 3.0
"""Points by which two final scores differ for certain."""
ENOUGH_SOURCES = 10
"""A claim for a context needs so many independent sources of data."""
_LINES = {64: ("#0b3c5d", "-", "o"), 96: ("#d1495b", "--", "s"), 128: ("#7fb069", "-.", "^")}
"""Colour, line and marker of an image side: apart in grey as well."""
_LARGER = ("#9a9a9a", ":", "D")
_MANY_CASES = 3
"""The title speaks of an image side with so many cases."""


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


def fixed_rates(of_case: Iterable[Run]) -> dict[float, float]:
    """Return the score of each learning rate of the core at batch 32 and all the epochs, all else being the same."""
    return {
        run.lr: score(run)
        for run in of_case
        if run.lr and run.extra.get("kind") == "core" and not run.seed and _is_fixed(str(run.extra.get("label")))
    }


def _is_fixed(label: str) -> bool:
    return label.startswith("lr ") and "batch" not in label


def curve(runs: Iterable[Sequence[Run]]) -> tuple[list[float], list[float]]:
    """Return accuracy lost against the best of the case by learning rate, the mean over cases.

    Parameters
    ----------
    runs : iterable of sequence of Run
        The runs of each case. Those that have fewer of the fixed rates than the others are not finished, and left out.

    Returns
    -------
    tuple of list
        Fixed learning rates, and points of top-1 (0 is the best of the case, whatever its values; negative below it).
    """
    found = [(max(map(score, of_case)), fixed_rates(of_case)) for of_case in runs]
    most = max((len(at) for _, at in found), default=0)
    lost: dict[float, list[float]] = defaultdict(list)
    for best, at in (each for each in found if len(each[1]) == most):
        for rate, reached in at.items():
            lost[rate].append(reached - best)
    return sorted(lost), [float(np.mean(lost[rate])) for rate in sorted(lost)]


def scatter(runs: Iterable[Sequence[Run]]) -> tuple[list[float], list[float]]:
    """Return the same of every random configuration that spent all the epochs, whatever its batch and decay."""
    rates, points = [], []
    for of_case in runs:
        best, most = max(map(score, of_case)), max(run.epochs or 0 for run in of_case)
        drawn = [run for run in of_case if run.extra.get("kind") == "sobol" and run.epochs == most and not run.seed]
        rates += [float(run.lr or 0) for run in drawn]
        points += [score(run) - best for run in drawn]
    return rates, points


def title(by_case: Mapping[tuple[object, ...], Sequence[Run]]) -> str:
    """Return which fixed rate is best for AdamW, by image side: what the picture says in a line."""
    best = []
    for side in sorted({_side(runs) for runs in by_case.values()}):
        chosen = [runs for runs in by_case.values() if runs[0].opt == "adamw" and _side(runs) == side]
        if len(chosen) >= _MANY_CASES:
            rates, points = curve(chosen)
            best.append(f"{rates[int(np.argmax(points))]:g} at {side} pixels")
    return f"Of fixed learning rates AdamW does best with {', '.join(best)}" if best else "Fine-tuning"


def _side(runs: Sequence[Run]) -> int:
    return int(runs[0].img_size or 0)


def draw(evidence: Evidence, picture: Path = PICTURE) -> None:
    """Draw the response: a panel an optimizer, a line an image side, a dot a random configuration."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    by_case = cases(evidence)
    opts = sorted({run.opt for of_case in by_case.values() for run in of_case if run.opt})
    figure, axes = pyplot.subplots(1, len(opts), figsize=(1.5 + 3.9 * len(opts), 4.2), sharey=True, squeeze=False)
    for axis, opt in zip(axes[0], opts, strict=True):
        for side in sorted({_side(runs) for runs in by_case.values() if runs[0].opt == opt}):
            chosen = [runs for runs in by_case.values() if runs[0].opt == opt and _side(runs) == side]
            rates, points = curve(chosen)
            colour, line, marker = _LINES.get(side, _LARGER)
            axis.plot(*scatter(chosen), marker, color=colour, ms=4, alpha=0.4, mew=0)
            label = f"{side} pixels, {len(chosen)} case{'' if len(chosen) == 1 else 's'}"
            axis.plot(rates, points, line, color=colour, label=label, marker=marker, ms=6, lw=1.8)
        axis.set_xscale("log")
        axis.set_xlabel("peak learning rate (no unit)")
        axis.set_title(opt, fontsize=11)
        axis.set_ylim(top=1)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=9, loc="lower right")
    axes[0][0].set_ylabel("top-1 against the case's best\n(percentage points)")
    figure.suptitle(title(by_case), fontsize=11)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)


def compare(
    evidence: Evidence, name: str, others: Sequence[str], opt: str = "adamw", side: int | None = None
) -> list[dict[str, Any]]:
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
    side : int, optional
        Cases with images of this side count; by default all.
    """
    rows = []
    of_opt = [runs for runs in cases(evidence).values() if runs[0].opt == opt and side in (None, _side(runs))]
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


def order_after(evidence: Evidence, epochs: int, opt: str = "adamw") -> dict[str, float]:
    """Return how often the better of two fixed learning rates of a case is the better one early on too.

    Parameters
    ----------
    evidence : Evidence
    epochs : int
        How many epochs early on are; runs of more epochs count.
    opt : str
        Cases with this optimizer count.

    Returns
    -------
    dict
        ``pairs`` of rates at batch 32 whose final scores differ by more than 3 points, and the ``share`` in which the
        accuracies after so many epochs have the same order.
    """
    early = {epoch.run_id: epoch.eval_top1 for epoch in evidence.epochs if epoch.epoch == epochs - 1}
    agree = []
    for runs in cases(evidence).values():
        rates = [
            run
            for run in runs
            if run.opt == opt
            and run.extra.get("kind") == "core"
            and str(run.extra["label"]).startswith("lr ")
            and "batch" not in str(run.extra["label"])
            and not run.seed
            and (run.epochs or 0) > epochs
            and early.get(run.run_id) is not None
        ]
        for one, other in combinations(rates, 2):
            ends = score(one) - score(other)
            if abs(ends) > _CLEAR:
                agree.append(ends * (float(early[one.run_id] or 0) - float(early[other.run_id] or 0)) > 0)
    return {"pairs": len(agree), "share": float(np.mean(agree)) if agree else float("nan")}


def page(evidence: Evidence, evaluation: dict[str, Any], trained: dict[str, Any]) -> str:
    """Return docs/fine-tuning.md."""
    by_case = cases(evidence)
    sides = Counter(_side(runs) for runs in by_case.values())
    planned = sum(len(b.datasets) * len(b.models) * len(b.contexts) for b in read_plan(PLAN).blocks)
    return render(
        "fine-tuning",
        manifest=evidence.manifest,
        evaluation=evaluation,
        cases=len(by_case),
        planned=planned,
        sources=sorted({dataset.group for dataset in evidence.datasets}),
        sides=sides,
        opts=Counter(str(runs[0].opt) for runs in by_case.values()),
        models=Counter(str(runs[0].model) for runs in by_case.values()),
        enough=ENOUGH_SOURCES,
        trained=trained,
        trained_summary=summarise(trained["cases"]),
        early=order_after(evidence, EPOCHS),
        early_epochs=EPOCHS,
        batches=compare(evidence, "lr 0.001", ["lr 0.001 batch 8", "lr 0.001 batch 128"]),
        others=compare(evidence, "lr 0.001", ["regularised", "short"]),
        rates=compare(evidence, "lr 0.001", ["lr 0.003", "lr 0.0003", "lr 0.0001", "lr 3e-05"]),
        by_side={side: compare(evidence, "lr 0.001", ["lr 0.003", "lr 0.0003"], side=side) for side in sorted(sides)},
    )


def main() -> None:
    """Write the page and its picture."""
    evidence = load_fine_tuning()
    evaluation = json.loads(EVALUATION.read_text(encoding="utf-8"))
    trained = json.loads((DOCS / RESULTS).read_text(encoding="utf-8"))
    draw(evidence)
    PAGE.write_text(page(evidence, evaluation, trained), encoding="utf-8")


if __name__ == "__main__":
    main()
