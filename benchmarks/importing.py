"""What importing costs: run folders a second, and how much of that is reading and how much storing.

Makes timm output folders (args.yaml with 120 arguments, summary.csv with as many epochs as asked for), imports them
into a new store, and imports them again. The named alternative is ``yaml.load`` with libyaml's loader of each
args.yaml plus ``csv.DictReader`` of each summary.csv, which yields no record yet.

Usage: ``python benchmarks/importing.py [--folders N] [--epochs N]``
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from advisor.plugins import Plugins
from advisor.records.importing.imports import ImportReport, import_paths
from advisor.records.store.store import Store

MOST = 2.5
"""Times of what reading the files alone takes, by the processor."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folders", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "output" / "train"
        make_folders(root, options.folders, options.epochs)
        store = Store(f"sqlite:///{Path(scratch) / 'records.db'}")
        plugins = Plugins("timm,quicktune,mlflow")
        print(f"{options.folders} folders of {options.epochs} epochs; processor seconds in brackets")
        bare = timed("yaml.load and csv.DictReader alone", options.folders, lambda: read_only(root))
        first = timed("import", options.folders, lambda: taken(store, root, plugins, new=options.folders))
        again = timed("the same import again", options.folders, lambda: taken(store, root, plugins, new=0))
        kept = "kept" if first / bare <= MOST else "MISSED"
        print(f"import / bare reading: {first / bare:.2f}   limit {MOST:g}  {kept}")
        print(f"import again / import: {again / first:.2f}")


def make_folders(root: Path, folders: int, epochs: int) -> None:
    rng = random.Random(0)
    for i in range(folders):
        model = rng.choice(["resnet18", "vit_tiny_patch16_224", "convnext_tiny"])
        folder = root / f"2025{i:04d}-120000-{model}-224"
        folder.mkdir(parents=True)
        known = {"model": model, "lr": 10 ** rng.uniform(-4, -1), "epochs": epochs, "opt": "adamw", "batch_size": 64,
                 "weight_decay": 0.05, "drop": 0.1, "sched": "cosine", "cooldown_epochs": 0, "num_classes": 10,
                 "data_dir": f"/data/set-{i % 30}", "seed": i, "reprob": 0.0, "scale": [0.08, 1.0], "model_ema": False,
                 "aa": None, "opt_kwargs": {}, "resume": "", "world_size": 1}  # fmt: skip
        others = {f"argument_{j}": rng.choice([None, "", False, True, 0.1, 1.0, 224, "bicubic"]) for j in range(100)}
        (folder / "args.yaml").write_text(yaml.dump({**known, **others}, Dumper=yaml.CSafeDumper))
        with (folder / "summary.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["epoch", "train_loss", "eval_loss", "eval_top1", "eval_top5", "lr"])
            table.writerows([epoch, *(rng.random() * 50 for _ in range(5))] for epoch in range(epochs))


def read_only(root: Path) -> None:
    for folder in root.iterdir():
        yaml.load((folder / "args.yaml").read_text(), Loader=yaml.CSafeLoader)
        with (folder / "summary.csv").open(newline="") as file:
            list(csv.DictReader(file))


def taken(store: Store, root: Path, plugins: Plugins, *, new: int) -> ImportReport:
    report = import_paths(store, [root], plugins)
    assert (report.new, report.skipped) == (new, []), report
    return report


def timed(what: str, folders: int, function: Callable[[], object]) -> float:
    """Print how long something took and return its processor seconds, which other processes do not lengthen."""
    started, used = time.perf_counter(), time.process_time()
    function()
    elapsed, used = time.perf_counter() - started, time.process_time() - used
    print(f"  {what}: {elapsed:.1f} s ({used:.1f} s), {folders / elapsed:.0f} folders/s ({folders / used:.0f})")
    return used


if __name__ == "__main__":
    main()
