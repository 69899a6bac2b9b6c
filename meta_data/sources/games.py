"""Pictures of free games: monsters and surfaces of Freedoom, figures of SuperTux, lands and figures of Hedgewars."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import numpy as np

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import cut, read_image, square
from advisor._meta_data.sources.wad import Wad

FREEDOOM, SUPERTUX, HEDGEWARS = "deb:freedoom", "deb:supertux-data", "deb:hedgewars-data"
MONSTERS = ("BOSS", "BSPI", "CPOS", "CYBR", "FATT", "HEAD", "PAIN", "SARG", "SKEL", "SKUL", "SPID", "TROO", "VILE")
"""The engine's four-letter names of the monsters with 30 and more pictures."""
KINDS = ("creatures", "objects", "tiles", "worldmap")
MIN_PICTURES = 14
MIN_SIDE = 200
FIGURE = 32
"""Side in pixels of one figure on the sheets of Hedgewars."""
GROUND = (96, 112, 128)


def _wad(fetcher: Fetcher) -> Wad:
    return Wad(fetcher.folder(FREEDOOM) / "usr/share/games/doom/freedoom2.wad")


def _monsters(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    wad = _wad(fetcher)
    for name, lump in wad.section("S"):
        if name[:4] in MONSTERS:
            # The fifth letter is the moment of the movement, the sixth the side it is seen from.
            yield Sample(name[:4], square(wad.picture(lump), size, GROUND), name[:5])


def _surfaces(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    wad = _wad(fetcher)
    for name, lump in wad.section("F"):
        for patch, _ in cut(wad.flat(lump), 6, size, rng):
            yield Sample("floor", patch, f"floor {name[:4]}")
    for name, lump in wad.section("P"):
        picture = wad.picture(lump)
        if min(picture.size) >= 3 * size // 2 and np.asarray(picture)[..., 3].min() == 255:
            for patch, _ in cut(picture.convert("RGB"), 4, size, rng):
                yield Sample("wall", patch, f"wall {name[:4]}")


def _supertux(by: str, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield pictures labelled by their ``kind`` (first folder) or by the ``creature`` they show."""
    images = fetcher.folder(SUPERTUX) / "usr/share/games/supertux2/images"
    for kind in KINDS if by == "kind" else ("creatures",):
        for folder in sorted(path for path in (images / kind).iterdir() if path.is_dir()):
            paths = sorted(folder.rglob("*.png"))
            if by == "creature" and len(paths) < MIN_PICTURES:
                continue
            for path in paths:
                picture = square(read_image(path), size, GROUND)
                if by == "kind":
                    yield Sample(kind, picture, str(path.parent / re.sub(r"[-_]?\d+$", "", path.stem)))
                else:
                    yield Sample(folder.name, picture, str(path))


def _lands(per_land: int, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    themes = fetcher.folder(HEDGEWARS) / "usr/share/games/hedgewars/Data/Themes"
    seen: set[bytes] = set()
    for path in sorted(themes.glob("*/LandTex.png")):
        texture = read_image(path).convert("RGB")
        # So large that there is more than one cell to cut patches from.
        if (
            min(texture.size) >= max(MIN_SIDE, 3 * size) and texture.tobytes() not in seen
        ):  # some lands share their ground
            seen.add(texture.tobytes())
            for patch, cell in cut(texture, per_land, size, rng):
                yield Sample(path.parent.name, patch, f"{path.parent.name}/{cell}")


def _figures(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield the figures of sheets of hats, gravestones and hedgehogs; a sheet belongs to one split."""
    graphics = fetcher.folder(HEDGEWARS) / "usr/share/games/hedgewars/Data/Graphics"
    for label, folder, most in (("grave", "Graves", 12), ("hat", "Hats", 2), ("hedgehog", "Hedgehog", 8)):
        for path in sorted((graphics / folder).glob("*.png")):
            sheet = read_image(path)
            corners = [(x, y) for y in range(0, sheet.height, FIGURE) for x in range(0, sheet.width, FIGURE)]
            for index in rng.permutation(len(corners))[:most]:
                x, y = corners[index]
                figure = sheet.crop((x, y, x + FIGURE, y + FIGURE))
                if np.asarray(figure)[..., 3].mean() > 20:
                    yield Sample(label, square(figure, size, GROUND), f"{label} {path.stem}")


_freedoom = functools.partial(
    DatasetSpec, group="freedoom", source="the game Freedoom", licence="BSD-3-Clause", packages=(FREEDOOM,)
)
_of_supertux = functools.partial(
    DatasetSpec,
    group="supertux",
    source="the game SuperTux",
    licence="GPL-3+ and CC BY-SA 3.0",
    packages=(SUPERTUX,),
)
_hedgewars = functools.partial(
    DatasetSpec, group="hedgewars", source="the game Hedgewars", licence="GPL-2 and GFDL-1.2+", packages=(HEDGEWARS,)
)

SPECS = (
    _freedoom(
        name="freedoom-monsters",
        labels="the monster; moments of its movement in evaluation are not in training",
        img_size=48,
        n_train=420,
        n_eval=330,
        samples=_monsters,
    ),
    _freedoom(
        name="freedoom-monsters-large",
        labels="the monster; moments of its movement in evaluation are not in training",
        img_size=96,
        n_train=350,
        n_eval=400,
        samples=_monsters,
    ),
    _freedoom(
        name="freedoom-surfaces",
        labels="whether the texture is of a floor or of a wall; names of textures are on one side of the split",
        img_size=32,
        n_train=1000,
        n_eval=1000,
        samples=_surfaces,
    ),
    _of_supertux(
        name="supertux-kinds",
        labels="creature, object, tile or map; an animation is on one side of the split",
        img_size=32,
        n_train=1200,
        n_eval=1000,
        samples=functools.partial(_supertux, "kind"),
    ),
    _of_supertux(
        name="supertux-creatures",
        labels="the creature; frames of an animation are on both sides of the split",
        img_size=64,
        n_train=400,
        n_eval=700,
        samples=functools.partial(_supertux, "creature"),
    ),
    _of_supertux(
        name="supertux-kinds-large",
        labels="creature, object, tile or map; an animation is on one side of the split",
        img_size=96,
        n_train=300,
        n_eval=500,
        samples=functools.partial(_supertux, "kind"),
    ),
    _hedgewars(
        name="hedgewars-lands",
        labels="the land whose ground it is; training and evaluation patches are from disjoint regions",
        img_size=24,
        n_train=2000,
        n_eval=1000,
        samples=functools.partial(_lands, 110),
    ),
    _hedgewars(
        name="hedgewars-lands-large",
        labels="the land whose ground it is; training and evaluation patches are from disjoint regions",
        img_size=96,
        n_train=250,
        n_eval=400,
        samples=functools.partial(_lands, 40),
    ),
    _hedgewars(
        name="hedgewars-figures",
        labels="gravestone, hat or hedgehog; a sheet of figures is on one side of the split",
        img_size=32,
        n_train=400,
        n_eval=600,
        samples=_figures,
    ),
)
