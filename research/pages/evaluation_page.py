"""Writes what docs/evaluation.json holds as pages: ``python -m research.pages.evaluation_page``.

That is docs/evaluation.md with its picture, and the table of README.md.
"""

from __future__ import annotations

import json
import re
from typing import Any

from research.pages.rendering import DOCS, ROOT, render

README = ROOT / "README.md"
EVALUATION = DOCS / "evaluation.json"
EVALUATION_PAGE = DOCS / "evaluation.md"
REGRET = DOCS / "images" / "regret.svg"
BEGIN, END = "<!-- evaluation: made by `make evaluate` -->\n", "<!-- /evaluation -->"
_VERDICTS = {True: "met", False: "**missed**", None: "not measured"}


def evaluation_table(evaluation: dict[str, Any]) -> str:
    """Return the comparison over all cases as Markdown, with the noise floor below it."""
    return render("evaluation_table", evaluation=evaluation)


def evaluation_page(evaluation: dict[str, Any]) -> str:
    """Return docs/evaluation.md: every context, trials, intervals, and what they mean."""
    caps = sorted({cap for goal in evaluation["goals"] for cap in goal["by_cap"]}, key=int)
    counts = ("own_runs", "cases", "groups")
    return render(
        "evaluation",
        evaluation=evaluation,
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


def with_table(readme: str, evaluation: dict[str, Any]) -> str:
    """Return the README with its table replaced."""
    pattern = re.compile(f"(?<={re.escape(BEGIN)}).*?(?={re.escape(END)})", re.DOTALL)
    return pattern.sub(lambda _: evaluation_table(evaluation), readme)


def main() -> None:
    """Write the pages."""
    from advisor.evaluate.plot import plot_regret

    evaluation = json.loads(EVALUATION.read_text(encoding="utf-8"))
    README.write_text(with_table(README.read_text(encoding="utf-8"), evaluation), encoding="utf-8")
    EVALUATION_PAGE.write_text(evaluation_page(evaluation), encoding="utf-8")
    plot_regret(evaluation, REGRET)


if __name__ == "__main__":
    main()
