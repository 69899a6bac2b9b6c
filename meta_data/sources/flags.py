"""Flags of countries, waved, turned and cropped: the continent of the country, or which country it is."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import read_svg, square

PACKAGE = "npm:flag-icons@7.5.0"


def _photographed(flag: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """Show a flag turned by up to 25 degrees, cropped, lit differently, on a coloured background."""
    background = tuple(int(value) for value in rng.integers(0, 256, 3))
    turned = flag.rotate(rng.uniform(-25, 25), Image.Resampling.BICUBIC, expand=True)
    left, top, right, bottom = rng.uniform(0, 0.15, 4)
    width, height = turned.size
    cropped = turned.crop((int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height)))
    pixels = np.asarray(square(cropped, size, background), dtype=float) * rng.uniform(0.6, 1.1)
    return Image.fromarray((pixels + rng.normal(0, 8, pixels.shape)).clip(0, 255).astype("uint8"))


def _countries(fetcher: Fetcher) -> Iterator[tuple[dict[str, str], Path]]:
    folder = fetcher.folder(PACKAGE) / "package"
    for country in json.loads((folder / "country.json").read_text(encoding="utf-8")):
        if country.get("iso") and country.get("continent"):
            yield country, folder / country["flag_4x3"]


def _continents(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for country, path in _countries(fetcher):
        if country["continent"] != "Antarctica":
            label = re.sub(r"[^a-z]+", "-", country["continent"].lower())
            flag = read_svg(path, 3 * size)
            for _ in range(10):
                yield Sample(label, _photographed(flag, size, rng), country["code"])


def _identities(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for country, path in list(_countries(fetcher))[::5]:
        flag = read_svg(path, 3 * size)
        for index in range(70):
            yield Sample(country["code"], _photographed(flag, size, rng), f"{country['code']}-{index}")


_of_flags = functools.partial(DatasetSpec, group="flags", source="flag-icons", licence="MIT", packages=(PACKAGE,))

SPECS = (
    _of_flags(
        name="flags-continent",
        labels="the continent of the country; countries in evaluation are not in training",
        img_size=32,
        n_train=1200,
        n_eval=800,
        samples=_continents,
    ),
    _of_flags(
        name="flags-country",
        labels="which of fifty countries the flag is of, under changing views",
        img_size=32,
        n_train=2000,
        n_eval=1000,
        samples=_identities,
    ),
    _of_flags(
        name="flags-continent-large",
        labels="the continent of the country; countries in evaluation are not in training",
        img_size=128,
        n_train=600,
        n_eval=400,
        samples=_continents,
    ),
    _of_flags(
        name="flags-country-large",
        labels="which of fifty countries the flag is of, under changing views",
        img_size=128,
        n_train=250,
        n_eval=500,
        samples=_identities,
    ),
)
