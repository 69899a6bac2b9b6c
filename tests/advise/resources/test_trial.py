import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import advisor.advise.resources.trial
from advisor.advise.request import make_request
from advisor.advise.resources.trial import Step, Trial, try_steps
from advisor.cli.root import main
from advisor.errors import UsageError
from advisor.space.limits import Limits

GIB = 2**30


def trial(per_image=0.1 * GIB, base=1.0 * GIB, memory=16 * GIB):
    steps = tuple(Step(batch, int(base + batch * per_image), 10.0 * batch) for batch in (2, 8))
    return Trial("cuda", int(memory), steps)


def request():
    return make_request(model="test_resnet", pretrained=False, img_size=32, top_k=1)


@given(st.floats(1e6, 1e9), st.floats(1e8, 4e9), st.floats(1e9, 1e11))
def test_the_largest_batch_fits_and_the_next_would_not(per_image, base, memory):
    largest = trial(per_image, base, memory).largest_batch
    assert largest >= 1
    if largest > 1:
        assert base + largest * per_image <= 0.9 * memory * 1.001 + 10
    assert base + (largest + 1) * per_image >= 0.9 * memory * 0.999 - 10


def test_where_memory_does_not_grow_nothing_is_limited():
    flat = trial(per_image=0)
    assert flat.largest_batch is None
    assert flat.limit(Limits(max_batch_size=7)) == Limits(max_batch_size=7)


def test_where_only_the_smaller_batch_fits_it_is_the_largest():
    small = Trial("cuda", GIB, (Step(8, GIB, 5.0),))
    assert small.largest_batch == 8
    assert small.limit(Limits()).max_batch_size == 8


def test_memory_and_the_users_limit_both_hold_and_what_is_fixed_stays():
    assert 133 <= trial().limit(Limits()).max_batch_size <= 134
    assert trial().limit(Limits(max_batch_size=32)).max_batch_size == 32
    fixed = Limits(fixed={"batch_size": 4096})
    assert trial().limit(fixed) == fixed
    assert "the fixed one may not" in trial().note(fixed)
    assert "16.0 GiB free" in trial().note(Limits())
    assert "80 images a second" in trial().note(Limits())


def test_without_torch_nothing_is_measured_and_that_is_said(monkeypatch):
    monkeypatch.setattr(advisor.advise.resources.trial, "find_spec", lambda name: None)
    assert "not installed" in try_steps(request(), 3, "cuda")


@pytest.mark.slow
def test_a_device_that_is_not_there_is_refused():
    pytest.importorskip("timm")
    with pytest.raises(UsageError, match="no device 'cuda:99'"):
        try_steps(request(), 3, "cuda:99")


@pytest.mark.slow
def test_a_trial_tells_memory_and_speed_and_makes_a_budget_possible(image_folder, capsys):
    pytest.importorskip("timm")
    asked = ["--dataset", str(image_folder), "--model", "test_resnet", "--scratch", "--img-size", "32"]
    with pytest.raises(SystemExit) as end:
        main(["suggest", *asked, "--device", "cpu", "--budget", "30m", "--format", "json"])
    assert not end.value.code
    answer = json.loads(capsys.readouterr().out)
    assert "measured on cpu" in answer["warnings"][0]
    for suggested in answer["suggestions"]:
        assert 0 < suggested["expected_seconds"] <= 1800
