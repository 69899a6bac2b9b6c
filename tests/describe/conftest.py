"""Small pictures, image files and image folders, made in a moment."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakeFolder = Callable[..., Path]


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image.Image]:
    """Makes a picture of noise."""
    return _picture


@pytest.fixture(scope="session")
def scene() -> Callable[[int], Image.Image]:
    """Makes a picture of coarse blobs, as photographs are mostly low frequencies."""

    def make(seed: int) -> Image.Image:
        cells = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        return Image.fromarray(cells).resize((96, 96), Image.Resampling.BICUBIC)

    return make


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """Returns the bytes of an image file."""

    def encode(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Return a function that writes ``{class or split/class: number of images}`` as a folder of PNG files."""

    def make(counts: Mapping[str, int], name: str = "pets", first_seed: int = 0) -> Path:
        root = tmp_path / name
        seed = first_seed
        for label, count in counts.items():
            (root / label).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                _picture(seed).save(root / label / f"{i:03d}.png")
                seed += 1
        return root

    return make


def _picture(seed: int, side: int = 24, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)
