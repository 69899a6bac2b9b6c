"""What a user may fix or limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from advisor.errors import UsageError
from advisor.space.hyperparameters import check_value


@dataclass(frozen=True)
class Limits:
    """What advice must stay within; every limit is hard.

    Parameters
    ----------
    max_epochs, max_batch_size : int, optional
        Largest values allowed; None means no limit of the user's.
    max_seconds : float, optional
        Time the whole training may take.
    fixed : mapping of str to float
        Values the user has decided, by name of the hyperparameter.

    Raises
    ------
    UsageError
        If a limit or a fixed value is out of range, or they contradict each other.
    """

    max_epochs: int | None = None
    max_batch_size: int | None = None
    max_seconds: float | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, low, high in (("max_epochs", 1, math.inf), ("max_batch_size", 1, math.inf)):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(f"{name} must be at least {low}, not {value}")
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise UsageError(f"the time budget must be above 0 seconds, not {self.max_seconds}")
        for name, value in self.fixed.items():
            check_value(name, value)
        for name, limit in (("epochs", self.max_epochs), ("batch_size", self.max_batch_size)):
            if limit is not None and self.fixed.get(name, 0) > limit:
                raise UsageError(
                    f"{name} is fixed at {self.fixed[name]:g}, above its limit of {limit}",
                    hint=f"raise --max-{name.replace('_', '-')} or lower --fix {name}=VALUE",
                )
