"""How fast a model trains here, from the user's own runs: what a time budget buys."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable

from advisor.errors import UsageError
from advisor.records.schema import Run

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as ``90s``, ``30m``, ``1h30m`` or ``2d``.

    Raises
    ------
    UsageError
        If it is none, or not above 0.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text.strip() or not seconds > 0:
        raise UsageError(f"{text!r} is no duration above 0", hint="write it like 90s, 30m, 1h30m or 2d")
    return seconds


def images_per_second(runs: Iterable[Run], model: str, img_size: int) -> float | None:
    """Return the median speed of whole epochs over the runs of a model at an image size; None without any.

    The tag of pretrained weights does not matter: the same architecture is as fast from any of them.
    """
    speeds = [
        speed
        for run in runs
        if (run.model or "").partition(".")[0] == model
        and run.img_size == img_size
        and (speed := speed_of(run)) is not None
    ]
    return statistics.median(speeds) if speeds else None


def speed_of(run: Run) -> float | None:
    """Return how many images a run trained in a second; None where it does not tell.

    One that was resumed does not: its epochs are those of the whole training, its time is its own.
    """
    if run.resumed_from or run.extra.get("resume") or not (run.n_train and run.epochs_done and run.train_seconds):
        return None
    return run.n_train * run.epochs_done / run.train_seconds


def epochs_within(seconds: float, n_train: int, speed: float | None, model: str) -> int:
    """Return how many epochs a time budget buys.

    Raises
    ------
    UsageError
        If the speed is unknown, or the time does not suffice for one epoch.
    """
    if speed is None:
        raise UsageError(
            "a time budget cannot be kept here",
            cause=f"no recorded run tells how fast {model} trains on this machine at this image size",
            hint="measure it with --device cpu or cuda, limit the training with --max-epochs, or record one run first: "
            "advisor run SCRIPT",
        )
    epochs = int(seconds * speed / n_train)
    if epochs < 1:
        raise UsageError(
            f"{seconds:g} seconds do not suffice for one epoch",
            cause=f"{n_train:,} images at the recorded {speed:.0f} a second take {n_train / speed:.0f} seconds",
            hint=f"--budget {round(n_train / speed * 5) + 1}s would buy five",
        )
    return epochs
