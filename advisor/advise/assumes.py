"""The rest of a recipe, which the values of the hyperparameters assume."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Assumes(BaseModel):
    """The rest of the recipe, without which a learning rate means nothing.

    Attributes
    ----------
    sched : str
        timm's name of the schedule.
    warmup_epochs, min_lr : float
        Its start and its end.
    augment : str
        The augmentation, as runs record it.
    mixup, label_smoothing : float
        How far labels are softened.
    drop_path : float
        Probability that a residual block is left out.
    layer_decay : float or None
        By what the learning rate falls from layer to layer toward the input; None where all layers share one.
    layer_decay_lr_factor : float
        How many times as high the learning rate is as it would be without layer decay.
    ema : float or None
        Decay of the moving average of the weights; None for no average.
    """

    model_config = ConfigDict(frozen=True)

    sched: str
    warmup_epochs: float
    min_lr: float
    augment: str
    mixup: float
    label_smoothing: float
    drop_path: float = 0.0
    layer_decay: float | None = None
    layer_decay_lr_factor: float = 1.0
    ema: float | None = None

    @property
    def whole_warmup_epochs(self) -> int:
        """The whole epochs of warm-up; timm's schedulers take no others."""
        return round(self.warmup_epochs)
