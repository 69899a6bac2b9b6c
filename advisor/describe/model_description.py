"""What is known of a timm model: its size, its layers and its pretrained weights, as numbers and names."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NORM_KINDS = ("none", "batch", "layer", "group", "rms", "evo")
_TABLE_CLASSES = 1000
"""Classes that the models of the table are built for."""
ATTENTION_KINDS = ("none", "global", "window")


@dataclass(frozen=True)
class ModelDescription:
    """A timm architecture as it is built by default, with its classifier of usually 1,000 classes."""

    name: str
    family: str
    """The timm module that defines it, such as ``resnet`` or ``vision_transformer``."""
    num_params: int
    macs: int
    """Multiply-accumulates for one image at the native size, matrix products of attention included."""
    img_size: int
    """Native side of the input in pixels."""
    num_features: int
    """Width of the pooled features that the classifier sees."""
    num_layers: int
    """Weight matrices and kernels, a measure of depth."""
    norm: str
    """The normalisation most layers use, one of ``NORM_KINDS``."""
    attention: str
    """The spatial self-attention, one of ``ATTENTION_KINDS``."""
    attention_share: float
    """Share of the parameters that self-attention holds, 0 to 1."""
    stem_stride: int
    """Stride of the first convolution: the patch size of a transformer, the stem of a convolutional network."""
    total_stride: int
    """Input pixels per position of the last feature map, along one side."""
    fixed_img_size: bool
    """Whether it takes its native size only, unless told another when it is built."""
    pretrained_tags: tuple[str, ...]
    """Tags of the pretrained weights, timm's default first; empty where there are none."""

    @property
    def is_transformer(self) -> bool:
        """Whether self-attention holds more than a seventh of the parameters."""
        return self.attention_share > 1 / 7

    def params_with(self, n_classes: int) -> int:
        """Return the number of parameters with a linear classifier for so many classes."""
        return self.num_params - (_TABLE_CLASSES - n_classes) * (self.num_features + 1)

    @property
    def has_pretrained(self) -> bool:
        """Whether timm knows pretrained weights for it."""
        return bool(self.pretrained_tags)

    def features(self, img_size: int | None = None) -> dict[str, float]:
        """Return the numbers that advice is learned from, for inputs of ``img_size`` pixels a side.

        Sizes and costs are logarithms to base 2. Multiply-accumulates scale with the number of positions, so with
        the square of the side (attention's quadratic part is small in comparison).

        Parameters
        ----------
        img_size : int, optional
            Side of the training images in pixels; by default the native size.
        """
        side = img_size or self.img_size
        return {
            "log_params": math.log2(self.num_params),
            "log_macs": math.log2(max(1.0, self.macs * (side / self.img_size) ** 2)),
            "log_width": math.log2(self.num_features),
            "log_layers": math.log2(self.num_layers),
            "log_positions": 2 * math.log2(max(1.0, side / self.total_stride)),
            "log_stem_stride": math.log2(self.stem_stride),
            "attention_share": self.attention_share,
            **{f"norm_{kind}": float(self.norm == kind) for kind in NORM_KINDS[:4]},
        }

    def to_row(self) -> list[str]:
        """Return the values in the order of ``FIELDS``, as the table of models holds them."""
        values = dataclasses.asdict(self)
        values["pretrained_tags"] = " ".join(self.pretrained_tags)
        values["attention_share"] = f"{self.attention_share:.4g}"
        values["fixed_img_size"] = int(self.fixed_img_size)
        return [str(values[name]) for name in FIELDS]

    @classmethod
    def from_row(cls, row: dict[str, str]) -> ModelDescription:
        """Return the description that a row of the table holds; the inverse of ``to_row``."""
        return cls(**{name: _PARSE[kind](row[name]) for name, kind in _TYPES.items()})


_PARSE: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: text == "1",
    "tuple[str, ...]": lambda text: tuple(text.split()),
}
_TYPES = {f.name: str(f.type) for f in dataclasses.fields(ModelDescription)}
FIELDS = tuple(_TYPES)
"""Columns of the table of models."""
