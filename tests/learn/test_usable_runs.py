"""Reasons why runs cannot teach are told apart where something can be done about them."""

from __future__ import annotations

from dataclasses import replace

from advisor.learn.usable_runs import BATCH_UNKNOWN, NOT_DESCRIBED, left_out, teaching
from advisor.records.schema import Dataset, Run, Source, Status

DATASET = Dataset(dataset_id="d", name="leaves", group="leaves", n_train=80, n_eval=20, n_classes=4)
GOOD = Run(run_id="a", source=Source.TIMM_OUTPUT, status=Status.FINISHED, dataset_id="d", model="resnet18", opt="sgd",
           lr=0.1, batch_size=8, epochs=2, epochs_done=2, dropout=0.0, weight_decay=0.1, metric="eval_top1",
           final_metric=50.0)  # fmt: skip


def test_every_run_is_used_or_counted_under_one_reason() -> None:
    runs = [
        GOOD,
        replace(GOOD, run_id="b", batch_size=None),
        replace(GOOD, run_id="c", lr=None),
        replace(GOOD, run_id="d", dataset_id=None, batch_size=None),
        replace(GOOD, run_id="e", dataset_id="gone"),
    ]
    assert teaching(runs, {"d": DATASET}) == [GOOD]
    reasons = left_out(runs, {"d": DATASET})
    assert (reasons[BATCH_UNKNOWN], reasons[NOT_DESCRIBED], sum(reasons.values())) == (1, 2, 4)
