"""What a user asks advice for, checked and completed; made once, and answered, explained and shown from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from advisor.describe.model import describe_model, without_hub
from advisor.describe.model_description import ModelDescription
from advisor.errors import UsageError
from advisor.records.schema import Pretraining
from advisor.space.limits import Limits
from advisor.space.optimizers import optimizer_family

Prefer = Literal["accuracy", "balanced", "speed"]

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
    pretraining : Pretraining
        The weights that training starts from.
    img_size : int
        Side of the training images in pixels.
    limits : Limits
        What the advice must stay within.
    prefer : {"accuracy", "balanced", "speed"}
        The price of an epoch.
    top_k : int
        How many configurations to suggest.
    device : str or None
        Where to measure memory and speed, as torch names it.
    model_was_named : bool
        Whether the user named the model; if not it is ``DEFAULT_MODEL``.
    """

    name: str
    model: ModelDescription
    opt: str
    pretraining: Pretraining
    img_size: int
    limits: Limits
    prefer: Prefer
    top_k: int
    device: str | None = None
    model_was_named: bool = True

    @property
    def pretrained(self) -> bool:
        """Whether training starts from pretrained weights."""
        return self.pretraining is not Pretraining.NONE

    @property
    def tag(self) -> str:
        """Which pretrained weights are meant: the tag that was given, or timm's default; empty without any."""
        return self.name.partition(".")[2] or next(iter(self.model.pretrained_tags), "")

    def within(self, limits: Limits) -> Request:
        """Return the same request with other limits."""
        return replace(self, limits=limits)

    def to_document(self) -> dict[str, Any]:
        """Return the request as JSON values, as the store keeps it; ``from_document`` reads it."""
        return {
            "model": self.name if self.model_was_named else None,
            "opt": self.opt,
            "pretraining": self.pretraining.value,
            "img_size": self.img_size,
            "max_epochs": self.limits.max_epochs,
            "max_batch_size": self.limits.max_batch_size,
            "max_seconds": self.limits.max_seconds,
            "fix": dict(self.limits.fixed),
            "prefer": self.prefer,
            "top_k": self.top_k,
            "device": self.device,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Request:
        """Return the request that ``to_document`` wrote.

        Raises
        ------
        UsageError
            If it is about a model or optimizer that this version does not know.
        KeyError
            If a value is missing.
        """
        options = dict(document)
        pretraining = Pretraining(options.pop("pretraining"))
        request = make_request(pretrained=pretraining is not Pretraining.NONE, **options)
        return replace(request, pretraining=pretraining)


def make_request(
    *,
    model: str | None = None,
    opt: str = "adamw",
    pretrained: bool | None = None,
    img_size: int | None = None,
    max_epochs: int | None = None,
    max_batch_size: int | None = None,
    max_seconds: float | None = None,
    fix: Mapping[str, float] | None = None,
    prefer: Prefer = "balanced",
    top_k: int = 3,
    device: str | None = None,
) -> Request:
    """Check what is asked for and fill in what was left open; parameters as for ``Advisor.suggest``.

    Raises
    ------
    UsageError
        If the model or optimizer is unknown, pretrained weights do not exist, or a number is out of range.
    """
    limits = Limits(max_epochs, max_batch_size, max_seconds, dict(fix or {}))
    name = without_hub(model or DEFAULT_MODEL)
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
    from_weights = description.has_pretrained if pretrained is None else pretrained
    return Request(
        name=name,
        model=description,
        opt=opt.lower(),
        pretraining=Pretraining.IMAGENET if from_weights else Pretraining.NONE,
        img_size=img_size or description.img_size,
        limits=limits,
        prefer=prefer,
        top_k=top_k,
        device=device,
        model_was_named=model is not None,
    )
