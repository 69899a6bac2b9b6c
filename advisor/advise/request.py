"""What a user asks advice for, checked and completed."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.advise.recipes.rule import optimizer_family
from advisor.advise.search.search import Prefer
from advisor.describe.model import describe_model
from advisor.describe.model_description import ModelDescription
from advisor.errors import UsageError
from advisor.space.configuration import Limits

DEFAULT_MODEL = "resnet18"
"""Advised on where the user names no model: small, in every version of timm, with pretrained weights."""
_IMG_SIZES = (8, 4096)


@dataclass(frozen=True)
class Request:
    """What is asked for, checked.

    Attributes
    ----------
    name : str
        The model as it was named, with the tag of its weights if one was given.
    model : ModelDescription
        The model.
    opt : str
        timm's name of the optimizer.
    pretrained : bool
        Whether training starts from pretrained weights.
    img_size : int
        Side of the training images in pixels.
    limits : Limits
        What the advice must stay within.
    prefer : {"accuracy", "balanced", "speed"}
        The price of an epoch.
    top_k : int
        How many configurations to suggest.
    """

    name: str
    model: ModelDescription
    opt: str
    pretrained: bool
    img_size: int
    limits: Limits
    prefer: Prefer
    top_k: int

    @property
    def tag(self) -> str:
        """Which pretrained weights are meant: the tag that was given, or timm's default; empty without any."""
        return self.name.partition(".")[2] or next(iter(self.model.pretrained_tags), "")


def make_request(
    *,
    model: str | None,
    opt: str,
    pretrained: bool | None,
    img_size: int | None,
    limits: Limits,
    prefer: Prefer,
    top_k: int,
) -> Request:
    """Check what is asked for and fill in what was left open.

    Raises
    ------
    UsageError
        If the model or optimizer is unknown, pretrained weights do not exist, or a number is out of range.
    """
    name = model or DEFAULT_MODEL
    description = describe_model(name)
    optimizer_family(opt)
    if pretrained and not description.has_pretrained:
        raise UsageError(f"timm has no pretrained weights for {description.name}", hint="--scratch")
    if img_size is not None and not _IMG_SIZES[0] <= img_size <= _IMG_SIZES[1]:
        raise UsageError(f"the image size must be between {_IMG_SIZES[0]} and {_IMG_SIZES[1]} pixels, not {img_size}")
    if prefer not in ("accuracy", "balanced", "speed"):
        raise UsageError(f"prefer must be accuracy, balanced or speed, not {prefer!r}")
    if top_k < 1:
        raise UsageError(f"at least one configuration must be asked for, not {top_k}")
    return Request(
        name=name,
        model=description,
        opt=opt.lower(),
        pretrained=description.has_pretrained if pretrained is None else pretrained,
        img_size=img_size or description.img_size,
        limits=limits,
        prefer=prefer,
        top_k=top_k,
    )
