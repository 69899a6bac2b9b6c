"""Whether a second run that ended below the first was unlucky: both runs of such walkthroughs again, with other seeds.

    python -m research.walkthrough.repeats FOLDER --data DATA --seeds 8 --write docs/walkthrough/README.md

FOLDER is that of finished walkthroughs. Their first and second values are trained with seeds that the walkthroughs do
not have, by the same script, without recording. A training that was finished is not done again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import runpy
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.records.store.store import Store
from research.walkthrough.walkthrough import (
    SCRIPT,
    SETS,
    Set,
    Walkthrough,
    put_in_cache,
    recipe_of,
    training_of,
    with_table,
)

MARK = "repeats"

parser = argparse.ArgumentParser(description="Train both runs of walkthroughs again, with other seeds")
parser.add_argument("folder", type=Path, help="where walkthroughs were written")
parser.add_argument("--data", type=Path, required=True, help="folder of built datasets")
parser.add_argument("--seeds", type=int, default=8, help="trainings of each of the two")
parser.add_argument("--write", type=Path, metavar="PAGE", help="page with marks for the table")


@dataclass(frozen=True)
class Repeats:
    """Scores of the first and of the second values of a walkthrough, with the same seeds.

    Attributes
    ----------
    dataset : str
        Its name.
    epochs : (int, int)
        Of the two.
    first, second : sequence of float
        A score a seed.
    fall : float
        Points by which the second run of the walkthrough ended below the first.
    """

    dataset: str
    epochs: tuple[int, int]
    first: Sequence[float]
    second: Sequence[float]
    fall: float

    @property
    def row(self) -> str:
        """Its line of the table."""
        gains = [after - before for before, after in zip(self.first, self.second, strict=True)]
        scores = [f"{statistics.fmean(s):.1f} ± {statistics.stdev(s):.1f}" for s in (self.first, self.second, gains)]
        first, second = (f"{epochs} | {score}" for epochs, score in zip(self.epochs, scores, strict=False))
        return f"| {self.dataset} | {len(gains)} | {first} | {second} | {scores[2]} | {-self.fall:.1f} |"


def fallen(folder: Path) -> Iterator[tuple[Set, Path, float]]:
    """Yield each set of which a second run ended below the first, the worst such walkthrough's folder, and its fall."""
    for what in SETS:
        falls = []
        for done in folder.glob(f"{what.name}-*/walkthrough.json"):
            one = Walkthrough(**json.loads(done.read_text(encoding="utf-8")))
            falls.append((one.first - one.second, done.parent))
        if falls and max(falls)[0] > 0:
            yield what, max(falls)[1], max(falls)[0]


def score(arguments: Sequence[str], output: Path, epochs: int) -> float:
    """Train once, unless that was done, and return the final accuracy."""
    summary = output / "summary.csv"
    if not summary.is_file() or len(summary.read_text(encoding="utf-8").splitlines()) <= epochs:
        before = sys.argv
        sys.argv = [str(SCRIPT), *arguments, "--output", str(output)]
        try:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        finally:
            sys.argv = before
    with summary.open(encoding="utf-8") as file:
        return float([*csv.DictReader(file)][-1]["eval_top1"])


def repeat(what: Set, home: Path, fall: float, data: Path, seeds: Sequence[int]) -> Repeats:
    """Train the first and the second values of a walkthrough once for each seed."""
    store = Store(f"sqlite:///{(home / 'records.db').resolve()}")
    runs = [store.runs(name=name)[0] for name in ("first", "second")]
    first, second = (
        [
            score(
                [*training_of(what, data / what.name, seed), *recipe_of(run)],
                home.parent / MARK / f"{what.name}-{name}-{seed}",
                int(run.epochs or 0),
            )
            for seed in seeds
        ]
        for name, run in zip(("first", "second"), runs, strict=True)
    )
    return Repeats(what.name, (int(runs[0].epochs or 0), int(runs[1].epochs or 0)), first, second, fall)


def table(repeats: Sequence[Repeats]) -> str:
    """Return all repeats as a Markdown table."""
    return "\n".join(
        [
            "| dataset | seeds | epochs | first | epochs | second | second - first | worst walkthrough |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
            *(one.row for one in repeats),
            "",
        ]
    )


def main() -> None:
    """Do what the command line says."""
    args = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(args.folder / "huggingface")}
    repeats = []
    for what, home, fall in fallen(args.folder):
        if what.weights:
            put_in_cache(what.model, what.weights, args.folder / "huggingface")
        taken = len([*args.folder.glob(f"{what.name}-*/walkthrough.json")])
        repeats.append(repeat(what, home, fall, args.data, range(taken, taken + args.seeds)))
    text = table(repeats)
    print(f"\n{text}", end="")
    if args.write is not None:
        page = args.write.read_text(encoding="utf-8")
        args.write.write_text(with_table(page, MARK, text), encoding="utf-8")


if __name__ == "__main__":
    main()
