"""Pictures of the educational suite GCompris: patches of paintings, and what a picture shows."""

from __future__ import annotations

import functools
import io
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import cut, square

PACKAGE = "deb:gcompris-qt-data"
COMPRESSED, FOLDER = 1, 2


def _resources(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files in a Qt resource file (``rcc --binary``), big-endian throughout."""
    data = path.read_bytes()
    _, tree, contents, names = struct.unpack_from(">4I", data, 4)

    def walk(index: int, above: str) -> Iterator[tuple[str, bytes]]:
        node = tree + 22 * index
        name_at, flags = struct.unpack_from(">IH", data, node)
        (length,) = struct.unpack_from(">H", data, names + name_at)
        start = names + name_at + 6
        name = above + "/" + data[start : start + 2 * length].decode("utf-16-be") if index else ""
        if flags & FOLDER:
            count, first = struct.unpack_from(">II", data, node + 6)
            for child in range(first, first + count):
                yield from walk(child, name)
        else:
            (at,) = struct.unpack_from(">I", data, node + 10)
            (size,) = struct.unpack_from(">I", data, contents + at)
            raw = data[contents + at + 4 : contents + at + 4 + size]
            # Four more bytes before compressed content: its size when unpacked.
            yield name, zlib.decompress(raw[4:]) if flags & COMPRESSED else raw

    yield from walk(0, "")


def _pictures(fetcher: Fetcher, activity: str, pattern: str) -> Iterator[tuple[re.Match[str], Image.Image]]:
    path = fetcher.folder(PACKAGE) / f"usr/share/gcompris-qt/rcc/{activity}.rcc"
    for name, content in sorted(_resources(path)):
        if found := re.search(pattern, name):
            with Image.open(io.BytesIO(content)) as image:
                yield found, image.convert("RGBA")


def _details(per_picture: int, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for found, image in _pictures(fetcher, "details", r"/image/([^/]+)_background\.webp$"):
        for patch, cell in cut(image.convert("RGB"), per_picture, size, rng):
            yield Sample(found[1], patch, f"{found[1]}/{cell}")


def _subjects(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for found, image in _pictures(
        fetcher, "categorization", r"/images/(fishes|monuments|others|renewable|tools)/([^/]+)\.webp$"
    ):
        yield Sample(found[1], square(image, size), found[2])


_spec = functools.partial(
    DatasetSpec,
    group="gcompris",
    source="the educational suite GCompris",
    licence="free licences, one for each picture; see the package's copyright file",
    packages=(PACKAGE,),
)

SPECS = (
    _spec(
        name="gcompris-details",
        labels="which painting or view the patch is from; training and evaluation patches are from disjoint regions",
        img_size=32,
        n_train=1500,
        n_eval=1000,
        samples=functools.partial(_details, 130),
    ),
    _spec(
        name="gcompris-details-large",
        labels="which painting or view the patch is from; training and evaluation patches are from disjoint regions",
        img_size=128,
        n_train=300,
        n_eval=400,
        samples=functools.partial(_details, 40),
    ),
    _spec(
        name="gcompris-subjects",
        labels="the category of the thing shown, such as fish or monument",
        img_size=64,
        n_train=60,
        n_eval=80,
        samples=_subjects,
    ),
)
