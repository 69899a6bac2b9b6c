"""What is published of timm's models: their accuracy on ImageNet."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from importlib import resources


@functools.cache
def imagenet_results() -> Mapping[str, float]:
    """Return top-1 accuracy in percent on ImageNet's validation images by timm's name of the weights."""
    text = resources.files("advisor._meta_data").joinpath("model_choice/imagenet.csv").read_text(encoding="utf-8")
    return {row["model"]: float(row["top1"]) for row in csv.DictReader(text.splitlines())}
