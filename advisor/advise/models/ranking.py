"""A ranking of models for a dataset: what each is expected to reach and to take, and its values."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from advisor.advise.suggestion import DatasetName, Expected, Suggestion
from advisor.learn.model_choice import Basis


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class RankedModel(_Frozen):
    """One model; what is not known of it is None."""

    model: str
    num_params: int
    img_size: int
    imagenet_top1: float | None
    """Published accuracy of its weights on ImageNet, in percent."""
    expected: Expected | None
    basis: Basis | None
    """What tells its accuracy."""
    seconds: float | None
    seconds_basis: Literal["here", "RTX 3090"] | None
    """Where training takes so long: on this machine, or where timm's speeds were published."""
    memory_bytes: int | None
    """About what training takes at the suggested batch size, in single precision."""
    suggestion: Suggestion
    """Its values."""


class LeftOut(_Frozen):
    """A model that is not ranked, and why; ``model`` is None where a reason holds for many."""

    model: str | None
    reason: str


class ModelRanking(_Frozen):
    """Models for one dataset, the most accurate first; the JSON is versioned, keys are added and never renamed."""

    schema_: Literal["advisor.models/1"] = Field("advisor.models/1", alias="schema")
    dataset: DatasetName
    models: tuple[RankedModel, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]

    @property
    def best(self) -> RankedModel:
        """The first."""
        return self.models[0]

    def to_json(self) -> str:
        """Return the versioned JSON document."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2)
