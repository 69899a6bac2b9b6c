"""Furniture and other things of the catalogues for Sweet Home 3D: the room or place they belong to."""

from __future__ import annotations

import functools
import io
import re
import zipfile
from collections.abc import Iterator

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.duplicates import alike
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import WHITE, square

PACKAGE = "deb:sweethome3d-furniture"
CATALOGUE = "PluginFurnitureCatalog.properties"
LEFT_OUT = ("Miscellaneous", "Staircases")
"""Categories that say nothing, or have two things."""
ALIKE = 0.97
"""Renders share their white ground and correlate with it alone."""


def _things(fetcher: Fetcher) -> Iterator[tuple[str, Image.Image]]:
    """Yield the category and the picture of each thing in the catalogues."""
    folder = fetcher.folder(PACKAGE) / "usr/share/sweethome3d/furniture"
    for path in sorted(folder.glob("*.sh3f")):
        with zipfile.ZipFile(path) as archive:
            text = archive.read(CATALOGUE).decode("latin-1")
            facts = dict(re.findall(r"^((?:icon|category)#\d+)=(.*?)\s*$", text, re.MULTILINE))
            for key, icon in facts.items():
                kind, _, number = key.partition("#")
                if kind == "icon" and facts[f"category#{number}"] not in LEFT_OUT:
                    with Image.open(io.BytesIO(archive.read(icon.lstrip("/")))) as image:
                        yield facts[f"category#{number}"], image.convert("RGBA")


def _rooms(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    shown = [(category, square(image, size, WHITE)) for category, image in _things(fetcher)]
    for (category, image), number in zip(shown, alike([image for _, image in shown], ALIKE), strict=True):
        yield Sample(category.lower().replace(" ", "-"), image, str(number))


_of_sweethome = functools.partial(
    DatasetSpec,
    group="sweethome3d",
    source="3D models for Sweet Home 3D",
    licence="CC BY 3.0 or CC0, as the package's copyright file says for each catalogue",
    img_size=128,
    packages=(PACKAGE,),
    samples=_rooms,
    family="furniture-rooms",
)

SPECS = (
    _of_sweethome(
        name="furniture-rooms",
        labels="the room or other category of the catalogue; things that look alike are on one side of the split",
        n_train=330,
        n_eval=340,
    ),
    _of_sweethome(
        name="furniture-rooms-few",
        labels="the room or other category of the catalogue; things that look alike are on one side of the split",
        n_train=120,
        n_eval=400,
    ),
)
