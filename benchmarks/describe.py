"""What describing a dataset costs, as ratios against a named alternative in the same run.

    python benchmarks/describe.py [--files 1000000]

Prints each figure beside its bound and ends with status 1 if one is missed. Times are of the processor, files are
in the page cache after the first of three calls, of which the fastest counts. Linux only (it reads /proc).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from advisor.describe.dataset import describe, open_dataset
from advisor.describe.features.compute import compute_features
from advisor.describe.fingerprint import take_fingerprint
from advisor.describe.sample import MAX_EVAL, MAX_TRAIN, MAX_WORKERS, draw_sample

SIDES = (500, 375)
REPEATS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000, help="files of the large tree")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        photos = write_photos(Path(folder) / "photos")
        rows += [sample_against_decoding(photos), structure_seconds(photos), cached_answer(photos, Path(folder))]
        rows += large_tree(Path(folder) / "tree", options.files)
    print("| what | measured | bound |\n|---|---|---|")
    for what, value, bound, unit in rows:
        print(f"| {what} | {value:.3g} {unit} | {bound:g} {unit} |")
    return int(any(value > bound for _, value, bound, _ in rows))


def write_photos(root: Path) -> Path:
    """Write 2,000 JPEG files of 500 x 375 pixels in ten classes, with a spectrum like that of photographs."""
    rng = np.random.default_rng(0)
    fx, fy = np.fft.fftfreq(SIDES[1])[:, None], np.fft.fftfreq(SIDES[0])[None]
    amplitude = 1 / np.maximum(np.hypot(fx, fy), 1 / max(SIDES))
    for i in range(MAX_TRAIN + MAX_EVAL):
        split = "train" if i < MAX_TRAIN else "val"
        (root / split / str(i % 10)).mkdir(parents=True, exist_ok=True)
        if i % 20 == 0:
            spectrum = amplitude * np.exp(2j * np.pi * rng.random((3, *amplitude.shape)))
            waves = np.fft.ifft2(spectrum).real
            base = np.uint8(np.clip(waves / waves.std() * 50 + 128, 0, 255)).transpose(1, 2, 0)
        shifted = np.roll(base, rng.integers(0, 300, 2), axis=(0, 1))
        Image.fromarray(shifted).save(root / split / str(i % 10) / f"{i}.jpg", quality=90)
    return root


def best_of(function: Callable[[], object]) -> float:
    """Return the least processor time of a few calls, in seconds: waiting for other programs does not count."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def sample_against_decoding(photos: Path) -> tuple[str, float, float, str]:
    """Compare everything but the structure features with decoding alone: same files, same scale, same threads."""
    paths = sorted(photos.rglob("*.jpg"))

    def decode_one(path: Path) -> None:
        with Image.open(path) as image:
            image.draft("RGB", (128, 128))
            image.convert("RGB")

    def decode_all() -> None:
        with ThreadPoolExecutor(min(MAX_WORKERS, os.cpu_count() or 1)) as pool:
            list(pool.map(decode_one, paths))

    def sample() -> None:
        dataset = open_dataset(photos)
        take_fingerprint(dataset)
        draw_sample(dataset)

    decode_all()
    return "listing, fingerprint and sample / bare decoding", best_of(sample) / best_of(decode_all), 1.6, "times"


def structure_seconds(photos: Path) -> tuple[str, float, float, str]:
    sample = draw_sample(open_dataset(photos))
    return "all features of the sample", best_of(lambda: compute_features(sample)), 3.0, "s"


def cached_answer(photos: Path, folder: Path) -> tuple[str, float, float, str]:
    describe(photos, cache_dir=folder)
    return "a cached answer", best_of(lambda: describe(photos, cache_dir=folder)), 0.05, "s"


_LIST = """
import sys
from advisor.describe.dataset import open_dataset
dataset = open_dataset(sys.argv[1])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def large_tree(root: Path, n_files: int) -> list[tuple[str, float, float, str]]:
    """Compare listing and counting a tree of empty files with walking it by os.scandir."""
    per_folder = 1000
    for i in range(-(-n_files // per_folder)):
        folder = root / f"class-{i:04d}"
        folder.mkdir(parents=True)
        for j in range(min(per_folder, n_files - i * per_folder)):
            os.close(os.open(folder / f"image-{j:07d}.jpg", os.O_CREAT))

    def walk(path: str) -> int:
        count = 0
        with os.scandir(path) as entries:
            for entry in entries:
                count += walk(entry.path) if entry.is_dir() else 1
        return count

    assert walk(str(root)) == open_dataset(root).n_train == n_files
    ratio = best_of(lambda: open_dataset(root)) / best_of(lambda: walk(str(root)))
    # In a process of its own, and not by getrusage: that starts from the size of the process that forked it.
    listed = subprocess.run([sys.executable, "-c", _LIST, str(root)], check=True, capture_output=True, text=True)
    peak = int(listed.stdout) / 1024
    what = f"of {n_files:,} files"
    return [(f"listing {what} / bare os.scandir", ratio, 2.0, "times"), (f"memory for listing {what}", peak, 500, "MB")]


if __name__ == "__main__":
    sys.exit(main())
