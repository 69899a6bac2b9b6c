"""What is said of models agrees with timm, and needs neither timm nor torch to be said."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from advisor.advise.request import make_request
from advisor.describe.model import describe_model, model_names
from advisor.describe.model_description import ModelDescription
from advisor.errors import UsageError


def test_the_table_holds_every_model_once():
    names = model_names()
    assert len(names) == len(set(names)) > 1300
    for name in names:
        model = describe_model(name)
        assert model.num_params > 0
        assert model.macs > 0
        assert model.total_stride >= model.stem_stride >= 1
        assert 0 <= model.attention_share < 1
        assert (model.attention == "none") == (model.attention_share == 0)
        assert all(math.isfinite(value) for value in model.features(64).values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50", {"family": "resnet", "num_params": 25_557_032, "norm": "batch", "attention": "none"}),
        ("resnet50", {"img_size": 224, "num_features": 2048, "stem_stride": 2, "total_stride": 32}),
        ("vit_base_patch16_224", {"num_params": 86_567_656, "norm": "layer", "attention": "global", "stem_stride": 16}),
        ("swin_tiny_patch4_window7_224", {"num_params": 28_288_354, "attention": "window", "stem_stride": 4}),
        ("nfnet_f0", {"norm": "none", "attention": "none"}),
        ("poolformer_s12", {"norm": "group", "attention": "none"}),
        ("convnext_tiny", {"norm": "layer", "attention": "none", "stem_stride": 4}),
    ],
)
def test_well_known_models(name, expected):
    model = describe_model(name)
    assert {key: getattr(model, key) for key in expected} == expected


def test_published_costs():
    """4.1 and 17.6 billion, as the papers and timm's results table say."""
    assert describe_model("resnet50").macs == pytest.approx(4.1e9, rel=0.02)
    assert describe_model("vit_base_patch16_224").macs == pytest.approx(17.6e9, rel=0.02)


def test_kinds():
    assert describe_model("vit_small_patch16_224").is_transformer
    assert not describe_model("resnet18").is_transformer
    assert describe_model("resnet18").has_pretrained
    assert not describe_model("nfnet_f0").has_pretrained


def test_a_pretrained_tag_is_allowed():
    assert describe_model("resnet50.a1_in1k") == describe_model("resnet50")


def test_rows_survive_the_round_trip():
    for name in ("resnet50", "swin_tiny_patch4_window7_224", "nfnet_f0"):
        model = describe_model(name)
        row = dict(zip(ModelDescription.__dataclass_fields__, model.to_row(), strict=True))
        assert ModelDescription.from_row(row) == model


def test_cost_grows_with_the_image():
    small, large = describe_model("resnet18").features(32), describe_model("resnet18").features(64)
    assert large["log_macs"] - small["log_macs"] == pytest.approx(2)
    assert describe_model("resnet18").features() == describe_model("resnet18").features(224)


@pytest.mark.parametrize(("name", "near"), [("resnet5O", "resnet50"), ("vit_base_patch16_22", "vit_base_patch16_224")])
def test_an_unknown_name_offers_the_nearest(name, near):
    with pytest.raises(UsageError) as caught:
        describe_model(name)
    assert near in caught.value.hint


def test_a_name_like_no_other_says_how_to_list_them():
    with pytest.raises(UsageError) as caught:
        describe_model("¿?")
    assert "list_models" in caught.value.hint


def test_a_model_only_timm_knows_is_described_through_it():
    timm = pytest.importorskip("timm")
    from timm.models import register_model
    from timm.models.resnet import BasicBlock, ResNet

    @register_model
    def advisor_tiny_resnet(pretrained=False, **kwargs):
        return ResNet(BasicBlock, (1, 1, 1, 1), channels=(8, 8, 16, 16))

    model = describe_model("advisor_tiny_resnet")
    assert model.num_params == sum(p.numel() for p in timm.create_model("advisor_tiny_resnet").parameters())
    assert (model.norm, model.attention, model.stem_stride, model.total_stride) == ("batch", "none", 2, 32)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "cait_xxs24_224"])
def test_the_table_is_what_tracing_gives(name):
    pytest.importorskip("timm")
    from advisor.describe.model_trace import trace

    traced, listed = trace(name), describe_model(name)
    assert traced.to_row() == listed.to_row()


def test_the_table_needs_no_torch():
    code = """
import sys
for blocked in ("torch", "timm"):
    sys.modules[blocked] = None
from advisor.describe.model import describe_model
assert describe_model("resnet18").num_params == 11689512
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_classifier_counts_with_the_classes_it_is_for():
    model = describe_model("test_resnet")
    assert model.params_with(1000) == model.num_params
    assert model.params_with(10) == 373_658  # what timm builds with num_classes=10, as recorded runs say


@pytest.mark.parametrize(
    ("family", "usual"),
    [
        ("vit", "vit_base_patch16_224"),
        ("mobilenetv3", "mobilenetv3_large_100"),
        ("ResNet", "resnet50"),
        ("efficientnet", "efficientnet_b0"),
        ("ViT-B/16", "vit_base_patch16_224"),
        ("resnet-50", "resnet50"),
    ],
)
def test_a_family_offers_its_usual_model_first(family, usual):
    with pytest.raises(UsageError) as caught:
        describe_model(family)
    assert caught.value.hint.startswith(f"--model {usual} ")


@pytest.mark.parametrize("place", ["hf-hub:timm/", "hf_hub:timm/", "timm/"])
def test_a_model_of_the_hub_is_taken_by_its_name(place):
    assert describe_model(f"{place}resnet50.a1_in1k").name == "resnet50"
    request = make_request(model=f"{place}resnet50.a1_in1k")
    assert (request.name, request.tag) == ("resnet50.a1_in1k", "a1_in1k")


def test_somebody_elses_repository_tells_no_architecture():
    with pytest.raises(UsageError, match="named after their model"):
        describe_model("hf-hub:somebody/my-photos")
