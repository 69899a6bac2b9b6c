"""The rest of a recipe, which the values of the hyperparameters assume."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Assumes(BaseModel):
    """The rest of the recipe, without which a learning rate means nothing."""

    model_config = ConfigDict(frozen=True)

    sched: str
    warmup_epochs: float
    min_lr: float
    augment: str
    mixup: float
    label_smoothing: float

    @property
    def whole_warmup_epochs(self) -> int:
        """The whole epochs of warm-up; timm's schedulers take no others."""
        return round(self.warmup_epochs)
