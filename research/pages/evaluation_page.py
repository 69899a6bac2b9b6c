"""Writes what the advice is worth as pages: ``python -m research.pages.evaluation_page``.

That is docs/evaluation.md with its picture, and the table of README.md, from docs/evaluation.json and, for fine-tuning,
docs/evaluation-finetuning.json.
"""

from __future__ import annotations

import json
import re
from typing import Any

from research.pages import finetuning_page
from research.pages.rendering import DOCS, ROOT, render

README = ROOT / "README.md"
EVALUATION = DOCS / "evaluation.json"
EVALUATION_PAGE = DOCS / "evaluation.md"
REGRET = DOCS / "images" / "regret.svg"
BEGIN, END = "<!-- evaluation: made by `make evaluate` -->\n", "<!-- /evaluation -->"
_VERDICTS = {True: "met", False: "**missed**", None: "not measured"}


def readme_table(evaluation: dict[str, Any], fine_tuning: dict[str, Any]) -> str:
    """Return what the advice is worth in five rows of Markdown, fine-tuning first, with what they mean below them.

    Rows of a start are of the same context, AdamW, so that what is compared was trained in the same cases.
    """
    tuned, scratch = (
        {row["method"]: row for row in judged["contexts"][name]}
        for judged, name in ((fine_tuning, "adamw"), (evaluation, "adamw from scratch"))
    )
    rows = [
        ("ImageNet weights", "**advice, before any trial**", tuned["advice"]),
        ("ImageNet weights", "AdamW at learning rate 0.001, batch 32", tuned["lr 0.001"]),
        ("ImageNet weights", "published recipes alone", tuned["published recipes alone"]),
        ("from scratch", "**advice, before any trial**", scratch["advice"]),
        ("from scratch", "the best of 5 random trials", scratch["random search, 5"]),
    ]
    fixed = [row for name, row in tuned.items() if name.startswith("lr ")]
    return render(
        "readme_table",
        rows=rows,
        best_fixed=min(fixed, key=lambda row: row["mean_regret"]),
        tuned=tuned["advice"],
        scratch=scratch["advice"],
        enough=finetuning_page.ENOUGH_SOURCES,
        trials=evaluation["trials"],
    )


def evaluation_page(evaluation: dict[str, Any], fine_tuning: dict[str, Any]) -> str:
    """Return docs/evaluation.md: every context, trials, intervals, and what they mean."""
    caps = sorted({cap for goal in evaluation["goals"] for cap in goal["by_cap"]}, key=int)
    counts = ("own_runs", "cases", "groups")
    return render(
        "evaluation",
        evaluation=evaluation,
        fine_tuning=fine_tuning,
        enough=finetuning_page.ENOUGH_SOURCES,
        caps=caps,
        goals=[_goal(goal, caps) for goal in evaluation["goals"]],
        adaptive_methods=[name for name in evaluation["adaptive"][0] if name not in counts],
    )


def _goal(goal: dict[str, Any], caps: list[str]) -> list[str]:
    """Return what was meant to be reached beside what was, as a row."""
    sign = "at most" if goal["at_most"] else "at least"
    measured = [goal["goal"], f"{sign} {_figure(goal, goal['bound'])}", _figure(goal, goal["value"])]
    return [*measured, _VERDICTS[goal["met"]], *(_figure(goal, goal["by_cap"].get(cap)) for cap in caps)]


def _figure(goal: dict[str, Any], value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0%}" if goal["percent"] else f"{value:.3g}"


def with_table(readme: str, evaluation: dict[str, Any], fine_tuning: dict[str, Any]) -> str:
    """Return the README with its table replaced."""
    pattern = re.compile(f"(?<={re.escape(BEGIN)}).*?(?={re.escape(END)})", re.DOTALL)
    return pattern.sub(lambda _: readme_table(evaluation, fine_tuning), readme)


def main() -> None:
    """Write the pages."""
    from advisor.evaluate.plot import plot_regret

    evaluation, fine_tuning = (
        json.loads(path.read_text(encoding="utf-8")) for path in (EVALUATION, finetuning_page.EVALUATION)
    )
    README.write_text(with_table(README.read_text(encoding="utf-8"), evaluation, fine_tuning), encoding="utf-8")
    EVALUATION_PAGE.write_text(evaluation_page(evaluation, fine_tuning), encoding="utf-8")
    plot_regret(evaluation, REGRET)


if __name__ == "__main__":
    main()
