"""A trial of a few training steps on the user's device: how much memory a batch takes and how fast it is.

It runs in a process of its own, ``python -m advisor.advise.resources.trial``, so that nothing of torch stays behind
and running out of memory there hurts nobody. What is not measured is not invented: without torch there is no trial.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from advisor.advise.request import Request
from advisor.errors import UsageError
from advisor.helper_process import helper_process
from advisor.space.limits import Limits

_BATCHES = {"cpu": (2, 8)}
_OTHER_BATCHES = (8, 32)
"""Two batch sizes tell what a further image takes; larger ones where a small one would not fill the device."""
_TIMED_STEPS = 2
_SECONDS = 180
USABLE_SHARE = 0.9
"""Share of the free memory that a training may fill: other batches fragment it, evaluation needs some."""


@dataclass(frozen=True)
class Step:
    """One batch size: the peak of memory in bytes since the process began, and the images trained in a second."""

    batch_size: int
    peak: int
    images_per_second: float


@dataclass(frozen=True)
class Trial:
    """What was measured on a device.

    Attributes
    ----------
    device : str
        As torch names it.
    memory : int
        Bytes that were free for the training.
    steps : tuple of Step
        At two batch sizes, the smaller first; fewer where the larger did not fit.
    """

    device: str
    memory: int
    steps: tuple[Step, ...]

    def limit(self, limits: Limits) -> Limits:
        """Return limits that keep the batch within memory; a batch size that is fixed stays."""
        largest = self.largest_batch
        if largest is None or "batch_size" in limits.fixed:
            return limits
        return replace(limits, max_batch_size=min(largest, limits.max_batch_size or largest))

    def note(self, limits: Limits) -> str:
        """Say what was measured, and whether a batch size that is fixed will not fit."""
        gigabytes = f"{self.memory / 2**30:.1f} GiB free"
        said = f"measured on {self.device}: {self.images_per_second:.3g} images a second, reading them not counted"
        if self.largest_batch is None:
            return said
        if limits.fixed.get("batch_size", 0) > self.largest_batch:
            return f"{said}; in {gigabytes} only batches up to about {self.largest_batch:,} fit, the fixed one may not"
        return f"{said}; batches up to about {self.largest_batch:,} fit in {gigabytes}"

    @property
    def images_per_second(self) -> float:
        """Images trained in a second, reading them not counted."""
        return max(step.images_per_second for step in self.steps)

    @property
    def largest_batch(self) -> int | None:
        """The largest batch expected to fit, from what each further image took; None if that could not be told."""
        if len(self.steps) < 2:
            return self.steps[0].batch_size
        small, large = self.steps
        per_image = (large.peak - small.peak) / (large.batch_size - small.batch_size)
        if per_image <= 0:
            return None
        spare = USABLE_SHARE * self.memory - large.peak
        return max(1, large.batch_size + math.floor(spare / per_image))


def try_steps(request: Request, n_classes: int, device: str) -> Trial | str:
    """Train a few steps of the request's model on a device, on noise.

    Parameters
    ----------
    request : Request
        The model, its optimizer and the size of its images.
    n_classes : int
        Outputs of the classifier.
    device : str
        As torch names it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Returns
    -------
    Trial or str
        What was measured; or in words why nothing was.

    Raises
    ------
    UsageError
        If the device is not there.
    """
    if find_spec("torch") is None or find_spec("timm") is None:
        return f"nothing was measured on {device}: torch and timm are not installed here"
    task = {
        "model": request.model.name,
        "img_size": request.img_size,
        "pass_img_size": request.model.fixed_img_size,
        "n_classes": n_classes,
        "opt": request.opt,
        "device": device,
    }
    command = helper_process([json.dumps(task)], module="advisor.advise.resources.trial")
    try:
        child = subprocess.run(**command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"nothing was measured on {device}: a few steps took longer than {_SECONDS} seconds"
    try:
        answer = json.loads(child.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        cause = (child.stderr.strip().splitlines() or [f"it ended with status {child.returncode}"])[-1]
        return f"nothing was measured on {device}: {cause}"
    if "no_device" in answer:
        raise UsageError(f"no device {device!r}", cause=answer["no_device"], hint="--device cpu, or leave it out")
    steps = tuple(Step(**step) for step in answer["steps"])
    if not steps:
        smallest = _batches(device)[0]
        return f"a batch of {smallest} images does not fit on {device}; a smaller model or image size is needed"
    return Trial(device, answer["memory"], steps)


def _batches(device: str) -> tuple[int, int]:
    return _BATCHES.get(device.partition(":")[0], _OTHER_BATCHES)


def _train(task: dict[str, Any]) -> dict[str, Any]:
    import timm
    import torch
    from timm.optim import create_optimizer_v2

    try:
        device = torch.device(task["device"])
        torch.zeros(1, device=device)
        memory = _free(device)
    except (RuntimeError, AssertionError) as error:
        return {"no_device": str(error).splitlines()[0]}
    size = {"img_size": task["img_size"]} if task["pass_img_size"] else {}
    model = timm.create_model(task["model"], num_classes=task["n_classes"], **size).to(device).train()
    optimizer = create_optimizer_v2(model, opt=task["opt"], lr=1e-6, weight_decay=0.01)
    steps = []
    for batch_size in _batches(task["device"]):
        images = torch.randn(batch_size, 3, task["img_size"], task["img_size"], device=device)
        labels = torch.arange(batch_size, device=device) % task["n_classes"]
        try:
            for step in range(1 + _TIMED_STEPS):
                if step == 1:
                    _wait(device)
                    begun = time.perf_counter()
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(images), labels).backward()
                optimizer.step()
            _wait(device)
        except (RuntimeError, MemoryError) as error:
            # Only CUDA has an exception of its own for it.
            if isinstance(error, RuntimeError) and "memory" not in str(error).lower():
                raise
            break
        seconds = time.perf_counter() - begun
        steps.append(asdict(Step(batch_size, _peak(device), batch_size * _TIMED_STEPS / seconds)))
    return {"memory": memory, "steps": steps}


def _wait(device: Any) -> None:
    """Wait for what a device still computes; CUDA and MPS return before they have."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _peak(device: Any) -> int:
    """Return the most bytes taken so far; on the CPU by the whole process."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    if device.type == "mps":
        return int(torch.mps.driver_allocated_memory())
    try:
        import resource
    except ImportError:  # Windows: the largest batch stays unknown
        return 0

    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _free(device: Any) -> int:
    """Return the bytes that a training may take; on the CPU those of this process included."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    return _free_ram()


def _free_ram() -> int:
    """Return the free memory of the machine, or what a container leaves of it."""
    import os

    if not hasattr(os, "sysconf"):  # Windows
        return 0
    free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        # Free pages alone would leave out what Linux only borrows to cache files.
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
        free = min(free, int(limit) - used) if limit.isdigit() else free
    except (OSError, StopIteration):
        pass
    return free


def main(task: str) -> None:
    """Train what a JSON task says, and print what was measured as JSON."""
    print(json.dumps(_train(json.loads(task))))


if __name__ == "__main__":
    main(sys.argv[1])
