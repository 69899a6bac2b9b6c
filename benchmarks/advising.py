"""What advice and learning cost: warm and cold suggestions, fitting the shipped evidence and a million rows.

    python benchmarks/advising.py [--rows 1000000] [--step 4]

Prints each figure beside its bound and ends with status 1 if one is missed. A suggestion, the fastest of many, and a
cold command are timed by the processor, which others may be using too. The large fits run each in a process of its own,
two threads at most, so that the memory is theirs; the runs are invented here, for their number only. Linux only (it
reads /proc).
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from advisor.api import Advisor
from advisor.describe.model import model_features
from advisor.learn.artefact import fit_artefact
from advisor.learn.table import build_table
from advisor.records.evidence import load_evidence
from advisor.records.schema import Dataset, Run, Source, Status

Row = tuple[str, float, float, str]
THREADS = 2
_RUNS_A_DATASET = 500
_FEATURES = 40
_MODELS = ("test_resnet", "test_vit", "resnet18", "vit_tiny_patch16_224")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the largest fit; 0 for none")
    parser.add_argument("--step", type=int, default=4, help="by how much each large fit is larger than the one before")
    parser.add_argument("--fit", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        return fit_invented(options.fit)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {"XDG_DATA_HOME": scratch, "XDG_CACHE_HOME": scratch, "XDG_CONFIG_HOME": scratch}
        images = write_images(Path(scratch) / "images")
        rows = [warm(images), cold(images), shipped_fit()]
    if options.rows:
        rows += large_fits(options.rows, options.step)
    print("| what | measured | bound |\n|---|---|---|")
    for what, value, bound, unit in rows:
        print(f"| {what} | {value:.3g} {unit} | {bound:g} {unit} |")
    return int(any(value > bound for _, value, bound, _ in rows))


def write_images(root: Path) -> Path:
    """Write 400 small pictures of four kinds."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 80), ("val", 20)):
        for kind in range(4):
            folder = root / split / str(kind)
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 64, (48, 48, 3)) + 48 * kind
                Image.fromarray(np.uint8(pixels)).save(folder / f"{i}.png")
    return root


def fastest(function: Callable[[], object], times: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the least time of a few calls, in seconds."""
    taken = []
    for _ in range(times):
        start = clock()
        function()
        taken.append(clock() - start)
    return min(taken)


def warm(images: Path) -> Row:
    adviser = Advisor()
    described = adviser.describe(images)

    def suggest() -> None:
        adviser.suggest(described, model="test_resnet", pretrained=False)

    suggest()
    return "a warm suggestion, processor time", 1000 * fastest(suggest, 100, time.process_time), 15, "ms"


def cold(images: Path) -> Row:
    """Return the processor time of the whole command, the description of its dataset being known."""
    advisor = str(Path(sys.executable).with_name("advisor"))

    def spent() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([advisor, "suggest", "--dataset", str(images)], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return "a cold command, processor time", min(spent() for _ in range(11)), 1.3, "s"


def shipped_fit() -> Row:
    evidence = load_evidence()
    seconds = fastest(lambda: fit(evidence.runs, evidence.datasets), 3)
    return f"fitting the shipped evidence, {len(evidence.runs):,} runs", seconds, 20, "s"


def fit(runs: Sequence[Run], datasets: Sequence[Dataset]) -> None:
    """Fit the meta-model, from records on."""
    fit_artefact(build_table(runs, datasets, model_features), runs, datasets, THREADS)


def large_fits(most: int, step: int) -> list[Row]:
    """Fit ever more rows, each time in a new process, and compare how time and number grow."""
    sizes = [most // step**2, most // step, most]
    fits = {}
    for n in sizes:
        command = [sys.executable, __file__, "--fit", str(n)]
        told = subprocess.run(
            command, check=True, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        fits[n] = tuple(map(float, told.stdout.split()))
        seconds, processor, peak = fits[n]
        print(f"{n:,} rows: {seconds:.0f} s, of the processor {processor:.0f} s, {peak:.2f} GB", file=sys.stderr)
    small, large = fits[sizes[0]], fits[most]
    exponent = float(np.log(large[1] / small[1]) / np.log(most / sizes[0]))
    return [
        (f"fitting {most:,} rows, {THREADS} threads", large[0] / 60, 5, "min"),
        ("memory for it, the runs included", large[2], 6, "GB"),
        (f"growth: processor time ~ rows ** p from {sizes[0]:,} to {most:,}, p", exponent, 1.15, ""),
    ]


def fit_invented(n: int) -> int:
    """Fit to ``n`` invented runs; print seconds, processor seconds and the peak of memory in GB."""
    runs, datasets = invented(n)
    start, used = time.perf_counter(), time.process_time()
    fit(runs, datasets)
    seconds, processor = time.perf_counter() - start, time.process_time() - used
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(seconds, processor, int(peak.split()[1]) / 1e6)
    return 0


def invented(n: int) -> tuple[list[Run], list[Dataset]]:
    """Return runs of a made-up response surface: 500 a dataset, two datasets a group, four models."""
    rng = np.random.default_rng(0)
    datasets = [
        Dataset(
            dataset_id=f"d{d}", name=f"d{d}", group=f"g{d // 2}", n_train=int(2 ** rng.uniform(7, 14)), n_eval=1000,
            n_classes=10, features={f"f{i}": float(value) for i, value in enumerate(rng.normal(size=_FEATURES))},
        )
        for d in range(max(4, n // _RUNS_A_DATASET))
    ]  # fmt: skip
    lr, decay = 10 ** rng.uniform(-5, -1, n), 10 ** rng.uniform(-6, 0, n)
    batch, epochs, dropout = 2 ** rng.integers(3, 9, n), rng.integers(1, 41, n), rng.choice([0, 0.2, 0.4], n)
    loss = 0.5 * np.log10(lr / 3e-3) ** 2 + 0.1 * np.log2(batch / 32) ** 2 + 2 / epochs + dropout
    score = 100 / (1 + np.exp(loss - 2 + rng.normal(0, 0.1, n)))
    hparams = zip(
        lr.tolist(), batch.tolist(), epochs.tolist(), dropout.tolist(), decay.tolist(), score.tolist(), strict=True
    )
    runs = [
        Run(
            run_id=f"r{i}", source=Source.API, status=Status.FINISHED, dataset_id=f"d{i % len(datasets)}",
            model=_MODELS[i // len(datasets) % len(_MODELS)], opt="adamw", pretrained=False, img_size=64,
            lr=one, batch_size=two, epochs=three, dropout=four, weight_decay=last,
            metric="eval_top1", final_metric=top1, epochs_done=three, extra={"kind": "sobol"},
        )
        for i, (one, two, three, four, last, top1) in enumerate(hparams)
    ]  # fmt: skip
    return runs, datasets


if __name__ == "__main__":
    sys.exit(main())
