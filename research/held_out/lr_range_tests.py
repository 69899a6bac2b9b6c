"""Range tests of the learning rate, as torch-lr-finder makes them: ``python -m research.held_out.lr_range_tests DATA``.

What people do who have no adviser and distrust fixed values: raise the rate step by step in one short training and
take the one where the loss falls fastest. A test a case of the plan on fine-tuning, by the library's own defaults but
for ``RANGES`` and ``STEPS``; those that were made are not made again.
"""

from __future__ import annotations

import contextlib
import csv
import io
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from advisor.collect.datasets import read_provenance
from advisor.collect.planning.design import FINE_TUNING_RATES, core
from advisor.collect.planning.plan import PlannedCase, PlannedDataset, expand, read_plan
from advisor.collect.training.images import load_images, measure
from advisor.collect.training.trainer import LABEL_SMOOTHING, Training, begin, data_config
from advisor.evaluate.range_tests import COLUMNS, RANGE_TESTS
from advisor.records.evidence import FINE_TUNING, load_fine_tuning
from advisor.space.optimizers import optimizer_family
from research.pages.rendering import ROOT

if TYPE_CHECKING:
    from torch import Tensor

    from advisor.collect.training.trainer import Batches

PLAN = ROOT / "meta_data" / "plans" / "fine-tuning.yaml"
STEPS = 60
"""Of batches of 32; the library's default is 100, which costs as much as the training that it is to save."""
RANGES = {family: (low / 10, high * 10) for family, (low, high) in FINE_TUNING_RATES.items()}
"""The plan's rates and a decade more on either side, by family of optimizers."""
_START, _END = 10, 5
"""Steps that the library leaves out of its suggestion at either end."""


def suggest_lr(training: Training, case: PlannedCase) -> float:
    """Return the learning rate that torch-lr-finder suggests for a training: where the loss falls fastest.

    The same as its ``plot(suggest_lr=True)`` returns, which also draws.
    """
    from timm.loss import LabelSmoothingCrossEntropy
    from torch_lr_finder import LRFinder, TrainDataLoaderIter

    images = load_images(case.dataset.path, training.img_size, data_config(training.model)["interpolation"])
    model, optimizer, batches = begin(training, images, weights=case.weights)
    low, high = RANGES[optimizer_family(training.opt)]
    finder = LRFinder(model, optimizer, LabelSmoothingCrossEntropy(LABEL_SMOOTHING), device=training.device)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        finder.range_test(TrainDataLoaderIter(_Epochs(batches)), start_lr=low, end_lr=high, num_iter=STEPS)
    rates, losses = (np.array(finder.history[name])[_START:-_END] for name in ("lr", "loss"))
    return float(rates[np.gradient(losses).argmin()])


class _Epochs:
    """The training batches as the finder takes them: an epoch whenever it iterates."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self._batches.train()


def cases(data_dir: Path) -> Iterator[PlannedCase]:
    """Yield the plan's cases on datasets that are there and of which runs are recorded, as far as all is trained.

    Those that were trained on an accelerator are left out where there is none.
    """
    import torch

    plan = read_plan(PLAN)
    recorded = {
        (run.dataset_name, run.model, run.opt, run.augment, run.img_size, run.extra.get("trainable"))
        for run in load_fine_tuning().runs
    }
    names = [name for name in plan.dataset_names() if (data_dir / name).is_dir()]
    present = [
        PlannedDataset(name, data_dir / name, read_provenance(data_dir, name)["group"], measure(data_dir / name))
        for name in names
    ]
    for case in chain.from_iterable(expand(plan, present)):
        context = case.context
        facts = (case.dataset.name, case.model, context.opt, context.augment, case.img_size, context.trainable)
        here = context.device == "cpu" or torch.cuda.is_available()
        if facts in recorded and context.trainable == "all" and here:
            yield case


def main(data_dir: str) -> None:
    """Make the tests that are missing, each written to the file as soon as it is made."""
    from advisor.collect.engine import prepare_worker

    prepare_worker()
    path = ROOT / "meta_data" / FINE_TUNING / RANGE_TESTS
    made = _made(path)
    for case in cases(Path(data_dir)):
        training = next(point.training for point in case.points() if point.label == next(iter(core(case.space))))
        key = (case.dataset.name, case.model, training.opt, training.augment, str(training.img_size))
        if key in made:
            continue
        started = time.process_time()
        lr = suggest_lr(training, case)
        row = (*key, f"{lr:.3g}", training.configuration.batch_size, STEPS, f"{time.process_time() - started:.1f}")
        _append(path, dict(zip(COLUMNS, row, strict=True)))
        print(f"{case.case_id}: {lr:.3g}", flush=True)


def _made(path: Path) -> set[tuple[str, ...]]:
    if not path.exists():
        return set()
    with path.open(newline="", encoding="utf-8") as file:
        return {tuple(row[name] for name in COLUMNS[:5]) for row in csv.DictReader(file)}


def _append(path: Path, row: dict[str, Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main(*sys.argv[1:])
