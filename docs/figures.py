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
BEGIN, END = "<!-- evaluation: made by `make evaluate` -->\n", "<!-- /evaluation -->"


def evaluation_table(evaluation: dict[str, Any]) -> str:
    """Return the comparison as a Markdown table with the noise floor below it."""
    rows = evaluation["methods"]
    lines = [
        "| method | mean regret | 95 % interval | median regret | points lost | advice better in |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        own = row["method"] == rows[0]["method"]
        name = f"**{row['method']}**" if own else row["method"]
        interval = f"{row['low']:.3f} to {row['high']:.3f}"
        better = "" if own else f"{row['advice_better']:.0%}"
        mean, median, points = f"{row['mean_regret']:.3f}", f"{row['median_regret']:.3f}", f"{row['points_lost']:.1f}"
        lines.append(f"| {' | '.join((name, mean, interval, median, points, better))} |")
    noise = f"{evaluation['noise']:.2f} points (median standard deviation), {rows[0]['noise_regret']:.3f} of regret"
    return "\n".join(
        [
            *lines,
            "",
            f"{evaluation['runs']} runs, {rows[0]['cases']} cases, {rows[0]['groups']} sources, each held out in turn. "
            f"Noise floor: equal runs with other seeds differ by {noise}.",
            "",
        ]
    )


def with_table(readme: str, evaluation: dict[str, Any]) -> str:
    """Return the README with its table replaced."""
    pattern = re.compile(f"(?<={re.escape(BEGIN)}).*?(?={re.escape(END)})", re.DOTALL)
    return pattern.sub(lambda _: evaluation_table(evaluation), readme)


def picture() -> str:
    """Return the answer to ``COMMAND`` on the demo's unseen dataset, drawn as SVG."""
    from rich.console import Console

    from advisor.advise.advisor import Advisor
    from advisor.advise.render import to_table

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
    README.write_text(with_table(README.read_text(), json.loads(EVALUATION.read_text())))
    PICTURE.write_text(picture())
