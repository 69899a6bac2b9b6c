"""Turns icons, drawings and frames into square images without transparency."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

WHITE = (255, 255, 255)


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
