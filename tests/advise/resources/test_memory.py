"""Runs that ran out of memory limit the batch, and say nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.resources.memory import out_of_memory
from advisor.api import Advisor
from advisor.config import Config
from advisor.records.schema import Run, Source, Status
from advisor.records.store.store import Store
from advisor.space.limits import Limits

RUN = Run(
    run_id="r",
    source=Source.API,
    status=Status.FINISHED,
    model="test_resnet",
    img_size=64,
    device="cuda",
    epochs_done=5,
)


def failed(batch_size, **changes):
    return replace(
        RUN,
        status=Status.FAILED,
        out_of_memory=True,
        batch_size=batch_size,
        epochs_done=0,
        final_metric=None,
        **changes,
    )


def fitted(batch_size, **changes):
    return replace(RUN, batch_size=batch_size, **changes)


def largest(*runs):
    found = out_of_memory(runs, "test_resnet", 64)
    return found and found.largest


def test_the_batch_stays_below_the_smallest_that_failed():
    assert largest(failed(256), failed(100)) == 64
    assert largest(failed(64)) == 32
    assert largest() is None


@pytest.mark.parametrize(
    "run",
    [failed(64, model="test_vit"), failed(64, img_size=128), fitted(64)],
    ids=["another model", "larger images", "it went well"],
)
def test_other_runs_limit_nothing(run):
    assert largest(run) is None


def test_smaller_images_and_other_weights_of_the_model_count():
    assert largest(failed(64, img_size=32, model="test_resnet.r160_in1k")) == 32


def test_what_went_well_on_the_same_device_speaks_against_what_failed():
    assert largest(failed(64), fitted(64)) is None
    assert largest(failed(64), failed(512), fitted(128)) == 256
    assert largest(failed(64), fitted(64, img_size=32)) == 32
    assert largest(failed(64), fitted(64, device="cpu")) == 32


def test_what_counts_is_what_one_device_held_at_once():
    assert largest(failed(512, world_size=2, grad_accum_steps=4)) == 32


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4096)), min_size=1, max_size=8))
def test_what_is_left_is_below_every_failure_that_nothing_speaks_against(runs):
    found = out_of_memory([failed(b) if bad else fitted(b) for bad, b in runs], "test_resnet", 64)
    well = max((b for bad, b in runs if not bad), default=0)
    bad = [b for bad, b in runs if bad and b > well]
    assert (found is None) == (not bad)
    if found:
        assert found.largest < min(bad) or min(bad) == 1
        assert found.limit(Limits(max_batch_size=2)).max_batch_size <= 2


def test_the_advice_follows_it_and_says_so(image_folder):
    store = Store(Config()["store"])
    store.add_runs([failed(16, run_id="large")])
    adviser = Advisor(store)
    advice = adviser.suggest(image_folder, model="test_resnet", pretrained=False, img_size=64)
    assert all(s.batch_size <= 8 for s in advice.suggestions)
    assert any("ran out of memory at 16 images at once on cuda" in warning for warning in advice.warnings)
    fixed = adviser.suggest(image_folder, model="test_resnet", pretrained=False, img_size=64, fix={"batch_size": 16})
    assert fixed.best.batch_size == 16
    assert any("the fixed batch size may not fit" in warning for warning in fixed.warnings)
