"""Icons of desktop themes: the kind of thing they stand for, by the folder they are in."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import read_image, read_svg, square


def _has_entities(path: Path) -> bool:
    """Whether an SVG file defines XML entities, which the renderer refuses for safety."""
    return path.suffix == ".svg" and b"<!ENTITY" in path.read_bytes()


def _icons(
    package: str,
    folders: tuple[str, ...],
    categories: tuple[str, ...],
    fetcher: Fetcher,
    size: int,
    rng: np.random.Generator,
) -> Iterator[Sample]:
    """Yield each icon at each of its sizes; ``folders`` are patterns holding ``{}`` for the category."""
    root = fetcher.folder(package) / "usr/share/icons"
    for category in categories:
        paths = [path for pattern in folders for path in root.glob(pattern.format(category) + "/*")]
        for path in sorted(paths):
            # Links give one drawing several names.
            if path.is_file() and not path.is_symlink() and path.suffix in (".png", ".svg") and not _has_entities(path):
                image = read_svg(path, 2 * size) if path.suffix == ".svg" else read_image(path)
                yield Sample(category, square(image, size), path.stem)


def _spec(
    theme: str,
    folders: tuple[str, ...],
    categories: str,
    *,
    img_size: int,
    n_train: int,
    n_eval: int,
    licence: str,
    group: str = "",
    large: bool = False,
) -> DatasetSpec:
    package = f"deb:{theme}-icon-theme"
    return DatasetSpec(
        name=f"{theme}-icons{'-large' if large else ''}",
        group=group or theme,
        source=f"{theme} icon theme",
        licence=licence,
        labels="the theme's category of the icon, such as action or device",
        img_size=img_size,
        n_train=n_train,
        n_eval=n_eval,
        samples=functools.partial(_icons, package, folders, tuple(categories.split())),
        packages=(package,),
    )


SPECS = (
    _spec(
        "oxygen",
        ("oxygen/base/32x32/{}", "oxygen/base/48x48/{}", "oxygen/base/64x64/{}"),
        "actions apps devices mimetypes places status",
        img_size=32,
        n_train=1300,
        n_eval=900,
        licence="LGPL-3+",
    ),
    _spec(
        "gnome",
        ("gnome/32x32/{}", "gnome/48x48/{}", "gnome/256x256/{}"),
        "actions apps devices mimetypes status",
        img_size=32,
        n_train=350,
        n_eval=350,
        licence="LGPL-3 or CC BY-SA 3.0",
        group="tango",  # drawn in its style, some icons the same
    ),
    _spec(
        "tango",
        ("Tango/32x32/{}", "Tango/scalable/{}"),
        "actions apps devices mimetypes places status",
        img_size=32,
        n_train=180,
        n_eval=220,
        licence="public domain",
    ),
    _spec(
        "papirus",
        ("Papirus/64x64/{}",),
        "apps devices mimetypes places",
        img_size=64,
        n_train=2500,
        n_eval=1000,
        licence="GPL-3",
    ),
    _spec(
        "breeze",
        ("breeze/{}/32", "breeze/{}/48", "breeze/{}/64"),
        "actions apps devices mimetypes places",
        img_size=32,
        n_train=700,
        n_eval=500,
        licence="LGPL-3+",
    ),
    # Drawn larger, to fine-tune on. As above, one icon in two colours has two names and can be on both sides.
    _spec(
        "oxygen",
        ("oxygen/base/128x128/{}",),
        "actions apps devices mimetypes places",
        img_size=128,
        n_train=300,
        n_eval=400,
        licence="LGPL-3+",
        large=True,
    ),
    _spec(
        "gnome",
        ("gnome/256x256/{}",),
        "actions apps devices mimetypes status",
        img_size=128,
        n_train=150,
        n_eval=200,
        licence="LGPL-3 or CC BY-SA 3.0",
        group="tango",
        large=True,
    ),
    _spec(
        "papirus",
        ("Papirus/64x64/{}",),
        "apps devices mimetypes places",
        img_size=128,
        n_train=1500,
        n_eval=500,
        licence="GPL-3",
        large=True,
    ),
    _spec(
        "breeze",
        ("breeze/{}/32", "breeze/{}/48", "breeze/{}/64"),
        "actions apps devices mimetypes places",
        img_size=128,
        n_train=200,
        n_eval=400,
        licence="LGPL-3+",
        large=True,
    ),
)
