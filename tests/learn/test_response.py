import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.describe.model import describe_model
from advisor.errors import AdvisorError
from advisor.learn.response import (
    CLIPS,
    FILE,
    FineTuning,
    ResponseModel,
    decay_features,
    features,
    model_kind,
    optimizer_group,
    part_names,
)

SHIPPED = Path(__file__).parents[2] / "meta_data" / "response"
OPTIMIZERS = ["adamw", "adam", "adamp", "sgd", "momentum", "lion", "adan"]
KINDS = ["convolution", "attention", "hybrid"]
CASE = FineTuning(
    n_train=2_000, num_params=25_000_000, img_size=224, pretrain_img_size=224, kind="convolution", opt="adamw",
    batch_size=32, recipe_lr=1e-4,
)  # fmt: skip

cases = st.builds(
    FineTuning,
    n_train=st.integers(1, 10_000_000),
    num_params=st.integers(10_000, 2_000_000_000),
    img_size=st.integers(16, 1024),
    pretrain_img_size=st.integers(32, 600),
    kind=st.sampled_from(KINDS),
    opt=st.sampled_from(OPTIMIZERS),
    batch_size=st.integers(1, 65_536),
    recipe_lr=st.floats(1e-8, 10),
    share_trained=st.sampled_from([0.0, 0.2, 0.6, 1.0]),
)
rates = st.floats(1e-7, 1.0)


@pytest.fixture(scope="module")
def model():
    return ResponseModel.load(SHIPPED)


@pytest.fixture(scope="module")
def one_draw(model):
    """The model with one draw, whose optimum is then that of the prediction."""
    return replace(model, draws=[model.coefficients])


@given(cases)
def test_an_optimum_is_within_the_clips(case):
    model = ResponseModel.load(SHIPPED)
    optimum = model.optimum(case)
    low, high = CLIPS["lr"]
    assert low * 0.999 <= math.exp(optimum.median) <= high * 1.001
    assert optimum.spread >= 0
    assert 0 <= model.nearness(case) <= 1


@given(cases)
def test_nothing_is_extrapolated(case):
    model = ResponseModel.load(SHIPPED)
    inside = {
        name: int(min(max(getattr(case, name), low), high)) for name, (low, high) in CLIPS.items() if name != "lr"
    }
    clipped = replace(case, **inside)
    assert model.optimum(case).median == pytest.approx(model.optimum(clipped).median)
    assert model.relative_accuracy(1e-4, 0.0, case).median == pytest.approx(
        model.relative_accuracy(1e-4, 0.0, clipped).median
    )
    assert model.nearness(case) <= model.nearness(clipped) + 1e-12


@given(cases, rates, rates)
def test_accuracy_falls_on_both_sides_of_the_optimum(case, one, other):
    model = replace(m := ResponseModel.load(SHIPPED), draws=[m.coefficients])
    optimum = math.exp(model.optimum(case).median)
    at_optimum = model.relative_accuracy(optimum, 0.0, case).median
    assert at_optimum == pytest.approx(1)
    low, high = sorted([one, other])
    if optimum <= low:
        low, high = high, low
    if (low - optimum) * (high - optimum) >= 0:
        farther, nearer = (model.relative_accuracy(lr, 0.0, case).median for lr in (low, high))
        assert farther <= nearer + 1e-9
    assert model.relative_accuracy(one, 0.0, case).median <= 1 + 1e-9


@given(cases, st.floats(0, 1), st.floats(0, 1))
def test_more_decay_never_helps_and_small_decay_costs_nothing(case, one, other):
    model = ResponseModel.load(SHIPPED)
    small, large = (model.relative_accuracy(1e-3, decay, case).median for decay in sorted([one, other]))
    assert 0 <= large <= small + 1e-9
    free = model.relative_accuracy(1e-3, 0.0, case).median
    assert model.relative_accuracy(1e-3, 1e-3, case).median == pytest.approx(free)


def test_coupled_decay_costs_more_than_decoupled(model):
    loss = {
        opt: 1 - model.relative_accuracy(1e-4, 0.1, replace(CASE, opt=opt)).median
        / model.relative_accuracy(1e-4, 0.0, replace(CASE, opt=opt)).median
        for opt in ("adam", "adamw", "sgd")
    }  # fmt: skip
    assert loss["adam"] > 2 * loss["adamw"]
    assert loss["sgd"] > 2 * loss["adamw"]


def test_an_optimizer_without_runs_keeps_the_recipes_rate(model):
    assert optimizer_group("lion") is optimizer_group("adan") is None
    for opt in ("lion", "adan", "rmsprop"):
        case = replace(CASE, opt=opt, recipe_lr=3e-4)
        assert math.exp(model.optimum(case).median) == pytest.approx(3e-4)
        assert model.nearness(case) == 0


def test_nearness_falls_with_what_was_not_run(model):
    near = model.nearness(CASE)
    assert near > 0.7
    for change in ({"img_size": 64}, {"n_train": 50}, {"num_params": 3_000_000_000}, {"batch_size": 8192}):
        assert model.nearness(replace(CASE, **change)) < 0.6 * near


def test_small_and_hybrid_models_get_rates_of_their_own(model):
    """With what recipes gave when the model was fitted."""
    small = replace(CASE, num_params=5_300_000, recipe_lr=5.4e-5)
    hybrid = replace(CASE, num_params=5_600_000, kind="hybrid", recipe_lr=5.4e-5)
    large = replace(CASE, num_params=86_600_000, kind="attention", recipe_lr=3.8e-5)
    best_small, best_hybrid, best_large = (math.exp(model.optimum(case).median) for case in (small, hybrid, large))
    assert best_small >= 1.7e-4
    assert best_hybrid >= 1.7e-4
    assert best_large < best_small / 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("resnet50", "convolution"), ("efficientnet_b0", "convolution"), ("convnext_tiny", "convolution"),
        ("vit_base_patch16_224", "attention"), ("swin_tiny_patch4_window7_224", "attention"),
        ("deit_tiny_patch16_224", "attention"), ("xcit_tiny_12_p8_224", "attention"),
        ("mobilevit_s", "hybrid"), ("edgenext_small", "hybrid"),
    ],
)  # fmt: skip
def test_what_models_are_made_of(name, kind):
    assert model_kind(describe_model(name)) == kind


def test_features_have_the_names_of_the_artefact(model):
    assert {part: list(names) for part, names in model.names.items()} == part_names()
    assert set(model.names["decay"]) == set(decay_features(0.1, "sgd"))
    assert all(math.isfinite(v) for part in features(CASE).values() for v in part.values())


def test_it_survives_saving(model, tmp_path):
    model.save(tmp_path)
    again = ResponseModel.load(tmp_path)
    assert (tmp_path / FILE).read_bytes() == (SHIPPED / FILE).read_bytes()
    assert again.optimum(CASE) == model.optimum(CASE)
    np.testing.assert_array_equal(again.coefficients.level, model.coefficients.level)


def test_it_says_where_its_runs_are_from(model):
    assert model.provenance["licence"] == "BSD-3-Clause"
    assert "Redistribution and use" in model.provenance["notice"]
    assert model.provenance["runs"] == 2529
    assert len(model.draws) == 30


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda text: text[: len(text) // 2], "no usable response model"),
        (lambda text: "[]", "no usable response model"),
        (lambda text: "{}", "no usable response model"),
        (lambda text: text.replace('"advisor.response/1"', '"advisor.response/9"'), "is of schema advisor.response/9"),
        (lambda text: text.replace("BSD-3-Clause", "MIT"), "is not the file that was fitted"),
        (lambda text: json.dumps({**json.loads(text), "draws": []}), "is not the file that was fitted"),
    ],
)
def test_a_damaged_artefact_is_refused(tmp_path, damage, problem):
    (tmp_path / FILE).write_text(damage((SHIPPED / FILE).read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(AdvisorError, match=problem) as caught:
        ResponseModel.load(tmp_path)
    assert "make -C research response" in caught.value.hint


def test_a_missing_artefact_is_refused(tmp_path):
    with pytest.raises(AdvisorError, match="no usable response model"):
        ResponseModel.load(tmp_path / "none")


def test_prediction_needs_numpy_only():
    code = (
        "import sys; from pathlib import Path; from advisor.learn.response import *; "
        f"m = ResponseModel.load(Path({str(SHIPPED)!r})); "
        "c = FineTuning(2000, 25_000_000, 224, 224, 'convolution', 'adamw', 32, 1e-4); "
        "m.optimum(c); m.relative_accuracy(1e-3, 0.05, c); m.nearness(c); "
        "print([n for n in ('scipy', 'sklearn', 'lightgbm', 'torch', 'sqlalchemy') if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
