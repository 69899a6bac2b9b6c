"""Models are ranked before any was trained; what does not fit is left out and why is said."""

from dataclasses import replace

import pytest

from advisor.advise.models.fitting import LEAST_EPOCHS, ModelLimits
from advisor.advise.models.rank import rank_models
from advisor.advise.prepare import RunList
from advisor.advise.resources.cost import cost_of
from advisor.advise.resources.trial import Step, Trial
from advisor.api import Advisor
from advisor.describe.model import describe_model
from advisor.errors import UsageError
from advisor.records.schema import Dataset, Run, Source, Status

DATASET = Dataset(dataset_id="d", name="photos", group="photos", n_train=4_000, n_eval=1_000, n_classes=20, features={})
RUN = Run(
    run_id="r1",
    source=Source.API,
    status=Status.FINISHED,
    dataset_id="d",
    model="resnet50",
    opt="adamw",
    pretrained=True,
    img_size=224,
    n_train=4_000,
    n_eval=1_000,
    n_classes=20,
    lr=1e-4,
    batch_size=32,
    epochs=10,
    dropout=0.0,
    weight_decay=0.05,
    metric="eval_top1",
    final_metric=93.0,
    epochs_done=10,
    train_seconds=400.0,
    device="cuda",
)
ANY = ModelLimits()
THREE = ("resnet18", "resnet50", "convnext_tiny")


@pytest.fixture(scope="module")
def shipped():
    return Advisor().artefact


def rank(shipped, names=THREE, limits=ANY, runs=(), top_k=3, **options):
    return rank_models(shipped, names, limits, options, DATASET, RunList(runs), top_k=top_k)


def test_named_models_are_all_ranked_each_with_its_values(shipped):
    ranked = rank(shipped)
    ranking = ranked.ranking
    assert {model.model for model in ranking.models} == set(THREE)
    assert ranking.best.expected.top1 == max(model.expected.top1 for model in ranking.models)
    for model, prepared in zip(ranking.models, ranked.prepared, strict=True):
        assert model.suggestion.model == prepared.request.name == model.model
        assert model.suggestion.pretrained
        assert 0 <= model.expected.low < model.expected.top1 < model.expected.high <= 100
        assert model.seconds > 0
        assert model.seconds_basis == "RTX 3090"
        assert model.memory_bytes > 12 * model.num_params
    assert ranking.best.model == "convnext_tiny"
    assert ranking.best.basis == "runs of its family"
    assert any("RTX 3090" in warning for warning in ranking.warnings)


def test_where_nothing_was_recorded_the_order_is_that_of_imagenet_and_said(shipped):
    ranking = rank(shipped, names=("resnet18", "resnet50", "densenet121", "regnety_016")).ranking
    published = [model.imagenet_top1 for model in ranking.models]
    assert published == sorted(published, reverse=True)
    assert {model.basis for model in ranking.models} == {"ImageNet accuracy"}
    assert any("this is that order" in warning for warning in ranking.warnings)


def test_own_runs_move_expectations_and_tell_the_time(shipped):
    before, after = rank(shipped).ranking, rank(shipped, runs=[RUN]).ranking
    of = {model.model: model for model in after.models}
    assert of["resnet50"].basis == "own runs"
    assert of["resnet50"].expected.top1 == pytest.approx(93, abs=1)
    assert of["resnet18"].expected.top1 > {m.model: m for m in before.models}["resnet18"].expected.top1
    # 100 images a second with the model itself; the others are as much faster or slower than it as published.
    epochs = of["resnet50"].suggestion.best.epochs
    assert of["resnet50"].seconds == pytest.approx(epochs * 4_000 / 100)
    ratio = (
        cost_of(describe_model("resnet18"), 224).images_per_second
        / cost_of(describe_model("resnet50"), 224).images_per_second
    )
    assert of["resnet18"].seconds == pytest.approx(of["resnet18"].suggestion.best.epochs * 40 / ratio, rel=1e-3)
    assert {model.seconds_basis for model in after.models} == {"here"}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.FAILED},
        {"pretrained": False},
        {"model": "a_network_of_mine"},
        {"n_classes": 7},
        {"final_metric": None},
    ],
)
def test_runs_that_tell_no_accuracy_move_none(shipped, changes):
    plain, with_run = rank(shipped).ranking, rank(shipped, runs=[replace(RUN, **changes)]).ranking
    assert [model.expected for model in with_run.models] == [model.expected for model in plain.models]


def test_all_models_stay_within_the_limits(shipped):
    limits = ModelLimits(max_params=12_000_000, max_memory=4 * 2**30)
    ranking = rank(shipped, names=(), limits=limits, top_k=4).ranking
    assert len(ranking.models) == 4
    for model in ranking.models:
        assert model.num_params <= 12_000_000
        assert model.memory_bytes <= 4 * 2**30
    assert all(one.model is None for one in ranking.left_out), "reasons are counted, not hundreds of models named"


def test_memory_limits_the_batch_and_then_the_model(shipped):
    roomy = rank(shipped, names=("resnet50",), limits=ModelLimits(max_memory=64 * 2**30)).ranking.best
    tight = rank(shipped, names=("resnet50",), limits=ModelLimits(max_memory=2 * 2**30)).ranking.best
    assert tight.suggestion.best.batch_size < roomy.suggestion.best.batch_size
    ranking = rank(shipped, limits=ModelLimits(max_memory=2**30)).ranking
    assert [one.model for one in ranking.left_out] == ["convnext_tiny", "resnet50"]
    assert "a batch of 8 takes more than 1 GiB" in ranking.left_out[0].reason


def test_a_fixed_batch_must_fit(shipped):
    with pytest.raises(UsageError, match="a batch of 512 takes more than 4 GiB"):
        rank(shipped, names=("resnet50",), limits=ModelLimits(max_memory=4 * 2**30), fix={"batch_size": 512.0})


def test_a_time_budget_is_kept_by_the_speed_here(shipped):
    budget = ModelLimits(max_seconds=1_000.0)
    ranking = rank(shipped, limits=budget, runs=[RUN]).ranking
    assert all(model.seconds <= 1_000 for model in ranking.models)
    assert {model.model: model for model in ranking.models}["resnet50"].suggestion.best.epochs >= LEAST_EPOCHS
    short = rank(shipped, limits=ModelLimits(max_seconds=350.0), runs=[RUN]).ranking
    assert ("resnet50", f"{LEAST_EPOCHS} epochs take longer than the time budget") in {
        (one.model, one.reason) for one in short.left_out
    }


def test_a_time_budget_on_an_unknown_machine_is_refused(shipped):
    with pytest.raises(UsageError, match="nothing tells how fast") as error:
        rank(shipped, limits=ModelLimits(max_seconds=1_000.0))
    assert "--device" in error.value.hint


def test_what_has_no_weights_or_no_published_accuracy_is_said(shipped):
    ranking = rank(shipped, names=("resnet18", "vit_base_patch14_dinov2", "cspresnet50d")).ranking
    by_name = {model.model: model for model in ranking.models}
    last = ranking.models[-1]
    assert last.model == "vit_base_patch14_dinov2"
    assert (last.expected, last.basis, last.imagenet_top1) == (None, None, None)
    assert by_name["resnet18"].expected is not None
    assert any("come last" in warning for warning in ranking.warnings)
    assert [(one.model, one.reason) for one in ranking.left_out] == [
        ("cspresnet50d", "timm has no pretrained weights for it")
    ]


def test_from_scratch_nothing_is_ranked(shipped):
    with pytest.raises(UsageError, match="fine-tuning only") as error:
        rank(shipped, pretrained=False)
    assert "--model" in error.value.hint


@pytest.mark.parametrize(("n_train", "said"), [(4_000, False), (120, True), (10**6, True)])
def test_datasets_unlike_the_recorded_are_said_to_be(shipped, n_train, said):
    dataset = replace(DATASET, n_train=n_train)
    ranking = rank_models(shipped, ("resnet18",), ANY, {}, dataset, RunList(), top_k=1).ranking
    assert any("it is a guess" in warning for warning in ranking.warnings) == said


def test_a_device_that_nothing_can_be_measured_on_is_said(shipped, monkeypatch):
    for room in ("advisor.advise.models.fitting", "advisor.advise.prepare"):
        monkeypatch.setattr(f"{room}.try_steps", lambda *asked: "nothing was measured on cpu: it is busy")
    with pytest.raises(UsageError, match="could not be measured on cpu") as error:
        rank(shipped, names=("resnet18",), limits=ModelLimits(max_seconds=1_000.0), device="cpu")
    assert "--device" not in error.value.hint


def test_a_measured_speed_keeps_the_budget_and_spares_hopeless_models_the_measurement(shipped, monkeypatch):
    asked = []

    def measure(request, n_classes, device):
        asked.append(request.model.name)
        return Trial(device, 2**33, (Step(8, 2**30, 50.0), Step(32, 2**31, 100.0)))

    for room in ("advisor.advise.models.fitting", "advisor.advise.prepare"):
        monkeypatch.setattr(f"{room}.try_steps", measure)
    ranking = rank(
        shipped, names=("resnet18", "convnext_large"), limits=ModelLimits(max_seconds=1_000.0), device="cpu"
    ).ranking
    assert ranking.best.seconds <= 1_000
    assert ranking.best.seconds_basis == "here"
    assert [one.model for one in ranking.left_out] == ["convnext_large"]
    assert asked == ["resnet18", "resnet18"], "the reference, and the model that may fit"
