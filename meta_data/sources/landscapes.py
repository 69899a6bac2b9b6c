"""Landscapes behind the harbours of the game Endless Sky: the kind of land they show."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.duplicates import alike
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import fill

PACKAGE = "deb:endless-sky-data"
PREFIXES = (
    "badlands", "beach", "canyon", "city", "desert", "dune", "fields", "fog", "forest", "hills", "lava", "mountain",
    "sea", "sky", "snow", "space", "valley", "water",
)  # fmt: skip
"""Names of six photographs and more; the other files are named after the photographer."""
KINDS = {
    "badlands": "dry",
    "beach": "coast",
    "canyon": "dry",
    "city": "city",
    "desert": "dry",
    "dune": "dry",
    "fields": "green",
    "forest": "green",
    "hills": "green",
    "loc": "indoors",
    "mountain": "mountain",
    "sea": "coast",
    "snow": "snow",
    "space": "indoors",
    "station": "indoors",
    "valley": "green",
    "water": "lake",
}
"""What photographs of each name have in common, from looking at them."""
ALIKE = 0.97
"""Landscapes with a bright sky correlate with each other by that alone."""


def _photographs(
    labels: Mapping[str, str], windows: int, fetcher: Fetcher, size: int, rng: np.random.Generator
) -> Iterator[Sample]:
    """Yield square windows of each photograph, from left to right; a photograph is on one side of the split."""
    shown: list[tuple[str, Image.Image]] = []
    for path in sorted((fetcher.folder(PACKAGE) / "usr/share/games/endless-sky/images/land").glob("*.jpg")):
        found = re.match("[a-z]+", path.stem)
        if found and found[0] in labels:
            with Image.open(path) as image:
                shown.append((labels[found[0]], image.convert("RGB")))
    for (label, image), number in zip(shown, alike([image for _, image in shown], ALIKE), strict=True):
        side, room = image.height, image.width - image.height
        lefts = [room // 2] if windows == 1 else [room * place // (windows - 1) for place in range(windows)]
        for left in lefts:
            yield Sample(label, fill(image.crop((left, 0, left + side, side)), size), str(number))


_of_endless_sky = functools.partial(
    DatasetSpec,
    group="endless-sky",
    source="the game Endless Sky",
    licence="public domain, CC BY-SA 3.0 or CC BY-SA 4.0, as the package's copyright file says for each photograph",
    img_size=128,
    packages=(PACKAGE,),
)

SPECS = (
    _of_endless_sky(
        name="landscapes-kind",
        labels="the kind of land, by the name of the photograph, which is on one side of the split",
        n_train=200,
        n_eval=210,
        samples=functools.partial(_photographs, KINDS, 2),
    ),
    _of_endless_sky(
        name="landscapes-kind-few",
        labels="the kind of land, by the name of the photograph; one window of each",
        n_train=80,
        n_eval=130,
        samples=functools.partial(_photographs, KINDS, 1),
    ),
    _of_endless_sky(
        name="landscapes-name",
        labels="the name of the photograph, such as badlands or canyon; many fit two",
        n_train=350,
        n_eval=300,
        samples=functools.partial(_photographs, {prefix: prefix for prefix in PREFIXES}, 3),
    ),
)
