"""Where a training runs: process rank, device, memory, versions."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

logger = logging.getLogger("advisor.timm")

SUPPORTED = ((0, 6, 13), (1, 1))
"""The first supported version of timm, and the first that is not known to be."""

_RANK = ("RANK", "SLURM_PROCID", "PMI_RANK", "OMPI_COMM_WORLD_RANK")


class Processes:
    """Which of how many processes that train together this one is.

    What the process group has said stays known after a script has left it, as many do before they end.
    """

    def __init__(self) -> None:
        self._known: tuple[int, int] | None = None

    def is_primary(self) -> bool:
        """Tell whether this is the process that records: rank 0 of the group, or by the launcher's word."""
        known = self._look()
        if known is not None:
            return known[0] == 0
        return next((int(os.environ[name]) for name in _RANK if os.environ.get(name, "").isdigit()), 0) == 0

    def count(self, told: int | None = None) -> int:
        """Return how many they are: by the group, else as a script's arguments have it, else one."""
        known = self._look()
        return known[1] if known is not None else told or 1

    def _look(self) -> tuple[int, int] | None:
        group = _process_group()
        if group is not None:
            self._known = int(group.get_rank()), int(group.get_world_size())
        return self._known


def _process_group() -> Any | None:
    distributed = sys.modules.get("torch.distributed")
    ready = distributed is not None and distributed.is_available() and distributed.is_initialized()
    return distributed if ready else None


def device_name(parameters: Iterable[Any]) -> str | None:
    """Return the device that holds the weights, such as ``cpu`` or ``cuda (NVIDIA A100-SXM4-40GB)``."""
    device = next((parameter.device for parameter in parameters), None)
    if device is None:
        return None
    if device.type == "cuda":
        return f"cuda ({sys.modules['torch'].cuda.get_device_name(device)})"
    return str(device.type)


def peak_memory() -> int | None:
    """Return the most bytes ever allocated: on the GPU where there is one in use, else by this process."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_allocated())
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def versions() -> dict[str, str]:
    """Return the versions of what is loaded of timm, torch and torchvision."""
    modules = ((name, sys.modules.get(name)) for name in ("timm", "torch", "torchvision"))
    return {name: str(getattr(module, "__version__", "unknown")) for name, module in modules if module is not None}


def warn_if_untested() -> None:
    """Say on which versions of timm recording is known to be true, if this is none of them."""
    version = versions().get("timm", "")
    numbers = tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
    low, high = SUPPORTED
    if numbers and not low <= numbers < high:
        logger.warning(
            "recording is tested with timm %s to %s.x, this is %s: check the record with `advisor records show`",
            ".".join(map(str, low)), "1.0", version,
        )  # fmt: skip
