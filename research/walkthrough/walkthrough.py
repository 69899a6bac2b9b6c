"""From zero to a better model: suggest, run, diagnose, run again, report.

    python -m research.walkthrough.walkthrough FOLDER                      once, on scikit-learn's digits
    python -m research.walkthrough.walkthrough FOLDER DATASET... --seeds 3  on other image folders too, as a comparison

Each walkthrough has records of its own below FOLDER; your own are not touched. The first run is a short look with what
`advisor suggest` says, or with ``--look 0`` the whole training; the second changes the one value that `advisor
diagnose` names. Where it names none, the second run is the training that is advised now that the first has been seen.
At the end stands one line each; further seeds leave out what is only looked at. ``--write PAGE`` writes these lines
into a page.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import runpy
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.space.hyperparameters import TIMM_ARGUMENTS
from research.pages.rendering import DOCS

DEMO = DOCS / "demo"
SCRIPT = DEMO / "train.py"
MODEL = "test_resnet"
OPTIONS = {name: f"--{argument.replace('_', '-')}" for name, argument in TIMM_ARGUMENTS.items()}

parser = argparse.ArgumentParser(description="Train twice with advice in between")
parser.add_argument("folder", type=Path, help="where everything is written")
parser.add_argument("datasets", type=Path, nargs="*", help="image folders with train and validation; default: digits")
parser.add_argument("--seeds", type=int, default=1)
parser.add_argument("--look", type=int, default=5, help="epochs of the first run; 0: as many as are advised")
parser.add_argument("--write", type=Path, metavar="PAGE", help="page with marks for the table of this look")


@dataclass(frozen=True)
class Walkthrough:
    """What came of one walkthrough: accuracies and epochs of both runs, and what was found in between."""

    dataset: str
    seed: int
    first: float
    second: float
    epochs: tuple[int, int]
    found: str

    @property
    def row(self) -> str:
        """Its line of the table."""
        first, second = f"{self.epochs[0]} | {self.first:.1f}", f"{self.epochs[1]} | {self.second:.1f}"
        return f"| {self.dataset} | {self.seed} | {first} | {self.found} | {second} |"


def advisor(*arguments: str | Path, quiet: bool = False) -> str:
    """Show a command, run it, show and return what it prints."""
    words = [str(argument) for argument in arguments]
    if not quiet:
        print(f"\n$ advisor {' '.join(words)}", flush=True)
    command = [sys.executable, "-m", "advisor", *words]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout
    if not quiet:
        print(out, end="", flush=True)
    return out


def read(*arguments: str | Path) -> Any:
    """Return what a command says in JSON."""
    return json.loads(advisor(*arguments, "--format", "json", quiet=True))


def walk_through(home: Path, dataset: Path, seed: int, look: int) -> Walkthrough:
    """Do it once, with records of its own in ``home``."""
    os.environ["ADVISOR_STORE"] = f"sqlite:///{(home / 'records.db').resolve()}"
    os.environ["ADVISOR_SPOOL_DIR"] = str(home / "spool")
    os.environ["ADVISOR_METAMODEL_DIR"] = str(home / "metamodel")
    classes = sum(1 for path in (dataset / "train").iterdir() if path.is_dir())
    training = ["--data-dir", str(dataset), "--model", MODEL, "--num-classes", str(classes)]
    training += ["--warmup-epochs", "1", "--seed", str(seed)]

    asked = ["--dataset", str(dataset), "--model", MODEL, "--scratch", "--img-size", "32"]
    if seed == 0:
        advisor("suggest", *asked)
    short = ["--epochs", str(look)] if look else []
    advisor("run", "--suggest", "--name", "first", SCRIPT, *training, *short, "--output", home / "first")
    if seed == 0:
        advisor("diagnose", "first")
    found, first = read("diagnose", "first"), read("records", "show", "first")
    change = found["advice"]
    if change:
        values = {name: first[name] for name in OPTIONS} | {change["name"]: change["proposed"]}
        said = f"{change['rule']}: {change['name']} {change['current']:g} to {change['proposed']:g}"
        options = [word for name, option in OPTIONS.items() for word in (option, f"{values[name]:g}")]
        advisor("run", "--name", "second", SCRIPT, *training, *options, "--output", home / "second")
    else:
        said = f"{found['verdict']}: as advised now"
        advisor("run", "--suggest", "--name", "second", SCRIPT, *training, "--output", home / "second")
    if seed == 0:
        advisor("diagnose", "second")
        advisor("report", *asked, "--out", home / "report.html")
    second = read("records", "show", "second")
    epochs = (first["epochs"], second["epochs"])
    return Walkthrough(dataset.name, seed, first["final_metric"], second["final_metric"], epochs, said)


def table(walkthroughs: Sequence[Walkthrough]) -> str:
    """Return all walkthroughs as a Markdown table, and what the second runs gained."""
    before, after = (statistics.fmean(getattr(s, name) for s in walkthroughs) for name in ("first", "second"))
    mean_epochs = [statistics.fmean(s.epochs[i] for s in walkthroughs) for i in (0, 1)]
    worse = sum(s.second < s.first for s in walkthroughs)
    return "\n".join(
        [
            "| dataset | seed | epochs | first | found, and changed | epochs | second |",
            "|---|---:|---:|---:|---|---:|---:|",
            *(one.row for one in walkthroughs),
            f"| mean | | {mean_epochs[0]:.1f} | {before:.1f} | | {mean_epochs[1]:.1f} | {after:.1f} |",
            "",
            f"The second runs are {after - before:+.1f} points from the first on average; {worse} of "
            f"{len(walkthroughs)} ended below it.",
            "",
        ]
    )


def with_table(page: str, look: int, text: str) -> str:
    """Return a page with the table between the marks for a look replaced."""
    begin, end = (
        f"<!-- walkthroughs, look {look}: made by `make -C research walkthroughs` -->\n",
        "<!-- /walkthroughs -->",
    )
    written, n = re.subn(
        f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", lambda _: text, page, count=1, flags=re.DOTALL
    )
    if n != 1:
        raise SystemExit(f"the page has no place for this table: {begin.strip()} ... {end}")
    return written


def main() -> None:
    """Do what the command line says."""
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    os.environ["ADVISOR_CACHE_DIR"] = str(args.folder / "cache")
    digits = args.folder / "digits"
    runpy.run_path(str(DEMO / "demo.py"))["write_digits"](digits)
    walkthroughs = []
    for dataset in (digits, *args.datasets):
        for seed in range(args.seeds):
            home = args.folder / f"{dataset.name}-{seed}-look-{args.look}"
            home.mkdir(parents=True)
            walkthroughs.append(walk_through(home, dataset, seed, args.look))
            print(f"\n{walkthroughs[-1].row}", flush=True)
    text = table(walkthroughs)
    print(f"\n{text}", end="")
    if args.write is not None:
        page = args.write.read_text(encoding="utf-8")
        args.write.write_text(with_table(page, args.look, text), encoding="utf-8")


if __name__ == "__main__":
    main()
