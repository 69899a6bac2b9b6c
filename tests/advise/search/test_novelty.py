import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.search.novelty import Novelty, _made_of_other_layers
from advisor.describe.model import describe_model


@given(st.floats(0, 0.999))
def test_the_published_share_rises_smoothly_from_none_to_all(novelty):
    here, there = Novelty(novelty, ()).published_share, Novelty(novelty + 0.001, ()).published_share
    assert 0 <= here <= there <= 1
    assert there - here <= 0.0016


def test_the_ends_of_novelty():
    assert Novelty(0.0, ()).published_share == 0
    assert Novelty(0.5, ()).published_share == 0.5
    assert Novelty(1.0, ()).published_share == 1


@pytest.mark.parametrize(
    ("model", "recorded", "novelty", "reason"),
    [
        ("efficientnet_b0", ["tf_efficientnet_lite0"], 0.0, ()),
        ("convnext_tiny", ["tf_efficientnet_lite0"], 0.25, ("no convolutional models with layer norm were recorded",)),
        ("vit_small_patch16_224", ["tf_efficientnet_lite0"], 0.5, ("no transformers were recorded",)),
        ("mobilevit_s", ["tf_efficientnet_lite0"], 0.5, ("no models of convolution and attention were recorded",)),
        ("vit_small_patch16_224", ["tf_efficientnet_lite0", "vit_tiny_patch16_224"], 0.0, ()),
        ("resnet50", ["a_model_of_mine", "resnet18"], 0.0, ()),
        # What an older version wrote does not say.
        ("vit_small_patch16_224", [], 0.0, ()),
    ],
)
def test_a_model_of_other_layers_is_new(model, recorded, novelty, reason):
    assert _made_of_other_layers(describe_model(model), recorded) == (novelty, reason)
