"""Memory and time of a model before it was trained here."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.resources.cost import cost_of, largest_batch, speed_here, training_bytes
from advisor.describe.model import describe_model
from advisor.records.schema import Run, Source, Status

RESNET = describe_model("resnet50")
RUN = Run(
    run_id="r",
    source=Source.API,
    status=Status.FINISHED,
    model="resnet50",
    img_size=224,
    device="cuda",
    n_train=1_000,
    epochs_done=10,
    train_seconds=100.0,
)


def test_work_and_memory_grow_with_the_area():
    small, large = cost_of(RESNET, 112), cost_of(RESNET, 224)
    assert large.saved_bytes == pytest.approx(4 * small.saved_bytes, rel=1e-6)
    assert small.images_per_second == pytest.approx(4 * large.images_per_second)


def test_what_is_in_no_table_is_not_known():
    unknown = describe_model("vit_base_patch14_dinov2")
    assert cost_of(unknown, 64).saved_bytes is None
    assert training_bytes(unknown, 64, 10, "adamw", 8) is None
    assert largest_batch(unknown, 64, 10, "adamw", 2**40) is None


@given(st.integers(2**30, 2**36), st.sampled_from(["adamw", "sgd"]))
def test_the_largest_batch_fits_and_the_next_one_does_not(memory, opt):
    largest = largest_batch(RESNET, 224, 10, opt, memory)
    if largest:
        assert training_bytes(RESNET, 224, 10, opt, largest) <= 0.9 * memory
    assert training_bytes(RESNET, 224, 10, opt, largest + 1) > 0.9 * memory


def test_momentum_takes_less_than_two_moments():
    assert training_bytes(RESNET, 224, 10, "sgd", 8) < training_bytes(RESNET, 224, 10, "adamw", 8)


def test_own_runs_tell_how_fast_the_machine_is():
    published = cost_of(RESNET, 224).images_per_second
    assert speed_here([RUN]) == pytest.approx(100 / published)
    elsewhere = replace(RUN, device="cpu", train_seconds=10_000.0)
    assert speed_here([RUN, elsewhere]) == speed_here([RUN]), "only the device of the latest run counts"
    own = replace(RUN, model="a_network_of_mine")
    assert speed_here([own, replace(RUN, train_seconds=None)]) is None
    assert speed_here([]) is None
    assert speed_here([replace(RUN, extra={"resume": "last.pth.tar"}, train_seconds=10.0)]) is None
