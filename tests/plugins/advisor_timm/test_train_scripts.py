"""The record of a training equals what the training was, whatever the version of the script and its options."""

from __future__ import annotations

import pytest

from advisor.records.schema import Status

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning:timm")  # timm leaves image files to be collected
SCRIPTS = ("train_current.py", "train_v1.py", "train_v06.py")


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    "options",
    [
        pytest.param("", id="plain"),
        pytest.param("--model-ema --model-ema-decay 0.5", id="moving average"),
        pytest.param("--layer-decay 0.5 --opt sgd --drop-path 0.1", id="layer decay"),
        pytest.param("--cooldown-epochs 1 --min-lr 1e-5 --sched cosine", id="cooldown"),
        pytest.param("--smoothing 0 --no-aug --eval-metric loss --sched step", id="no augmentation"),
    ],
)
def test_record_equals_truth(record, script, options):
    recorded = record(script, *options.split())
    assert recorded.error is None
    assert recorded.differences() == {}
    assert recorded.run.status is Status.FINISHED
