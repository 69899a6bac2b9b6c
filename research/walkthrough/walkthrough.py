"""From zero to a better model: suggest, run, diagnose, run again, report.

    python -m research.walkthrough.walkthrough FOLDER                          once, on scikit-learn's digits
    python -m research.walkthrough.walkthrough FOLDER --data DATA --seeds 3    over all of ``SETS``, as a comparison

Each walkthrough has records of its own below FOLDER; your own are not touched. With DATA, a folder of built datasets,
the adviser of each set was fitted without its source. The first run is a short look with what `advisor suggest` says, a
fifth of the epochs that it advises, or with ``--look 1`` the whole training; the second changes the one value that
`advisor diagnose` names. Where it names none, it is the training that is advised now that the first has been seen.
At the end stands one line each; further seeds leave out what is only looked at. ``--write PAGE`` writes these lines
into a page. A walkthrough that was finished is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import runpy
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from advisor import Advisor
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.imagenet_weights import load_weights
from advisor.collect.datasets import read_provenance
from advisor.records.evidence import load_evidence, load_fine_tuning
from advisor.records.schema import Pretraining, Run
from advisor.space.hyperparameters import TIMM_ARGUMENTS, format_number
from research.held_out.advice import without_group
from research.pages.rendering import DOCS

DEMO = DOCS / "demo"
SCRIPT = DEMO / "train.py"
OPTIONS = {name: f"--{argument.replace('_', '-')}" for name, argument in TIMM_ARGUMENTS.items()}
LOOKS = {0.2: "a fifth", 1.0: "the whole"}
"""Share of the advised epochs that the first run takes: how the page calls it."""

parser = argparse.ArgumentParser(description="Train twice with advice in between")
parser.add_argument("folder", type=Path, help="where everything is written")
parser.add_argument("--data", type=Path, help="folder of built datasets")
parser.add_argument("--seeds", type=int, default=1)
parser.add_argument("--look", type=float, choices=LOOKS, default=0.2, help="share of the epochs of the first run")
parser.add_argument("--write", type=Path, metavar="PAGE", help="page with marks for the table of this look")


@dataclass(frozen=True)
class Set:
    """A dataset to walk through, and what is trained on it."""

    name: str
    model: str = "test_resnet"
    img_size: int = 32
    weights: str = ""
    """timm's tag of the weights to start from; empty for none."""


_LITE = ("tf_efficientnet_lite0", 64, "in1k")
DIGITS = Set("digits")
SETS = (
    Set("series-vowels"),
    Set("cjk-styles"),
    Set("photos-plasma-scene-128", *_LITE),
    Set("series-leaves-large", *_LITE),
    Set("textures-apart-large", *_LITE),
)


@dataclass(frozen=True)
class Walkthrough:
    """What came of one walkthrough: accuracies and epochs of both runs, and what was found in between."""

    dataset: str
    weights: str
    seed: int
    first: float
    second: float
    epochs: tuple[int, int]
    found: str

    @property
    def row(self) -> str:
        """Its line of the table."""
        first, second = f"{self.epochs[0]} | {self.first:.1f}", f"{self.epochs[1]} | {self.second:.1f}"
        start = "ImageNet" if self.weights else "scratch"
        return f"| {self.dataset} | {start} | {self.seed} | {first} | {self.found} | {second} |"


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


def training_of(what: Set, dataset: Path, seed: int) -> list[str]:
    """Return the arguments that say what is trained, without the recipe."""
    classes = sum(1 for path in (dataset / "train").iterdir() if path.is_dir())
    training = ["--data-dir", str(dataset), "--model", what.model, "--num-classes", str(classes)]
    training += ["--img-size", str(what.img_size), "--seed", str(seed)]
    return [*training, *(["--pretrained"] if what.weights else [])]


def recipe_of(run: Run, **changed: float) -> list[str]:
    """Return the arguments for the recipe of a run, with values changed."""
    values = {name: getattr(run, name) for name in OPTIONS} | changed
    options = [word for name, option in OPTIONS.items() for word in (option, format_number(values[name]))]
    options += ["--sched", str(run.sched), "--warmup-epochs", f"{run.warmup_epochs:g}"]
    return [*options, *(["--sched-on-updates"] if run.extra.get("sched_on_updates") else [])]


def walk_through(home: Path, dataset: Path, what: Set, seed: int, look: float, *, shown: bool) -> Walkthrough:
    """Do it once, with records of its own in ``home``; ``shown`` also does what is only looked at."""
    os.environ["ADVISOR_STORE"] = f"sqlite:///{(home / 'records.db').resolve()}"
    os.environ["ADVISOR_SPOOL_DIR"] = str(home / "spool")
    training = training_of(what, dataset, seed)
    asked = ["--dataset", str(dataset), "--model", what.model, "--img-size", str(what.img_size)]
    asked.append("--pretrained" if what.weights else "--scratch")
    if shown:
        advisor("suggest", *asked)
    adviser = Advisor()
    advice = adviser.suggest(dataset, model=what.model, img_size=what.img_size, pretrained=bool(what.weights))
    planned = advice.best.epochs
    short = ["--epochs", str(max(1, round(look * planned)))] if look < 1 else []
    advisor("run", "--suggest", "--name", "first", SCRIPT, *training, *short, "--output", home / "first")
    if shown:
        advisor("diagnose", "first")
    found, first = read("diagnose", "first"), adviser.store.runs(name="first")[0]
    change = found["advice"]
    if change:
        said = f"{change['rule']}: {change['name']} {change['current']:g} to {change['proposed']:g}"
        options = recipe_of(first, **{change["name"]: change["proposed"]})
        advisor("run", "--name", "second", SCRIPT, *training, *options, "--output", home / "second")
    else:
        said = f"{found['verdict']}: as advised now"
        advisor("run", "--suggest", "--name", "second", SCRIPT, *training, "--output", home / "second")
    if shown:
        advisor("diagnose", "second")
        advisor("report", *asked, "--out", home / "report.html")
    second = adviser.store.runs(name="second")[0]
    return Walkthrough(
        dataset=dataset.name,
        weights=what.weights,
        seed=seed,
        first=float(first.final_metric or 0.0),
        second=float(second.final_metric or 0.0),
        epochs=(int(first.epochs or 0), int(second.epochs or 0)),
        found=said,
    )


def fit_adviser(folder: Path, what: Set, group: str) -> None:
    """Fit an adviser that has not seen a source, for trainings that start as those of a set do."""
    if (folder / "manifest.json").is_file():
        return
    if what.weights:
        apart = without_group(load_fine_tuning(), group, Pretraining.IMAGENET)
        replace(Advisor().artefact, fine_tuning=apart).save(folder)
    else:
        without_group(load_evidence(), group).save(folder)


def put_in_cache(model: str, tag: str, cache: Path) -> None:
    """Put published weights where timm's ``pretrained=True`` looks for them, as if it had downloaded them before."""
    from safetensors.torch import save_file

    repository = cache / "hub" / f"models--timm--{model}.{tag}"
    weights, revision = repository / "snapshots" / "local" / "model.safetensors", repository / "refs" / "main"
    if not revision.is_file():
        tensors = load_weights(model, Fetcher())
        for path in (weights, revision):
            path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, weights)
        revision.write_text("local", encoding="utf-8")


def table(walkthroughs: Sequence[Walkthrough]) -> str:
    """Return all walkthroughs as a Markdown table, and what the second runs gained."""
    before, after = (statistics.fmean(getattr(s, name) for s in walkthroughs) for name in ("first", "second"))
    mean_epochs = [statistics.fmean(s.epochs[i] for s in walkthroughs) for i in (0, 1)]
    worse = [s for s in walkthroughs if s.second < s.first]
    gains = [
        f"{statistics.fmean(s.second - s.first for s in some):+.1f} {words}"
        for words, some in (
            ("from scratch", [s for s in walkthroughs if not s.weights]),
            ("from ImageNet weights", [s for s in walkthroughs if s.weights]),
        )
        if some
    ]
    return "\n".join(
        [
            "| dataset | start | seed | epochs | first | found, and changed | epochs | second |",
            "|---|---|---:|---:|---:|---|---:|---:|",
            *(one.row for one in walkthroughs),
            f"| mean | | | {mean_epochs[0]:.1f} | {before:.1f} | | {mean_epochs[1]:.1f} | {after:.1f} |",
            "",
            f"The second runs are {after - before:+.1f} points from the first on average ({', '.join(gains)}); "
            f"{len(worse)} of {len(walkthroughs)} ended below it.",
            "",
        ]
    )


def with_table(page: str, what: str, text: str) -> str:
    """Return a page with the table between its marks replaced: "walkthroughs, look a fifth"."""
    begin, end = f"<!-- {what}: made by `make -C research walkthroughs` -->\n", f"<!-- /{what.partition(',')[0]} -->"
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
    os.environ |= {"ADVISOR_CACHE_DIR": str(args.folder / "cache"), "HF_HUB_OFFLINE": "1"}
    os.environ["HF_HOME"] = str(args.folder / "huggingface")
    os.environ["ADVISOR_SUGGEST_TIMEOUT"] = "3600"  # without advice a walkthrough shows nothing, however busy the cores
    digits = args.folder / "digits"
    if not digits.is_dir():
        runpy.run_path(str(DEMO / "demo.py"))["write_digits"](digits)
    walkthroughs = []
    for what in SETS if args.data else (DIGITS,):
        dataset = args.data / what.name if args.data else digits
        os.environ["ADVISOR_METAMODEL_DIR"] = str(args.folder / "as-shipped")
        if args.data:
            adviser = args.folder / "advisers" / what.name
            fit_adviser(adviser, what, read_provenance(args.data, what.name)["group"])
            os.environ["ADVISOR_METAMODEL_DIR"] = str(adviser)
        if what.weights:
            put_in_cache(what.model, what.weights, args.folder / "huggingface")
        for seed in range(args.seeds):
            home = args.folder / f"{what.name}-{seed}-look-{args.look:g}"
            done = home / "walkthrough.json"
            if not done.is_file():
                shutil.rmtree(home, ignore_errors=True)
                home.mkdir()
                came_of_it = walk_through(home, dataset, what, seed, args.look, shown=not args.data)
                done.write_text(json.dumps(asdict(came_of_it)), encoding="utf-8")
            walkthroughs.append(Walkthrough(**json.loads(done.read_text(encoding="utf-8"))))
            print(f"\n{walkthroughs[-1].row}", flush=True)
    text = table(walkthroughs)
    print(f"\n{text}", end="")
    if args.write is not None:
        page = args.write.read_text(encoding="utf-8")
        args.write.write_text(with_table(page, f"walkthroughs, look {LOOKS[args.look]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
