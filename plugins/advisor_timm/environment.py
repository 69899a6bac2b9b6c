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


def is_primary() -> bool:
    """Tell whether this is the process that records: rank 0 of the process group, or by the launcher's word."""
    group = _process_group()
    if group:
        return bool(group.get_rank() == 0)
    return next((int(os.environ[name]) for name in _RANK if os.environ.get(name, "").isdigit()), 0) == 0


def world_size() -> int:
    """Return the number of processes that train together."""
    group = _process_group()
    return group.get_world_size() if group else 1


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
