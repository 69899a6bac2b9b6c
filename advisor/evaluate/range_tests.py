"""Range tests of the learning rate as a baseline: what torch-lr-finder suggested, recorded beside the runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from advisor.evaluate.baselines import core_points
from advisor.evaluate.pool import Pool
from advisor.records.evidence import Evidence

RANGE_TEST = "lr range test"
"""What the baseline is called."""
RANGE_TESTS = "lr-range-tests.csv"
"""File in a folder of evidence: a row a test. It need not be there."""
COLUMNS = ("dataset_name", "model", "opt", "augment", "img_size", "lr", "batch_size", "steps", "seconds")

RangeTests = Mapping[tuple[str, str, str, bool, int], float]
"""Learning rate by the id of the dataset, model, optimizer, whether images were augmented, and image side."""


def read_range_tests(evidence: Evidence) -> RangeTests:
    """Return the learning rates that tests suggested in the cases of the evidence; none where no test is recorded."""
    file = evidence.folder.joinpath(RANGE_TESTS)
    if not file.is_file():
        return {}
    id_of = {dataset.name: dataset.dataset_id for dataset in evidence.datasets}
    return {
        (id_of[row["dataset_name"]], row["model"], row["opt"], row["augment"] != "none", int(row["img_size"])): float(
            row["lr"]
        )
        for row in csv.DictReader(io.StringIO(file.read_text(encoding="utf-8")))
        if row["dataset_name"] in id_of
    }


def follow_range_test(tests: RangeTests, pool: Pool) -> int | None:
    """Return the recorded configuration nearest to what a test suggested; None without a test in the case.

    All but the rate is as in the fixed baselines: batch 32, the usual weight decay and all the epochs.
    """
    case = pool.case
    lr = tests.get((case.dataset_id, case.model, case.opt, case.augmented, case.img_size))
    if lr is None:
        return None
    usual = next(iter(core_points(pool).values()))
    return pool.nearest({**{name: float(column[usual]) for name, column in pool.hparams.items()}, "lr": lr})
