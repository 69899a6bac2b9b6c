"""What is expected of models: the recorded beat the line through ImageNet's accuracies, own runs beat both."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import AdvisorError
from advisor.learn.model_choice import (
    FILE,
    Candidate,
    Expectation,
    ModelChoice,
    Variances,
    best_first,
    from_scale,
    shipped_model_choice,
    to_scale,
)

GOOD = Candidate("swell_small.in1k", "swell_small", "swell", 80.0)
COUSIN = Candidate("swell_large.in1k", "swell_large", "swell", 80.0)
PLAIN = Candidate("other.in1k", "other", "others", 80.0)
BETTER = Candidate("another.in1k", "another", "anothers", 84.0)


@pytest.fixture
def choice() -> ModelChoice:
    """One family with one architecture was recorded, both better than their ImageNet accuracy says."""
    return ModelChoice(
        families=["swell"],
        architectures=["swell_small"],
        mean=np.array([1.0, 0.0, 0.0, 0.6, 0.5, 0.3]),
        covariance=np.diag([0.05, 0.01, 0.01, 0.05, 0.05, 0.02]),
        variances=Variances(dataset=0.6, family=0.3, architecture=0.1, rest=0.8),
        provenance={"licence": "none"},
    )


def test_what_was_recorded_comes_before_its_family_and_before_what_was_not(choice):
    found = choice.expect([PLAIN, COUSIN, GOOD], 5_000, 20)
    assert [one.basis for one in found] == ["ImageNet accuracy", "runs of its family", "recorded runs"]
    plain, cousin, good = (one.top1 for one in found)
    assert plain < cousin < good
    widths = [float(np.diff(to_scale(np.array([one.low, one.high])))[0]) for one in found]
    assert widths[0] > widths[1] > widths[2], "what is less known has the wider interval"


def test_models_that_nothing_was_recorded_of_are_in_the_order_of_imagenet(choice):
    better, plain = choice.expect([BETTER, PLAIN], 5_000, 20)
    assert better.top1 > plain.top1


@given(st.floats(70, 90), st.floats(70, 90))
def test_the_shipped_order_of_unknown_models_is_that_of_imagenet(first, second):
    unknown = [Candidate(f"m{i}.in1k", f"m{i}", f"f{i}", top1) for i, top1 in enumerate((first, second))]
    one, other = shipped_model_choice().expect(unknown, 3_000, 30)
    assert (one.top1 - other.top1) * (first - second) >= 0


@given(st.floats(30, 99))
def test_own_runs_decide_their_model_and_move_the_others(top1):
    choice = shipped_model_choice()
    model, other = (Candidate(f"m{i}.in1k", f"m{i}", f"f{i}", 80.0) for i in range(2))
    (before,) = choice.expect([other], 5_000, 20)
    own, after = choice.expect([model, other], 5_000, 20, [(model, top1)])
    assert own.basis == "own runs"
    assert own.top1 == pytest.approx(top1, abs=3)
    assert own.low <= top1 <= own.high
    assert min(before.top1, top1) - 1 <= after.top1 <= max(before.top1, top1) + 1
    assert after.basis == "ImageNet accuracy"


@given(st.floats(0, 100))
def test_the_scale_goes_back_but_for_its_ends(top1):
    assert from_scale(float(to_scale(np.array(top1)))) == pytest.approx(min(max(top1, 1.0), 99.5), abs=1e-6)


def test_of_models_that_are_expected_alike_imagenet_decides():
    models = [Candidate(f"m{i}.in1k", f"m{i}", "f", top1) for i, top1 in enumerate((80.0, 85.0, 82.0, 90.0))]
    expected = [Expectation(top1, top1 - 5, top1 + 5, "ImageNet accuracy") for top1 in (71.0, 70.0, 60.0, 40.0)]
    assert best_first(models, expected) == [1, 0, 2, 3]
    assert best_first([], []) == []


def test_no_model_no_expectation(choice):
    assert choice.expect([], 100, 2) == []


def test_it_is_read_as_it_was_written(choice, tmp_path):
    choice.save(tmp_path)
    again = ModelChoice.load(tmp_path)
    assert again.expect([GOOD, PLAIN], 500, 5) == choice.expect([GOOD, PLAIN], 500, 5)
    assert again.provenance == choice.provenance


@pytest.mark.parametrize("damage", ["change", "schema", "cut", "list"])
def test_a_damaged_file_is_refused(choice, tmp_path, damage):
    choice.save(tmp_path)
    path = tmp_path / FILE
    content = json.loads(path.read_text())
    if damage == "change":
        content["mean"][0] += 1
    if damage == "schema":
        content["schema"] = "advisor.model-choice/9"
    text = json.dumps([content] if damage == "list" else content)
    path.write_text(text[: len(text) // 2] if damage == "cut" else text)
    with pytest.raises(AdvisorError) as error:
        ModelChoice.load(tmp_path)
    assert "make -C research model-choice" in error.value.hint
