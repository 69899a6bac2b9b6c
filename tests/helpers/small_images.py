"""A tiny dataset for tests that train: three classes told apart by their brightness."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_images(folder: Path, n_train: int = 50, n_eval: int = 30, classes: int = 3, pixels: int = 32) -> Path:
    """Write FOLDER/{train,validation}/CLASS/N.png and return the folder."""
    rng = np.random.default_rng(0)
    for split, count in (("train", n_train), ("validation", n_eval)):
        for i in range(count):
            label = i % classes
            values = rng.integers(0, 120, size=(pixels, pixels, 3)) + 40 * label
            target = folder / split / f"class{label}" / f"{i}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values.astype(np.uint8)).save(target)
    return folder
