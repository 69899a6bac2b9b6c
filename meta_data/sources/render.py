"""Turns icons, drawings and frames into square images without transparency."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

WHITE = (255, 255, 255)
MIN_SPREAD = 6
"""Patches of less standard deviation, of values 0 to 255, show nothing: plain sky or an unlit corner."""


def square(image: Image.Image, size: int, background: tuple[int, int, int] = WHITE) -> Image.Image:
    """Return ``image`` as RGB of ``size`` x ``size`` pixels, fitted and centred on the background."""
    image = image.convert("RGBA")
    scale = size / max(image.size)
    fitted = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", (size, size), (*background, 255))
    canvas.alpha_composite(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2))
    return canvas.convert("RGB")


def read_svg(path: Path, width: int) -> Image.Image:
    """Draw an SVG file ``width`` pixels wide, with transparency."""
    import cairosvg

    png = cairosvg.svg2png(bytestring=path.read_bytes(), output_width=width)
    return Image.open(io.BytesIO(png)).convert("RGBA")


def read_image(path: Path) -> Image.Image:
    """Read a picture, with transparency."""
    with Image.open(path) as image:
        return image.convert("RGBA")


def cut(image: Image.Image, count: int, size: int, rng: np.random.Generator) -> Iterator[tuple[Image.Image, str]]:
    """Yield up to ``count`` random patches and the cell of a grid over the image that each lies within.

    Patches of different cells share no pixel, so cells can be divided between training and evaluation.
    """
    cell = max(3 * size // 2, max(image.size) // 8)
    columns, rows = image.width // cell, image.height // cell
    taken = 0
    for _ in range(20 * count):
        row, column = int(rng.integers(rows)), int(rng.integers(columns))
        left, top = (int(value) for value in rng.integers(0, cell - size + 1, 2))
        left, top = column * cell + left, row * cell + top
        patch = image.crop((left, top, left + size, top + size))
        if np.asarray(patch, dtype=float).std(axis=(0, 1)).mean() > MIN_SPREAD:
            yield patch, f"{row}/{column}"
            taken += 1
        if taken == count:
            break


def fill(image: Image.Image, size: int) -> Image.Image:
    """Return the middle of ``image`` as RGB of ``size`` x ``size`` pixels, its shorter edge scaled to that."""
    return ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.LANCZOS)


def quarters(image: Image.Image) -> Iterator[Image.Image]:
    """Yield the four quarters of an image."""
    across, down = image.width // 2, image.height // 2
    for left, top in ((0, 0), (across, 0), (0, down), (across, down)):
        yield image.crop((left, top, left + across, top + down))
