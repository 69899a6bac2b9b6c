"""The answer as a whole: from the evidence through novelty to what is published."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advise.pipeline import _confidence, _expected, _recorded_assumes, answer
from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.advise.search.novelty import assess_novelty
from advisor.advise.suggestion import Expected
from advisor.api import Advisor
from advisor.learn.metamodel import Prediction
from advisor.records.evidence import load_evidence
from advisor.records.schema import Dataset, Pretraining

PHOTOGRAPHS = Dataset(
    dataset_id="photographs", name="photographs", group="photographs", n_train=5000, n_eval=1000, n_classes=20,
    features={"log_n_train": math.log2(5000), "log_n_classes": math.log2(20)},
)  # fmt: skip
VIT = "vit_base_patch16_224.augreg_in21k"


@pytest.fixture(scope="module")
def recorded():
    """A dataset of the evidence that ships."""
    return load_evidence().datasets[0]


def ask(artefact, dataset, model, opt="adamw", pretrained=False, **options):
    request = make_request(model=model, opt=opt, pretrained=pretrained, **options)
    return answer(artefact, prepare(artefact, request, dataset, RunList()))


@pytest.mark.parametrize(("opt", "lr"), [("adamw", (1e-6, 3e-4)), ("sgd", (5e-4, 5e-2))])
@pytest.mark.parametrize("shipped", [True, False])
def test_a_large_pretrained_transformer_on_few_photographs(opt, lr, shipped, artefact):
    artefact = Advisor().artefact if shipped else artefact
    advice = ask(artefact, PHOTOGRAPHS, VIT, opt, True)
    assert advice.model == VIT
    assert advice.confidence == "low"
    assert advice.basis in ("recipes", "response") or shipped
    assert lr[0] <= advice.best.lr <= lr[1]
    assert (advice.best.expected is None) == (advice.basis != "meta-model")
    assert advice.ranges["lr"][0] < advice.best.lr < advice.ranges["lr"][1]
    assert any("published recipes" in warning for warning in advice.warnings)
    scratch = ask(artefact, PHOTOGRAPHS, VIT, opt, False)
    if scratch.basis != "meta-model":
        assert 2 <= scratch.best.lr / advice.best.lr <= 150, "weights that are good already are moved less"


def test_like_the_evidence_the_meta_model_answers_and_says_what_it_learned_from(artefact, dataset):
    advice = ask(artefact, dataset, "test_resnet", img_size=32)
    assert advice.basis == "meta-model"
    assert advice.best.expected is not None
    assert any("480 runs on 6 sources of data (group-0, " in warning for warning in advice.warnings)
    assert not any("photographs" in warning for warning in advice.warnings)
    assert advice.assumes.warmup_epochs == 0


def test_a_context_of_few_sources_is_answered_by_recipes(records, fitted):
    runs, datasets = records(n_groups=3)
    advice = ask(fitted(runs, datasets), datasets[0], "test_resnet", img_size=32)
    assert advice.basis == "recipes"
    assert advice.novelty == 1
    assert advice.confidence == "low"
    assert any("3 sources of data only" in warning for warning in advice.warnings)


def test_where_recipes_are_silent_the_rule_answers_and_says_so(artefact):
    advice = ask(artefact, PHOTOGRAPHS, VIT, "lion", True)
    assert advice.basis == "rule"
    assert any("no published recipe with lion from pretrained weights" in warning for warning in advice.warnings)


def test_the_warnings_say_the_shares_and_the_reasons(artefact, dataset):
    # About two octaves above the evidence's 32 pixels: between the meta-model and what is published.
    advice = ask(artefact, dataset, "test_resnet", img_size=96)
    assert 0.1 < advice.novelty < 0.9
    assert any("image size 96 lies outside the evidence (32 to 32)" in warning for warning in advice.warnings)
    assert any("on the meta-model" in w and "on published recipes" in w for w in advice.warnings)


def test_more_novelty_leads_from_the_meta_models_values_to_the_published(artefact, dataset):
    sizes = [32, 64, 96, 128, 192, 256, 384, 512, 1024]
    answers = [ask(artefact, dataset, "test_resnet", img_size=size) for size in sizes]
    novelties = [answer.novelty for answer in answers]
    assert novelties == sorted(novelties)
    assert novelties[-1] == 1
    bases = [answer.basis for answer in answers]
    assert bases == sorted(bases)  # "meta-model" before "recipes"
    assert {"meta-model", "recipes"} == set(bases)
    assert [answer.best.expected is None for answer in answers] == [basis == "recipes" for basis in bases]


@given(st.floats(5, 10.5), st.floats(0, 1), st.floats(-3, 3))
@settings(max_examples=40)
def test_a_small_change_of_the_request_changes_novelty_little(artefact, dataset, log_size, step, shift):
    def novelty(size, features):
        request = make_request(model="test_resnet", pretrained=False, img_size=size)
        moved = replace(dataset, features=features)
        return assess_novelty(request, moved, artefact, artefact.covering("adamw", Pretraining.NONE)).value

    moved = {name: value + shift for name, value in dataset.features.items()}
    size = round(2**log_size)
    here = novelty(size, moved)
    assert abs(novelty(size + 1, moved) - here) <= 0.02
    nudged = {name: value + 0.01 * step * abs(value) for name, value in moved.items()}
    assert abs(novelty(size, nudged) - here) <= 0.1


@given(st.integers(0, 5), st.floats(7, 10.5))
@settings(max_examples=10)
def test_the_meta_models_own_steps_fade_with_novelty(artefact, which, log_size):
    """The best of a tree model may leap from one image size to the next: by any factor that was tried, to its share."""
    dataset = artefact.known[which].dataset
    size = round(2**log_size)
    here, there = (ask(artefact, dataset, "test_resnet", img_size=s, top_k=1) for s in (size, size + 1))
    low, high = artefact.covering("adamw", Pretraining.NONE).bounds["lr"]
    n = here.novelty
    learned_share = 1 - n * n * (3 - 2 * n)
    change = max(here.best.lr / there.best.lr, there.best.lr / here.best.lr)
    # Beyond that, a hundredth of the way to the recipes, rounding, and the rate following one step of the batch.
    assert change <= (high / low) ** (learned_share + 0.01) * 1.1 * 2


@given(
    st.sampled_from([32, 64, 100, 200, 1000]),
    st.none() | st.integers(1, 100),
    st.none() | st.integers(1, 1000),
    st.dictionaries(st.sampled_from(["lr", "dropout", "weight_decay"]), st.floats(1e-4, 0.4)),
    st.sampled_from(["accuracy", "balanced", "speed"]),
)
@settings(max_examples=12)
def test_every_limit_is_hard_however_great_the_novelty(artefact, dataset, size, max_epochs, max_batch, fixed, prefer):
    limits = {"max_epochs": max_epochs, "max_batch_size": max_batch, "fix": fixed}
    advice = ask(artefact, dataset, "test_resnet", img_size=size, prefer=prefer, **limits)
    for suggested in advice.suggestions:
        assert 1 <= suggested.batch_size <= min(dataset.n_train, max_batch or dataset.n_train)
        assert 1 <= suggested.epochs <= (max_epochs or math.inf)
        for name, value in fixed.items():
            assert getattr(suggested, name) == value
    for name, (low, high) in advice.ranges.items():
        assert low <= getattr(advice.best, name) <= high


@pytest.mark.parametrize("model", ["vit_base_patch16_224.mae", "convnext_tiny"])
def test_the_arguments_of_a_network_that_is_fine_tuned_with_layer_decay_have_it(model):
    advice = ask(Advisor().artefact, PHOTOGRAPHS, model, "adamw", True)
    words = advice.to_args()
    assert "--layer-decay" in words
    assert "--drop-path" in words
    assert any("the last layer" in warning for warning in advice.warnings)
    resnet = ask(Advisor().artefact, PHOTOGRAPHS, "resnet50", "adamw", True)
    assert not {"--layer-decay", "--drop-path", "--model-ema"} & set(resnet.to_args())


def test_layer_decay_is_assumed_as_own_runs_have_it(records, artefact):
    request = make_request(model="convnext_tiny", opt="adamw", pretrained=True)
    run = replace(
        records(n_groups=6)[0][0], dataset_id=PHOTOGRAPHS.dataset_id, model="convnext_tiny", pretrained=True,
        n_classes=None, n_eval=None, img_size=None,
    )  # fmt: skip
    for layer_decay in (None, 0.8):
        own = replace(run, extra={"layer_decay": layer_decay})
        prepared = prepare(artefact, request, PHOTOGRAPHS, RunList([own]))
        assert len(prepared.own_runs) == 1
        assert answer(artefact, prepared).assumes.layer_decay == layer_decay


def test_nothing_is_said_with_high_confidence_that_is_fixed_beyond_the_evidence(artefact, dataset):
    sure = ask(artefact, dataset, "test_resnet", img_size=32)
    _, high = artefact.covering("adamw", Pretraining.NONE).bounds["lr"]
    beyond = ask(artefact, dataset, "test_resnet", img_size=32, fix={"lr": 2 * high})
    absurd = ask(artefact, dataset, "test_resnet", img_size=32, fix={"lr": 100 * high})
    assert beyond.confidence in ("medium", "low")
    assert beyond.confidence == sure.confidence == "medium" or "outside what was recorded" in beyond.confidence_reason
    assert (absurd.confidence, absurd.confidence_reason) == ("low", "a fixed value lies far from anything known")


@pytest.mark.parametrize(("low", "high", "level"), [(32.0, 90.0, "medium"), (70.0, 90.0, "high")])
def test_a_wide_interval_is_no_high_confidence(recorded, low, high, level):
    request = make_request(model="test_resnet", pretrained=False, img_size=32)
    prepared = prepare(Advisor().artefact, request, recorded, RunList())
    expected = Expected(top1=80, low=low, high=high, level=0.8)
    confidence, reason = _confidence(prepared, "meta-model", (), expected)
    assert confidence == level
    assert ("32 to 90 %" in reason) == (level == "medium")


def test_the_weights_of_the_basis_add_up_and_the_largest_is_the_basis(artefact):
    advice = ask(artefact, PHOTOGRAPHS, "resnet50", "adam")
    assert sum(advice.basis_weights.values()) == pytest.approx(1, abs=0.02)
    assert max(advice.basis_weights, key=advice.basis_weights.get) == advice.basis


def test_between_the_meta_model_and_recipes_second_chances_of_a_fine_tuning_keep_what_is_fixed():
    artefact = Advisor().artefact
    dataset = artefact.of(Pretraining.IMAGENET).known[0].dataset
    fine_tune = {"model": "tf_efficientnet_lite0", "pretrained": True, "img_size": 384}
    free = ask(artefact, dataset, **fine_tune)
    assert 0.1 < free.novelty < 1
    assert {"meta-model", "recipes"} <= free.basis_weights.keys()
    assert len({one.lr for one in free.suggestions}) > 1
    fixed = ask(artefact, dataset, **fine_tune, fix={"lr": 1.234e-3})
    assert [one.lr for one in fixed.suggestions] == [1.234e-3] * len(fixed.suggestions)
    assert len({one.batch_size for one in fixed.suggestions}) == len(fixed.suggestions) > 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, True),
        ({"max_epochs": 40}, False),
        ({"max_epochs": 41}, True),
        ({"max_epochs": 10}, False),
        ({"fix": {"epochs": 40}}, False),
    ],
)
def test_that_the_evidence_ends_is_said_where_more_was_allowed_and_the_advice_is_at_its_end(recorded, asked, said):
    artefact = Advisor().artefact
    assert artefact.covering("adamw", Pretraining.NONE).bounds["epochs"][1] == 40
    advice = ask(artefact, recorded, "test_resnet", img_size=32, prefer="accuracy", **asked)
    assert any("the evidence ends at 40 epochs" in warning for warning in advice.warnings) == said
    (learned,) = [warning for warning in advice.warnings if warning.startswith("learned from ")]
    sources = int(learned.partition(" runs on ")[2].split()[0])
    assert f"and {sources - 6} more)" in learned
    assert learned.count(", ") >= 5


def test_the_rest_of_the_recipe_is_what_was_recorded_with_a_warm_up_within_the_training():
    coverage = Advisor().artefact.covering("adamw", Pretraining.NONE)
    warmed = replace(coverage, assumes={**coverage.assumes, "warmup_epochs": 5.0, "sched": None, "augment": ""})
    assumes = _recorded_assumes(warmed, 3)
    assert (assumes.warmup_epochs, assumes.sched, assumes.augment) == (2, "none", "none")
    assert _recorded_assumes(warmed, 30).warmup_epochs == 5


def test_an_expectation_is_the_prediction_of_its_row():
    low, top1, high = np.array([[40.0, 70.14], [50.0, 81.26], [60.0, 90.51]])
    prediction = Prediction(regret=np.zeros(2), spread=np.zeros(2), top1=top1, low=low, high=high)
    expected = _expected(prediction, 1)
    assert (expected.top1, expected.low, expected.high) == (81.3, 70.1, 90.5)


@pytest.mark.parametrize(("fix", "far"), [({"lr": 1e-12}, True), ({"lr": 1e-4}, False), ({"weight_decay": 0}, False)])
def test_where_nothing_was_recorded_a_fixed_value_is_compared_with_what_was_published(artefact, fix, far):
    advice = ask(artefact, PHOTOGRAPHS, VIT, "adamw", True, fix=fix)
    assert any("is far outside what is known" in warning for warning in advice.warnings) == far


def test_a_known_speed_tells_the_time_of_all_epochs(artefact, dataset):
    request = make_request(model="test_resnet", pretrained=False, img_size=32)
    prepared = prepare(artefact, request, dataset, RunList())
    best = answer(artefact, replace(prepared, images_per_second=7.3)).best
    assert best.expected_seconds == round(best.epochs * dataset.n_train / 7.3, 1)
    assert answer(artefact, prepared).best.expected_seconds is None
