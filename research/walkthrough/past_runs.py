"""A team that has trained before: folders of past trainings, one import, and the advice before and after it.

    python -m research.walkthrough.past_runs FOLDER [--runs 16] [--seeds 2]

For each of ``CASES``, trains a small timm model on scikit-learn's digits with random values, leaving what timm's
train.py leaves (args.yaml, summary.csv), asks for advice, imports the folders with one command, asks again, and really
trains both answers. Records are FOLDER's own; yours are not touched. What was trained already is not trained again.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import random
import runpy
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

DEMO = Path(__file__).parents[2] / "docs" / "demo"
CASES = (("test_vit", "adamw"), ("test_resnet", "lamb"))
"""Models with an optimizer of which much is known, and with one of which next to nothing is."""
MOST_EPOCHS = 5
TRAINING_IMAGES, EVALUATION_IMAGES = 20, 20
"""Of each class."""
_LR = (-4.0, 0.5)
"""Powers of ten between which past trainings were tried: who tries looks far and wide."""


def main() -> None:
    """Train, ask, import, ask again, train what was said, and print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=16, metavar="N", help="past trainings of each case")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="trainings of each answer")
    options = parser.parse_args()
    folder = options.folder.resolve()
    digits = few_digits(folder)
    results = [one_case(folder, digits, model, opt, options.runs, options.seeds) for model, opt in CASES]
    (folder / "result.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for one in results:
        told = ", ".join(f"{when} lr {one[when]['lr']:.2g}: {one[when]['top1']:.1f} %" for when in ("before", "after"))
        print(
            f"{one['model']} with {one['opt']}: {one['imported']} runs imported, {one['known_dataset']} with their "
            f"dataset; the best had {one['best_top1']:.1f} % at lr {one['best_lr']:.2g}; the advice {told} (mean of "
            f"{options.seeds} seeds)"
        )


def few_digits(folder: Path) -> Path:
    """Return the folder of a balanced part of the digits, which is made if need be."""
    part = folder / "digits"
    if not part.is_dir():
        whole = folder / "all-digits"
        runpy.run_path(str(DEMO / "demo.py"))["write_digits"](whole)
        for split, count in (("train", TRAINING_IMAGES), ("validation", EVALUATION_IMAGES)):
            for label in sorted((whole / split).iterdir()):
                target = part / split / label.name
                target.mkdir(parents=True)
                for image in sorted(label.iterdir())[:count]:
                    shutil.copyfile(image, target / image.name)
        shutil.rmtree(whole)
    return part


def one_case(folder: Path, digits: Path, model: str, opt: str, runs: int, seeds: int) -> dict[str, Any]:
    """Return what came of a model and an optimizer."""
    home = folder / f"{model}-{opt}"
    os.environ["ADVISOR_STORE"] = f"sqlite:///{home / 'records.db'}"
    os.environ["ADVISOR_SPOOL_DIR"] = str(home / "spool")
    os.environ["ADVISOR_CACHE_DIR"] = str(folder / "cache")
    common = {"data_dir": str(digits), "model": model, "opt": opt, "num_classes": 10, "img_size": 32}
    draws = random.Random(f"{model} {opt}")
    past = []
    for number in range(runs):
        values = {
            "lr": float(f"{10 ** draws.uniform(*_LR):.3g}"),
            "batch_size": draws.choice((8, 16, 32, 64)),
            "epochs": draws.randint(2, MOST_EPOCHS),
            "drop": draws.choice((0.0, 0.1, 0.3)),
            "weight_decay": float(f"{10 ** draws.uniform(-5, -1):.3g}"),
            "seed": number,
        }
        past.append((trained(home / "past" / f"run-{number:03d}", {**common, **values}), values))
    asked = ("--dataset", digits, "--model", model, "--opt", opt, "--scratch", "--img-size", "32")
    limit = ("--max-epochs", str(MOST_EPOCHS))
    (home / "records.db").unlink(missing_ok=True)
    answers = {"before": json.loads(advisor("suggest", *asked, *limit, "--format", "json"))}
    report = json.loads(advisor("records", "import", home / "past", "--world-size", "1", "--format", "json"))
    answers["after"] = json.loads(advisor("suggest", *asked, *limit, "--format", "json"))
    result: dict[str, Any] = {"model": model, "opt": opt, "runs": runs, "imported": report["new"]}
    best_top1, best = max(past, key=lambda item: item[0])
    result |= {"best_top1": best_top1, "best_lr": best["lr"], "known_dataset": report["described"]["runs"]}
    for when, answer in answers.items():
        advised = answer["suggestions"][0]
        values = {name: advised[name] for name in ("lr", "batch_size", "epochs", "weight_decay")}
        values["drop"] = advised["dropout"]
        scores = [trained(home / when / f"seed-{seed}", {**common, **values, "seed": seed}) for seed in range(seeds)]
        result[when] = {**values, "top1": statistics.fmean(scores), "basis": answer["basis"]}
    return result


def trained(output: Path, arguments: dict[str, Any]) -> float:
    """Train with docs/demo/train.py as timm's train.py would leave it, unless that was done; return the final top-1."""
    told = output / "args.yaml"
    if not told.is_file() or not arguments.items() <= yaml.safe_load(told.read_text(encoding="utf-8")).items():
        shutil.rmtree(output, ignore_errors=True)
        line = [f"--{name.replace('_', '-')}={value}" for name, value in arguments.items()]
        sys.argv = ["train.py", *line, f"--output={output}"]
        script = runpy.run_path(str(DEMO / "train.py"))
        with contextlib.redirect_stdout(io.StringIO()):
            script["main"]()
        known = vars(script["parser"].parse_args())
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in known.items()}
        # As the script's loaders have it; timm's own parser has these among its arguments.
        plain |= {"no_aug": True, "reprob": 0.0, "mixup": 0.0, "cutmix": 0.0, "model_ema": False}
        told.write_text(yaml.safe_dump(plain), encoding="utf-8")
    with (output / "summary.csv").open(encoding="utf-8") as file:
        return float(list(csv.DictReader(file))[-1]["eval_top1"])


def advisor(*arguments: str | Path) -> str:
    """Run a command and return what it prints."""
    command = [sys.executable, "-m", "advisor", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
