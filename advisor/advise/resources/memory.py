"""What own runs that ran out of memory say about how large a batch may be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from advisor.records.schema import Run
from advisor.space.limits import Limits


@dataclass(frozen=True)
class OutOfMemory:
    """A batch that was too large: so many images at once on a device."""

    batch_size: int
    device: str | None

    @property
    def largest(self) -> int:
        """The largest power of two below it."""
        return int(2 ** (math.ceil(math.log2(self.batch_size)) - 1)) if self.batch_size > 1 else 1

    def limit(self, limits: Limits) -> Limits:
        """Return limits that keep the batch below it; a batch size that is fixed stays."""
        if "batch_size" in limits.fixed:
            return limits
        return replace(limits, max_batch_size=min(self.largest, limits.max_batch_size or self.largest))

    def note(self, limits: Limits) -> str:
        """Say what happened and what follows."""
        where = f" on {self.device}" if self.device else ""
        said = f"a run of yours ran out of memory at {self.batch_size} images at once{where}"
        if limits.fixed.get("batch_size", 0) >= self.batch_size:
            return f"{said}: the fixed batch size may not fit"
        return f"{said}: the batch is at most {self.largest}; accumulate gradients for a larger one"


def out_of_memory(runs: Iterable[Run], model: str, img_size: int) -> OutOfMemory | None:
    """Return the smallest batch that a model is known not to fit with; None where nothing says so.

    What failed on smaller images fails on these, what went well on larger ones goes well on these. Only the device of
    the latest such run counts: it is where the next one is likeliest to be trained.

    Parameters
    ----------
    runs : iterable of Run
        Runs of the user, the latest first.
    model : str
        timm's name without the tag of pretrained weights.
    img_size : int
        Side of the images in pixels.
    """
    same = [run for run in runs if (run.model or "").partition(".")[0] == model and run.batch_size and run.img_size]
    failed = [run for run in same if run.out_of_memory and _side(run) <= img_size]
    if not failed:
        return None
    device = failed[0].device
    fitted = [_at_once(run) for run in same if _went_well(run) and run.device == device and _side(run) >= img_size]
    too_large = [_at_once(run) for run in failed if run.device == device and _at_once(run) > max(fitted, default=0)]
    return OutOfMemory(min(too_large), device) if too_large else None


def _went_well(run: Run) -> bool:
    return run.epochs_done > 0 and not run.out_of_memory


def _side(run: Run) -> int:
    return run.img_size or 0


def _at_once(run: Run) -> int:
    """Return the images that a device held at once; the global batch is over devices and accumulated steps."""
    return max(1, int(run.batch_size or 1) // ((run.world_size or 1) * (run.grad_accum_steps or 1)))
