"""Charts of invented numbers drawn by matplotlib: the kind of chart, the trend, the number of bars."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from advisor._meta_data.sources.drawn import Pixels, drawn

PACKAGES = ("installed:matplotlib",)


def _line(axes: Any, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, 4)):
        axes.plot(rng.normal(size=20).cumsum())


def _bar(axes: Any, rng: np.random.Generator) -> None:
    count = int(rng.integers(4, 12))
    axes.bar(range(count), rng.uniform(1, 10, count), color=rng.uniform(0, 0.8, 3))


def _barh(axes: Any, rng: np.random.Generator) -> None:
    count = int(rng.integers(4, 12))
    axes.barh(range(count), rng.uniform(1, 10, count), color=rng.uniform(0, 0.8, 3))


def _scatter(axes: Any, rng: np.random.Generator) -> None:
    count = int(rng.integers(20, 80))
    axes.scatter(*rng.normal(size=(2, count)), s=rng.uniform(5, 40), color=rng.uniform(0, 0.8, 3))


def _pie(axes: Any, rng: np.random.Generator) -> None:
    axes.pie(rng.uniform(1, 5, rng.integers(3, 8)), startangle=rng.uniform(0, 360), radius=rng.uniform(0.8, 1.2))


def _box(axes: Any, rng: np.random.Generator) -> None:
    axes.boxplot(list(rng.normal(rng.normal(size=(5, 1)), 1, (5, 30))), patch_artist=bool(rng.integers(2)))


def _violin(axes: Any, rng: np.random.Generator) -> None:
    axes.violinplot(list(rng.normal(rng.normal(size=(4, 1)), 1, (4, 40))))


def _heatmap(axes: Any, rng: np.random.Generator) -> None:
    axes.imshow(rng.uniform(size=rng.integers(4, 12, 2)), cmap=rng.choice(["viridis", "magma", "Blues", "RdBu"]))


def _area(axes: Any, rng: np.random.Generator) -> None:
    axes.stackplot(range(15), rng.uniform(1, 3, (rng.integers(2, 5), 15)))


def _stem(axes: Any, rng: np.random.Generator) -> None:
    axes.stem(rng.normal(size=rng.integers(8, 20)))


def _contour(axes: Any, rng: np.random.Generator) -> None:
    y, x = np.mgrid[-2:2:25j, -2:2:25j]
    centres = rng.uniform(-1.5, 1.5, (3, 2))
    axes.contour(sum(np.exp(-((x - cx) ** 2) - (y - cy) ** 2) for cx, cy in centres), levels=6)


def _errorbar(axes: Any, rng: np.random.Generator) -> None:
    count = int(rng.integers(6, 14))
    axes.errorbar(range(count), rng.normal(size=count), yerr=rng.uniform(0.2, 0.8, count), fmt="o", capsize=3)


KINDS: dict[str, Callable[[Any, np.random.Generator], None]] = {
    "area": _area,
    "bar": _bar,
    "barh": _barh,
    "box": _box,
    "contour": _contour,
    "errorbar": _errorbar,
    "heatmap": _heatmap,
    "line": _line,
    "pie": _pie,
    "scatter": _scatter,
    "stem": _stem,
    "violin": _violin,
}
TRENDS: dict[str, Callable[[Pixels], Pixels]] = {
    "falling": lambda x: -x,
    "flat": np.zeros_like,
    "peak": lambda x: 1 - 2 * np.abs(x),
    "rising": lambda x: x,
    "valley": lambda x: 2 * np.abs(x) - 1,
}
MOST_BARS = 9


def _plotted(plot: Callable[[Any], None], size: int, rng: np.random.Generator) -> Pixels:
    """Draw with random ground, frame and grid, and reduce to the size wanted."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 2), dpi=size, facecolor=str(rng.uniform(0.85, 1)))
    axes = figure.add_axes((0.12, 0.12, 0.8, 0.8), facecolor=str(rng.uniform(0.85, 1)))
    plot(axes)
    if rng.uniform() < 0.4:
        axes.grid(visible=True)
    if rng.uniform() < 0.3:
        axes.set_axis_off()
    axes.tick_params(labelsize=6)
    canvas = FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    canvas.print_rgba(buffer)
    image = Image.frombytes("RGBA", canvas.get_width_height(), buffer.getvalue()).convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BOX), dtype=float)


def _kind(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    pixels = _plotted(lambda axes: list(KINDS.values())[index](axes, rng), size, rng)
    return pixels + rng.normal(0, noise, pixels.shape)


def _trend(index: int, spread: float, size: int, rng: np.random.Generator) -> Pixels:
    def plot(axes: Any) -> None:
        x = rng.uniform(-1, 1, int(rng.integers(25, 60)))
        axes.scatter(
            x, list(TRENDS.values())[index](x) + rng.normal(0, spread, x.shape), s=8, color=rng.uniform(0, 0.7, 3)
        )
        axes.set_ylim(-2.2, 2.2)

    return _plotted(plot, size, rng)


def _bars(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    def plot(axes: Any) -> None:
        heights = rng.uniform(2, 10, index + 2)
        axes.bar(range(len(heights)), heights, width=rng.uniform(0.5, 0.85), color=rng.uniform(0, 0.8, 3))

    pixels = _plotted(plot, size, rng)
    return pixels + rng.normal(0, noise, pixels.shape)


SPECS = (
    drawn("charts-kind", "the kind of chart", _kind, tuple(KINDS), 2, img_size=96, n_train=240, packages=PACKAGES),
    drawn(
        "charts-kind-large",
        "the kind of chart",
        _kind,
        tuple(KINDS),
        2,
        img_size=128,
        n_train=600,
        n_eval=480,
        packages=PACKAGES,
    ),
    drawn(
        "charts-trend", "how the points go", _trend, tuple(TRENDS), 0.45, img_size=40, n_train=600, packages=PACKAGES
    ),
    drawn(
        "charts-bars",
        "the number of bars",
        _bars,
        tuple(str(count) for count in range(2, MOST_BARS + 1)),
        25,
        img_size=48,
        n_train=800,
        packages=PACKAGES,
    ),
)
