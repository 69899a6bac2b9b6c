"""Brings the README's table and picture up to date: from docs/evaluation.json, and from the program's own answer."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
EVALUATION = DOCS / "evaluation.json"
PICTURE = DOCS / "images" / "suggest.svg"
COMMAND = "advisor suggest --dataset stripes --model test_resnet --scratch --img-size 32 --max-epochs 20"
EVALUATION_PAGE = DOCS / "evaluation.md"
REGRET = DOCS / "images" / "regret.svg"
EVALUATION_HEAD = """# What the advice is worth

Written by `make evaluate`; every figure is of datasets whose whole source was left out when the meta-model was fitted.
Each method picks one of the configurations that were recorded in a case (a dataset, a model, an optimizer, a start);
its regret is (best - score) / (best - median of the random configurations): 0 is the best known, 1 a typical random
choice. The unit of intervals (bootstrap) and tests (Wilcoxon's signed-rank, corrected by Holm) is the source. Random
search draws at the most epochs of the case; a row with fewer cases is of those that have as many such draws. A claim
for a context needs ten sources there. Advice that was carried out instead of looked up: [trainings](trainings.md),
[own trials](own-trials.md); beside published values: [worked examples](worked-examples.md).
"""
BEGIN, END = "<!-- evaluation: made by `make evaluate` -->\n", "<!-- /evaluation -->"


def method_table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the comparison of methods as the lines of a Markdown table."""
    lines = [
        "| method | mean regret | 95 % interval | median regret | points lost | advice better | same | p |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        name = f"**{row['method']}**" if row["method"] == "advice" else row["method"]
        interval = f"{row['low']:.3f} to {row['high']:.3f}"
        shares = ["" if row[key] is None else f"{row[key]:.0%}" for key in ("advice_better", "advice_same")]
        p_value = "" if row["p_value"] is None else f"{row['p_value']:.2g}"
        mean, median, points = f"{row['mean_regret']:.3f}", f"{row['median_regret']:.3f}", f"{row['points_lost']:.1f}"
        lines.append(f"| {' | '.join((name, mean, interval, median, points, *shares, p_value))} |")
    return lines


def evaluation_table(evaluation: dict[str, Any]) -> str:
    """Return the comparison over all cases as Markdown, with the noise floor below it."""
    rows = evaluation["methods"]
    counts = (
        f"{evaluation['runs']:,} runs, {rows[0]['cases']} cases, {rows[0]['groups']} sources, each held out in turn"
    )
    noise = f"{evaluation['noise']:.2f} points (median standard deviation)"
    note = f"{counts}. Noise floor: equal runs with other seeds differ by {noise}."
    return "\n".join([*method_table(rows), "", note, ""])


def dearest_case(case: dict[str, Any]) -> str:
    """Return what the mean owes to one case."""
    return (
        "Regret divides by what there is to choose, so a case where nothing can be learned may outweigh all others: in "
        f"one of the source {case['group']} with {case['model']} the best known scores {case['best']:.2f} %, a typical "
        f"configuration {case['median']:.2f} % and the advice {case['score']:.2f} %, a regret of {case['regret']:.1f}. "
        f"Without this case the mean is {case['mean_without']:.3f}. The first context below leaves such cases out.\n"
    )


def goal_table(goals: list[dict[str, Any]]) -> list[str]:
    """Return what was meant to be reached beside what was, as the lines of a Markdown table."""
    caps = sorted({cap for goal in goals for cap in goal["by_cap"]}, key=int)
    lines = [
        f"| goal | bound | measured | | {' | '.join(f'at {cap} epochs' for cap in caps)} |",
        "|---|---:|---:|---|" + "---:|" * len(caps),
    ]
    verdicts = {True: "met", False: "**missed**", None: "not measured"}
    for goal in goals:
        sign = "at most" if goal["at_most"] else "at least"
        cells = [goal["goal"], f"{sign} {_figure(goal, goal['bound'])}", _figure(goal, goal["value"])]
        by_cap = [_figure(goal, goal["by_cap"].get(cap)) for cap in caps]
        lines.append(f"| {' | '.join((*cells, verdicts[goal['met']], *by_cap))} |")
    return lines


def _figure(goal: dict[str, Any], value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0%}" if goal["percent"] else f"{value:.3g}"


def evaluation_page(evaluation: dict[str, Any]) -> str:
    """Return docs/evaluation.md: every context, trials, intervals, and what they mean."""
    trials, intervals, balanced = evaluation["trials"], evaluation["intervals"], evaluation["balanced"]
    parts = [EVALUATION_HEAD, evaluation_table(evaluation), dearest_case(evaluation["dearest"])]
    parts.append("![Regret against trials](images/regret.svg)\n")
    parts += ["## What it was meant to reach\n", *goal_table(evaluation["goals"]), ""]
    parts.append(
        "The last columns hold the same figures for cases of that limit of epochs alone; baselines draw at it too. "
        "Much worse: by more than the noise floor and a point, where the evaluation split has 1,000 images or more.\n"
    )
    parts.append("## What it is worth in trials of random search\n")
    if trials["at_cap"] is None:
        parts.append("No case has the 64 random configurations at its most epochs that this needs yet.\n")
    else:
        free = "unknown" if trials["free"] is None else f"{trials['free']:.1f}"
        parts.append(
            f"In the median of {trials['cases']} reference cases ({trials['groups']} sources; at least 64 random "
            f"configurations at the most epochs, where the count is cut off) the first suggestion equals the expected "
            f"best of {free} random trials that draw their epochs too, and of {trials['at_cap']:.1f} that always spend "
            "the most epochs.\n"
        )
    parts.append("## Expected accuracies\n")
    parts += ["| | held | mean width | interval score | mean absolute error |", "|---|---:|---:|---:|---:|"]
    parts += [
        f"| {name} | {q['coverage']:.0%} | "
        + " | ".join(f"{q[key]:.1f}" for key in ("width", "interval_score", "mean_absolute_error"))
        + " |"
        for name, q in intervals.items()
    ]
    parts.append(
        f"\nShare of the outcomes in held-out sources that lay in their {intervals['advice']['level']:.0%} intervals; "
        "points of accuracy.\n"
    )
    parts.append("## Own runs\n")
    rows = evaluation["adaptive"]
    methods = [name for name in rows[0] if name not in ("own_runs", "cases", "groups")]
    parts += [f"| own runs | cases | sources | {' | '.join(methods)} |", "|---:|---:|---:|" + "---:|" * len(methods)]
    parts += [
        f"| {row['own_runs']} | {row['cases']} | {row['groups']} | "
        + " | ".join(f"{row[name]:.3f}" for name in methods)
        + " |"
        for row in rows
    ]
    parts.append(
        "\nMean regret of the best so far when the scores of own runs on the same dataset are heard before the next is "
        "chosen, replayed on recorded configurations.\n"
    )
    parts.append("## Fewer epochs\n")
    parts.append(
        f"`--prefer balanced` saved {balanced['epochs_saved']:.0%} of the epochs and lost "
        f"{balanced['points_lost']:.2f} points against taking the best expected whatever it costs.\n"
    )
    parts.append("## In every context\n")
    for name, rows in evaluation["contexts"].items():
        parts += [f"### {name}: {rows[0]['cases']} cases, {rows[0]['groups']} sources\n", *method_table(rows), ""]
    return "\n".join(parts)


def with_table(readme: str, evaluation: dict[str, Any]) -> str:
    """Return the README with its table replaced."""
    pattern = re.compile(f"(?<={re.escape(BEGIN)}).*?(?={re.escape(END)})", re.DOTALL)
    return pattern.sub(lambda _: evaluation_table(evaluation), readme)


def picture() -> str:
    """Return the answer to ``COMMAND`` on the demo's unseen dataset, drawn as SVG."""
    from rich.console import Console

    from advisor.advise.output.render import to_table
    from advisor.api import Advisor

    sys.path.insert(0, str(DOCS / "demo"))
    from demo import write_stripes

    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADVISOR_STORE"] = f"sqlite:///{folder}/records.db"
        os.environ["ADVISOR_SPOOL_DIR"] = f"{folder}/spool"
        os.environ["ADVISOR_CACHE_DIR"] = f"{folder}/cache"
        # The picture shows the evidence that ships, whatever its author has trained.
        os.environ["ADVISOR_METAMODEL_DIR"] = f"{folder}/metamodel"
        write_stripes(Path(folder) / "stripes")
        suggestion = Advisor().suggest(
            Path(folder) / "stripes", model="test_resnet", pretrained=False, img_size=32, max_epochs=20
        )
        with open(os.devnull, "w") as nowhere:
            console = Console(record=True, width=110, file=nowhere, highlight=False)
            console.print(f"[bold]$ {COMMAND}[/bold]\n")
            console.print(to_table(suggestion))
            return console.export_svg(title="advisor suggest", unique_id="suggest")


if __name__ == "__main__":
    from advisor.evaluate.plot import plot_regret

    evaluation = json.loads(EVALUATION.read_text())
    README.write_text(with_table(README.read_text(), evaluation))
    EVALUATION_PAGE.write_text(evaluation_page(evaluation))
    plot_regret(evaluation, REGRET)
    PICTURE.write_text(picture())
