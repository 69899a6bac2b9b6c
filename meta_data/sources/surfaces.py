"""Photographed and painted surfaces of free games, and land covers seen from above: what they are, by the file name."""

from __future__ import annotations

import functools
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.duplicates import alike
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import fill, quarters


@dataclass(frozen=True)
class _Source:
    """A package of textures whose file names say what they show."""

    group: str
    package: str
    path: str
    """Folder or ZIP archive in the package."""
    words: Mapping[str, str]
    """Pattern for the file name, by label; files that fit several or none are left out."""
    left_out: str
    """Pattern for the path of files that are no picture of a surface, or whose name is wrong, from looking at them."""
    source: str
    licence: str
    see_through: bool = False
    """Whether to take pictures with transparency, for what they show without it."""


UFOAI = _Source(
    "ufoai",
    "deb:ufoai-textures",
    "usr/share/games/ufoai/base/0textures.pk3",
    {
        "brick": "brick",
        "carpet": "carpet",
        "concrete": "concrete|e8crete",
        "door": "door(?!bell)",
        "grass": "grass",
        "ground": "ground|dirt(?!y)|desert|sand",
        "metal": "metall?|mtl",
        "rock": "rock",
        "roof": "roof",
        "tiles": "tile(?!5e)",
        "wood": "wood",
    },
    # The first line: normal maps, glows and other maps that are no pictures; lamps, signs and pieces of machines.
    r"_(nm|sm|gm|rm|fx\d?)\.|window|tex_(lights|misc|base|dirt|pics)/"
    r"|grass003_way|_k1\.|dirt_se(04|05|1\d)|wall_(dirt|stone)|mattn/carpet|wall_bricks003"
    r"|mattn/wood006|wood_chips|metal013|trak4_door|door(044|054|013_2)\.|concrete_[ry]_[14]\.|tile_terac|concrete0(19|21)"
    r"|mattn/concrete00[24]|roof00[46]\.|wall_brick01|q1metal|cementwall|buildings/mtl_midwrn",
    "the game UFO: Alien Invasion",
    "GPL-2+, GPL-3+, CC BY-SA 3.0 or public domain, as the package's copyright file says for each",
    see_through=True,
)
SUPERTUXKART = _Source(
    "supertuxkart",
    "deb:supertuxkart-data",
    "usr/share/games/supertuxkart/data",
    {
        "grass": "grass",
        "ground": "dirt|ground|sand|gravel(?!side)",
        "masonry": "brick|wall(?!paper)|concrete",
        "metal": "metal|rust|steel|iron(?!g)",
        "road": "road|asphalt|tarmac",
        "rock": "rock(?!et)|stone|cliff",
        "roof": "roof",
        "snow": r"snow|(^|_)ice",
        "wood": "wood|plank",
    },
    r"gui/|karts/|skins/|gfx|grandprix/|editor/|library/|models/|stklib|normal|nrm|_nm|gloss|mask|spec|halo|sshot|icon"
    r"|screenshot|emit|glow|pbr|_ao|height|bump|road_(sign|create|change)|crossroads|roadboard|marsroad|forestfloor"
    r"|snow(sky|_?mountain|flake)|conifer|wood(window|pile)|pagoda|cottage|trail|labyrinth/ice|lonebrick|metalgrid"
    r"|animat|teleporter|lantern|mudpot|color|stone_?purple|wallpaper|nitro|coconut|hut_roof|door|transfo|water|circle|enterprise/wall",
    "the game SuperTuxKart",
    "CC BY-SA 3.0, CC BY-SA 4.0, CC0 or GPL, as the package's copyright file says for each",
)
FLIGHTGEAR = _Source(
    "flightgear",
    "deb:flightgear-data-base",
    "usr/share/games/flightgear/Textures/Terrain",
    {
        "city": "city|town|suburb|slum",
        "crop": "crop|rice|orchard|country",
        "forest": "forest|evergreen|deciduous",
        "grass": "(?<!crop)grass|pasture",
        "ice": "glacier|packice|snow",
        "industry": "industr|transport|-port|commercial",
        "rock": "rock|gravel|lava|cliff",
        "sand": "sand|dunes",
        "shrub": "shrub|scrub|savanna|heath|bush|cerrado-generic",
        "tundra": "tundra",
    },
    r"mask|relief|overlay|colors|structure|golf|airport|country-|rock_grain|/(crop|cropgrass)\.|\.dds",
    "the flight simulator FlightGear",
    "GPL-2+",
    see_through=True,
)


def _label(source: _Source, name: str) -> str | None:
    """Return what the picture of that path shows; None if it is to be left out."""
    stem = name.rpartition("/")[2].rpartition(".")[0].lower()
    fitting = [label for label, pattern in source.words.items() if re.search(pattern, stem)]
    return fitting[0] if len(fitting) == 1 and not re.search(source.left_out, name.lower()) else None


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the pictures of a folder or ZIP archive by their path in it."""
    if path.is_file():
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                yield name, archive.read(name) if name.endswith((".jpg", ".png")) else b""
        return
    for file in sorted(path.rglob("*")):
        if file.suffix in (".jpg", ".png") and file.is_file() and not file.is_symlink():
            yield "/" + file.relative_to(path).as_posix(), file.read_bytes()


def _surfaces(
    source: _Source, in_quarters: bool, labels: tuple[str, ...], fetcher: Fetcher, size: int, rng: np.random.Generator
) -> Iterator[Sample]:
    """Yield each texture, or its quarters; those that look alike but for their colours are on one side of the split."""
    shown: list[tuple[str, Image.Image]] = []
    for name, content in _files(fetcher.folder(source.package) / source.path):
        label = _label(source, name)
        if label in labels and content:
            with Image.open(io.BytesIO(content)) as image:
                solid = source.see_through or image.convert("RGBA").getextrema()[3][0] == 255
                if solid and min(image.size) >= size:
                    shown.append((label, fill(image, 2 * size if in_quarters else size)))
    for (label, image), number in zip(shown, alike([image for _, image in shown]), strict=True):
        for part in quarters(image) if in_quarters else (image,):
            yield Sample(label, part, str(number))


def _spec(
    name: str,
    source: _Source,
    *,
    n_train: int,
    n_eval: int,
    in_quarters: bool = False,
    without: tuple[str, ...] = (),
    family: str = "",
) -> DatasetSpec:
    labels = tuple(label for label in source.words if label not in without)
    return DatasetSpec(
        name=name,
        group=source.group,
        source=source.source,
        licence=source.licence,
        labels="what the texture shows; textures that look alike are on one side of the split",
        img_size=128,
        n_train=n_train,
        n_eval=n_eval,
        samples=functools.partial(_surfaces, source, in_quarters, labels),
        packages=(source.package,),
        family=family,
    )


SPECS = (
    _spec("ufoai-surfaces", UFOAI, n_train=200, n_eval=260),
    _spec("ufoai-surfaces-few", UFOAI, n_train=60, n_eval=380, family="ufoai-surfaces"),
    # A quarter of a door is a board or a sheet.
    _spec("ufoai-quarters", UFOAI, n_train=1000, n_eval=400, in_quarters=True, without=("door",)),
    _spec("supertuxkart-materials", SUPERTUXKART, n_train=250, n_eval=300, in_quarters=True),
    _spec("flightgear-covers", FLIGHTGEAR, n_train=300, n_eval=400, in_quarters=True),
    _spec("flightgear-covers-few", FLIGHTGEAR, n_train=100, n_eval=400, in_quarters=True, family="flightgear-covers"),
)
