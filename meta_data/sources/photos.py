"""Patches of photographs from wallpapers and from scikit-image: which photograph, which kind of scene."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import cut

LOMIRI = ("deb:lomiri-wallpapers-16.04", "deb:lomiri-wallpapers-20.04")
MATE = ("deb:mate-backgrounds",)
PLASMA = ("deb:plasma-workspace-wallpapers",)
SKIMAGE = ("pip:scikit-image==0.26.0",)

# Photographs only, by the stem of the file (of plasma: by the folder); what they show, from looking at them.
LOMIRI_SCENES = {
    "Bridge_by_Sander_Klootwijk": "landscape",
    "Dragonfly_by_Bolly": "plant",
    "Picture_0B_by_freespace": "object",
    "Picture_1A_by_freespace": "object",
    "Wine_by_Jakkub_Mede": "object",
    "aitzgorri_by_Aitzol_Berasategi": "landscape",
    "free_by_Peter_Nerlich": "object",
    "friends_by_Aitzol_Berasategi": "animal",
    "greentock_by_Peter_Nerlich": "object",
    "life_by_Aitzol_Berasategi": "landscape",
    "picosdeeuropa_by_Aitzol_Berasategi": "landscape",
    "seeding_by_Clements_Engelhardt": "plant",
    "sunset_by_Aitzol_Berasategi": "landscape",
    "Kleiber_by_Lukas_Baubkus": "animal",
}
MATE_SCENES = {
    "Aqua": "water",
    "Blinds": "leaf",
    "Dune": "grass",
    "FreshFlower": "flower",
    "Garden": "flower",
    "GreenMeadow": "grass",
    "LadyBird": "leaf",
    "RainDrops": "leaf",
    "Storm": "water",
    "TwoWings": "flower",
    "Wood": "wood",
    "YellowFlower": "flower",
}
PLASMA_SCENES = {
    "BytheWater": "water",
    "ColdRipple": "water",
    "ColorfulCups": "made-thing",
    "DarkestHour": "water",
    "EveningGlow": "water",
    "FallenLeaf": "plant",
    "Grey": "made-thing",
    "Kite": "sky",
    "OneStandsOut": "plant",
    "Path": "plant",
    "summer_1am": "water",
}
SKIMAGE_SCENES = {
    "astronaut": "person",
    "brick": "material",
    "camera": "person",
    "chelsea": "animal",
    "coffee": "object",
    "coins": "object",
    "grass": "material",
    "gravel": "material",
    "hubble_deep_field": "sky",
    "ihc": "tissue",
    "moon": "sky",
    "motorcycle_left": "object",
    "page": "text",
    "retina": "tissue",
    "rocket": "sky",
    "text": "text",
}


def _photographs(folder: Path, wanted: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Yield the wanted photographs, of several sizes of one the largest, by name."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = path.parts[-4] if path.parent.name == "images" else path.stem
        photograph = name in wanted and path.suffix in (".jpg", ".png") and path.is_file() and not path.is_symlink()
        if photograph and (name not in found or path.stat().st_size > found[name].stat().st_size):
            found[name] = path
    yield from sorted(found.items())


def _patches(
    packages: tuple[str, ...],
    labels: Mapping[str, str],
    per_photograph: int,
    longest: int,
    grey: bool,
    fetcher: Fetcher,
    size: int,
    rng: np.random.Generator,
) -> Iterator[Sample]:
    """Yield random patches, each from within one cell of a grid: a cell belongs to one split.

    Parameters
    ----------
    longest : int
        Photographs are first reduced to this many pixels along the longer edge.
    """
    for package in packages:
        for name, path in _photographs(fetcher.folder(package), labels):
            with Image.open(path) as image:
                photograph = image.convert("L" if grey else "RGB")
            photograph.thumbnail((longest, longest), Image.Resampling.LANCZOS)
            for patch, cell in cut(photograph, per_photograph, size, rng):
                yield Sample(labels[name], patch, f"{name}/{cell}")


def _spec(
    name: str,
    packages: tuple[str, ...],
    photographs: Mapping[str, str],
    labels: str,
    *,
    per_photograph: int,
    longest: int = 1280,
    grey: bool = False,
    img_size: int,
    n_train: int,
    n_eval: int = 1000,
    licence: str = "CC BY, CC BY-SA or GPL-2+, as the packages' copyright files say for each photograph",
) -> DatasetSpec:
    return DatasetSpec(
        name=name,
        group=f"photos-{name.split('-')[1]}",
        source="photographs in " + ", ".join(package.partition(":")[2] for package in packages),
        licence=licence,
        labels=labels + "; training and evaluation patches are from disjoint regions",
        img_size=img_size,
        n_train=n_train,
        n_eval=n_eval,
        samples=functools.partial(_patches, packages, photographs, per_photograph, longest, grey),
        packages=packages,
    )


def _each(names: Mapping[str, str]) -> dict[str, str]:
    return {name: name.partition("_by_")[0] for name in names}


WHICH, SCENE = "which photograph the patch is from", "what the photograph shows"
_bundled = functools.partial(
    _spec, packages=SKIMAGE, longest=2000, licence="public domain or CC0, as skimage/data/README.txt says"
)

SPECS = (
    _spec("photos-lomiri-which", LOMIRI, _each(LOMIRI_SCENES), WHICH, per_photograph=320, img_size=32, n_train=2800),
    _spec("photos-lomiri-scene", LOMIRI, LOMIRI_SCENES, SCENE, per_photograph=150, img_size=64, n_train=700),
    _spec("photos-mate-which", MATE, _each(MATE_SCENES), WHICH, per_photograph=100, img_size=48, n_train=180),
    _spec("photos-mate-scene", MATE, MATE_SCENES, SCENE, per_photograph=250, img_size=32, n_train=1800),
    _spec("photos-plasma-which", PLASMA, _each(PLASMA_SCENES), WHICH, per_photograph=900, img_size=32, n_train=8000),
    _spec(
        "photos-plasma-grey",
        PLASMA,
        _each(PLASMA_SCENES),
        WHICH + ", without its colours",
        per_photograph=150,
        longest=800,
        grey=True,
        img_size=32,
        n_train=500,
    ),
    # The same photographs as larger patches of fewer, to fine-tune on.
    _spec(
        "photos-lomiri-which-128",
        LOMIRI,
        _each(LOMIRI_SCENES),
        WHICH,
        per_photograph=60,
        longest=1920,
        img_size=128,
        n_train=400,
        n_eval=400,
    ),
    _spec(
        "photos-lomiri-scene-128",
        LOMIRI,
        LOMIRI_SCENES,
        SCENE,
        per_photograph=50,
        longest=1920,
        img_size=128,
        n_train=200,
        n_eval=400,
    ),
    _spec(
        "photos-mate-which-128",
        MATE,
        _each(MATE_SCENES),
        WHICH,
        per_photograph=50,
        longest=1920,
        img_size=128,
        n_train=100,
        n_eval=400,
    ),
    _spec(
        "photos-mate-scene-128",
        MATE,
        MATE_SCENES,
        SCENE,
        per_photograph=60,
        longest=1920,
        img_size=128,
        n_train=300,
        n_eval=400,
    ),
    _spec(
        "photos-plasma-which-128",
        PLASMA,
        _each(PLASMA_SCENES),
        WHICH,
        per_photograph=200,
        longest=2560,
        img_size=128,
        n_train=1500,
        n_eval=500,
    ),
    _spec(
        "photos-plasma-scene-128",
        PLASMA,
        PLASMA_SCENES,
        SCENE,
        per_photograph=50,
        longest=2560,
        img_size=128,
        n_train=150,
        n_eval=400,
    ),
    _bundled(
        "photos-skimage-scene-96",
        photographs=SKIMAGE_SCENES,
        labels=SCENE,
        per_photograph=40,
        img_size=96,
        n_train=200,
        n_eval=400,
    ),
    _bundled(
        "photos-skimage-which",
        photographs=_each(SKIMAGE_SCENES),
        labels=WHICH,
        per_photograph=100,
        img_size=32,
        n_train=600,
    ),
    _bundled(
        "photos-skimage-scene", photographs=SKIMAGE_SCENES, labels=SCENE, per_photograph=80, img_size=64, n_train=250
    ),
    _bundled(
        "photos-skimage-grey",
        photographs=SKIMAGE_SCENES,
        labels=SCENE + ", without its colours",
        per_photograph=220,
        grey=True,
        img_size=28,
        n_train=2200,
    ),
)
