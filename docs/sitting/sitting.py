"""From zero to a better model in one sitting: suggest, run, diagnose, run again, report.

    python docs/sitting/sitting.py FOLDER                      one sitting on scikit-learn's digits
    python docs/sitting/sitting.py FOLDER DATASET... --seeds 3  the same on other image folders, as a comparison

Each sitting has records of its own below FOLDER; your own are not touched. The first run is a short look with what
`advisor suggest` says; the second changes the one value that `advisor diagnose` names. Where it names none, the second
run is the whole training that was advised. At the end of a sitting stands one line; further seeds leave out what is
only looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCRIPT = HERE.parent / "demo" / "train.py"
MODEL = "test_resnet"
LOOK = 5
"""Epochs of the first run."""
FIVE = {
    "lr": "--lr",
    "batch_size": "--batch-size",
    "epochs": "--epochs",
    "dropout": "--drop",
    "weight_decay": "--weight-decay",
}

parser = argparse.ArgumentParser(description="Train twice with advice in between")
parser.add_argument("folder", type=Path, help="where everything is written")
parser.add_argument("datasets", type=Path, nargs="*", help="image folders with train and validation; default: digits")
parser.add_argument("--seeds", type=int, default=1)


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


def sit(home: Path, dataset: Path, seed: int) -> tuple[float, float, str]:
    """Return the final accuracy of the first and of the second run, and what was found in between."""
    os.environ["ADVISOR_STORE"] = f"sqlite:///{(home / 'records.db').resolve()}"
    os.environ["ADVISOR_SPOOL_DIR"] = str(home / "spool")
    os.environ["ADVISOR_METAMODEL_DIR"] = str(home / "metamodel")
    classes = sum(1 for path in (dataset / "train").iterdir() if path.is_dir())
    training = ["--data-dir", dataset, "--model", MODEL, "--num-classes", classes, "--warmup-epochs", 1, "--seed", seed]
    first, second = "first", "second"

    asked = ["--dataset", dataset, "--model", MODEL, "--scratch", "--img-size", 32]
    if seed == 0:
        advisor("suggest", *asked)
    advisor("run", "--suggest", "--name", first, SCRIPT, *training, "--epochs", LOOK, "--output", home / first)
    if seed == 0:
        advisor("diagnose", first)
    found, run = read("diagnose", first), read("records", "show", first)
    change = found["advice"]
    if change:
        values = {name: run[name] for name in FIVE} | {change["name"]: change["proposed"]}
        said = f"{found['verdict']}: {change['name']} {change['current']:g} to {change['proposed']:g}"
        options = [word for name, option in FIVE.items() for word in (option, f"{values[name]:g}")]
        advisor("run", "--name", second, SCRIPT, *training, *options, "--output", home / second)
    else:
        said = f"{found['verdict']}: the whole training"
        advisor("run", "--suggest", "--name", second, SCRIPT, *training, "--output", home / second)
    if seed == 0:
        advisor("diagnose", second)
        advisor("report", *asked, "--out", home / "report.html")
    return run["final_metric"], read("records", "show", second)["final_metric"], said


def main() -> None:
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    os.environ["ADVISOR_CACHE_DIR"] = str(args.folder / "cache")
    datasets = args.datasets
    if not datasets:
        sys.path.insert(0, str(HERE.parent / "demo"))
        from demo import write_digits

        datasets = [args.folder / "digits"]
        write_digits(datasets[0])
    results, lines = [], []
    for dataset in datasets:
        for seed in range(args.seeds):
            home = args.folder / f"{dataset.name}-{seed}"
            home.mkdir(parents=True)
            before, after, said = sit(home, dataset, seed)
            results.append((before, after))
            lines.append(f"| {dataset.name} | {seed} | {before:.1f} | {said} | {after:.1f} |")
            print(f"\n{lines[-1]}", flush=True)
    print("\n| dataset | seed | first | found, and changed | second |\n|---|---:|---:|---|---:|")
    print("\n".join(lines))
    before, after = (statistics.fmean(result[i] for result in results) for i in (0, 1))
    print(f"| mean | | {before:.1f} | | {after:.1f} |")
    print(f"\nThe second runs are {after - before:+.1f} points from the first on average.")


if __name__ == "__main__":
    main()
