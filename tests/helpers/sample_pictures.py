"""Pictures and image files for tests."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def picture(seed: int, side: int = 24, mode: str = "RGB") -> Image.Image:
    """Return a picture of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    """Return the bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def scene(seed: int) -> Image.Image:
    """Return a picture of coarse blobs, as photographs are mostly low frequencies."""
    cells = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((96, 96), Image.Resampling.BICUBIC)
