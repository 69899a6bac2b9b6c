"""Emoji in three designs: the kind of thing they show, and the skin tone of people."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import read_image, read_svg, square

GOOGLE = "npm:emoji-datasource-google@16.0.0"
TWITTER = "npm:emoji-datasource-twitter@16.0.0"
OPENMOJI = "npm:openmoji@17.0.0"
TONES = {"1F3FB": "light", "1F3FC": "medium-light", "1F3FD": "medium", "1F3FE": "medium-dark", "1F3FF": "dark"}
CATEGORIES = (
    "activities",
    "animals-nature",
    "food-drink",
    "objects",
    "people-body",
    "smileys-emotion",
    "symbols",
    "travel-places",
)
"""Without the flags, which are datasets of their own."""


@dataclass(frozen=True)
class _Emoji:
    category: str
    base: str
    """Code point of the emoji without a skin tone."""
    tone: str | None
    """None without a skin tone, and where two people have different ones."""
    read: Callable[[], Image.Image]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z]+", "-", text.lower())


def _tone(code: str) -> str | None:
    tones = {TONES[part] for part in code.upper().split("-") if part in TONES}
    return tones.pop() if len(tones) == 1 else None


def _datasource(folder: Path) -> Iterator[_Emoji]:
    """Read a package of the emoji-datasource family: 64 x 64 pixels."""
    images = next((folder / "package/img").glob("*/64"))
    for record in json.loads((folder / "package/emoji.json").read_text(encoding="utf-8")):
        for variant in (record, *record.get("skin_variations", {}).values()):
            path = images / variant["image"]
            if path.is_file():
                read = functools.partial(read_image, path)
                yield _Emoji(_slug(record["category"]), record["unified"], _tone(variant["unified"]), read)


def _openmoji(folder: Path, width: int) -> Iterator[_Emoji]:
    """Read the vector drawings of OpenMoji."""
    for record in json.loads((folder / "package/data/openmoji.json").read_text(encoding="utf-8")):
        path = folder / "package/color/svg" / f"{record['hexcode']}.svg"
        if path.is_file():
            base = record["skintone_base_hexcode"] or record["hexcode"]
            read = functools.partial(read_svg, path, width)
            yield _Emoji(record["group"], base, _tone(record["hexcode"]), read)


def _read(fetcher: Fetcher, package: str, size: int) -> Iterator[_Emoji]:
    folder = fetcher.folder(package)
    return _openmoji(folder, max(72, size)) if package == OPENMOJI else _datasource(folder)


def _categories(package: str, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    shown = set()
    for emoji in _read(fetcher, package, size):
        # Only the first of the skin tones, which would fill the class of people.
        if emoji.category in CATEGORIES and emoji.base not in shown:
            shown.add(emoji.base)
            yield Sample(emoji.category, square(emoji.read(), size), emoji.base)


def _tones(packages: tuple[str, ...], fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for package in packages:
        for emoji in _read(fetcher, package, size):
            if emoji.tone:
                yield Sample(emoji.tone, square(emoji.read(), size), emoji.base)


def _category_spec(
    design: str,
    package: str,
    licence: str,
    n_train: int,
    *,
    img_size: int = 32,
    n_eval: int = 600,
    suffix: str = "",
) -> DatasetSpec:
    return DatasetSpec(
        name=f"emoji-{design}-category{suffix}",
        group="emoji",
        source=f"{design} emoji",
        licence=licence,
        labels="the category the Unicode Consortium puts the emoji in, without flags",
        img_size=img_size,
        n_train=n_train,
        n_eval=n_eval,
        samples=functools.partial(_categories, package),
        packages=(package,),
    )


SPECS = (
    _category_spec("google", GOOGLE, "Apache-2.0 (images), MIT (package)", 1100),
    _category_spec("twitter", TWITTER, "CC BY 4.0 (images), MIT (package)", 300),
    _category_spec("openmoji", OPENMOJI, "CC BY-SA 4.0", 1100),
    _category_spec("openmoji", OPENMOJI, "CC BY-SA 4.0", 400, img_size=128, n_eval=400, suffix="-large"),
    DatasetSpec(
        name="emoji-skin-tone",
        group="emoji",
        source="google and twitter emoji",
        licence="Apache-2.0 and CC BY 4.0 (images), MIT (packages)",
        labels="the skin tone of the person or hand, of Unicode's five",
        img_size=32,
        n_train=2000,
        n_eval=1000,
        samples=functools.partial(_tones, (GOOGLE, TWITTER)),
        packages=(GOOGLE, TWITTER),
    ),
)
