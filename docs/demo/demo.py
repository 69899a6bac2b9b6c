"""`make demo`: record a real training run, look at the record, then ask for advice on another dataset.

Everything is written into one folder, given on the command line; your own records are not touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent


def write_digits(folder: Path) -> None:
    """Write scikit-learn's 1,797 digits as an image folder with train and validation splits."""
    digits = load_digits()
    images = np.uint8(np.clip(digits.images * 16, 0, 255))
    splits = train_test_split(images, digits.target, test_size=600, random_state=0, stratify=digits.target)
    for split, x, y in (("train", splits[0], splits[2]), ("validation", splits[1], splits[3])):
        for i, (image, label) in enumerate(zip(x, y, strict=True)):
            path = folder / split / str(label) / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).resize((32, 32), Image.Resampling.BICUBIC).save(path)


def write_stripes(folder: Path) -> None:
    """Write 400 images of stripes in four directions under noise: a dataset that was never trained on."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    for i in range(400):
        direction = i % 4
        angle = np.deg2rad(45 * direction + rng.normal(0, 8))
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(0.5, 1.2) + rng.uniform(0, 6))
        image = np.uint8(np.clip(127 + 60 * wave + rng.normal(0, 40, (32, 32)), 0, 255))
        path = folder / f"{45 * direction}-degrees" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def advisor(*arguments: str | Path) -> None:
    """Show a command and run it."""
    print(f"\n$ advisor {' '.join(map(str, arguments))}", flush=True)
    subprocess.run([sys.executable, "-m", "advisor", *map(str, arguments)], check=True)


def main(folder: Path) -> None:
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    os.environ["ADVISOR_STORE"] = f"sqlite:///{(folder / 'records.db').resolve()}"
    os.environ["ADVISOR_SPOOL_DIR"] = str(folder / "spool")
    os.environ["ADVISOR_CACHE_DIR"] = str(folder / "cache")
    os.environ["ADVISOR_METAMODEL_DIR"] = str(folder / "metamodel")

    print("==> 1. Train a small timm model on scikit-learn's digits; the script knows nothing of the adviser")
    write_digits(folder / "digits")
    advisor(
        "run", "--name", "demo", HERE / "train.py", "--data-dir", folder / "digits", "--output", folder / "output",
        "--num-classes", "10", "--model", "test_resnet", "--epochs", "5",
    )  # fmt: skip

    print("\n==> 2. What was recorded")
    advisor("records", "list")
    advisor("records", "show", "demo")

    print("\n==> 3. Ask for starting values on a dataset that was never trained on")
    write_stripes(folder / "stripes")
    advisor(
        "suggest", "--dataset", folder / "stripes", "--model", "test_resnet", "--scratch", "--img-size", "32",
        "--max-epochs", "20",
    )  # fmt: skip
    print(f"\nDone in {time.monotonic() - started:.0f} s. Everything is in {folder}/; `make clean` removes it.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
