"""Drawings of the Open Clip Art Library: what they show, by the folder they are in."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import numpy as np

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import read_image, square

PACKAGE = "deb:openclipart-png"
FOLDERS = (
    "animals", "education", "food", "geography", "office", "people", "plants", "recreation",
    "shapes", "signs_and_symbols", "tools", "transportation",
)  # fmt: skip
LARGEST = 200_000
"""Bytes; a few drawings are as large as posters."""


def _drawings(folders: tuple[str, ...], fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    root = fetcher.folder(PACKAGE) / "usr/share/openclipart/png"
    for folder in folders:
        for path in sorted((root / folder).rglob("*.png")):
            # Flags are a source of their own.
            if (
                path.is_file()
                and not path.is_symlink()
                and path.stat().st_size < LARGEST
                and path.parent.name != "flags"
            ):
                # Numbers at the end tell drawings of one series apart.
                series = re.sub(r"[-_]?\d+(_\w\w?)?$", "", path.stem)
                yield Sample(folder, square(read_image(path), size), f"{folder}/{series}")


_spec = functools.partial(
    DatasetSpec,
    group="openclipart",
    source="Open Clip Art Library",
    licence="public domain",
    packages=(PACKAGE,),
)

SPECS = (
    _spec(
        name="openclipart-folders",
        labels="the folder of the drawing, such as food or tools; as frequent as drawn",
        img_size=32,
        n_train=3000,
        n_eval=1500,
        samples=functools.partial(_drawings, FOLDERS),
    ),
    _spec(
        name="openclipart-folders-large",
        labels="the folder of the drawing, such as food or tools; as frequent as drawn",
        img_size=128,
        n_train=2000,
        n_eval=500,
        samples=functools.partial(_drawings, FOLDERS),
    ),
    _spec(
        name="openclipart-living",
        labels="animal, food, person or plant",
        img_size=128,
        n_train=120,
        n_eval=700,
        samples=functools.partial(_drawings, ("animals", "food", "people", "plants")),
    ),
)
