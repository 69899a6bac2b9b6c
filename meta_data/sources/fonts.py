"""Glyphs of free fonts: which letter it is, whether it is bold, whether it is slanted."""

from __future__ import annotations

import functools
import string
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher

_NAMES = (
    "adf-accanthis adf-baskervald adf-gillius adf-libris adf-romande adf-universalis aenigma anonymous-pro "
    "averia-gwf averia-sans-gwf averia-serif-gwf b612 breip cabin cantarell cmu comfortaa comic-neue courier-prime "
    "crosextra-caladea crosextra-carlito dancingscript dejavu-core dejavu-extra dosis dustin ebgaramond essays1743 "
    "firacode freefont-ttf go goudybookletter hack inconsolata inter jetbrains-mono junction jura karla lato "
    "league-spartan liberation2 linuxlibertine lobster lobstertwo manrope oldstandard open-sans paratype play "
    "quicksand roboto-slab roboto-unhinted sil-charis sil-gentium-basic sjfonts sora texgyre tiresias tomsontalks "
    "tuffy urw-base35 vollkorn yanone-kaffeesatz"
)
PACKAGES = tuple(f"deb:fonts-{name}" for name in _NAMES.split())
SYMBOL_FONTS = ("dingbat", "symbol", "math", "music", "opens", "d050000l")


def _files(fetcher: Fetcher) -> Iterator[Path]:
    for package in PACKAGES:
        fonts = fetcher.folder(package) / "usr/share/fonts"
        for path in sorted((*fonts.rglob("*.ttf"), *fonts.rglob("*.otf"))):
            if path.is_file() and not path.is_symlink() and not any(word in path.stem.lower() for word in SYMBOL_FONTS):
                yield path


def draw_text(font: ImageFont.FreeTypeFont, text: str, size: int, rng: np.random.Generator) -> Image.Image | None:
    """Draw dark text on a light ground, scaled to fill most of the image; None if it leaves no ink."""
    left, top, right, bottom = font.getbbox(text)
    if right - left < 4 or bottom - top < 4:
        return None
    mask = Image.new("L", (int(right - left), int(bottom - top)), 0)
    ImageDraw.Draw(mask).text((-left, -top), text, fill=255, font=font)
    scale = size * rng.uniform(0.6, 0.9) / max(mask.size)
    mask = mask.resize([max(1, round(side * scale)) for side in mask.size], Image.Resampling.LANCZOS)
    image = Image.new("L", (size, size), int(rng.integers(200, 256)))
    corner = [int(rng.integers(0, size - side + 1)) for side in mask.size]
    image.paste(int(rng.integers(0, 70)), (corner[0], corner[1]), mask)
    return image


def _open(path: Path, height: int) -> ImageFont.FreeTypeFont | None:
    """Open a font; None if it does not draw the letters differently from one another."""
    try:
        font = ImageFont.truetype(path, height)
        masks = {bytes(font.getmask(letter)) for letter in string.ascii_uppercase}
    except OSError:
        return None
    return font if len(masks) == len(string.ascii_uppercase) else None


def _letters(per_font: int, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for path in _files(fetcher):
        if font := _open(path, max(64, size)):
            for index in rng.permutation(26)[:per_font]:
                letter = string.ascii_uppercase[index]
                if image := draw_text(font, letter, size, rng):
                    yield Sample(letter, image, str(font.getname()[0]))


def _styles(
    labels: dict[str, str], per_font: int, fetcher: Fetcher, size: int, rng: np.random.Generator
) -> Iterator[Sample]:
    """Yield pairs of letters in the styles that are keys of ``labels``, of the type families that have both.

    A family of one style calls it regular however heavy or slanted it is.
    """
    families: dict[str, list[tuple[str, ImageFont.FreeTypeFont]]] = defaultdict(list)
    for path in _files(fetcher):
        font = _open(path, max(64, size))
        if font and (label := labels.get(str(font.getname()[1]))):
            families[str(font.getname()[0])].append((label, font))
    for family, fonts in families.items():
        if len({label for label, _ in fonts}) == 2:
            for label, font in fonts:
                for _ in range(per_font):
                    text = "".join(rng.choice(list(string.ascii_letters), 2))
                    if image := draw_text(font, text, size, rng):
                        yield Sample(label, image, family)


_of_fonts = functools.partial(
    DatasetSpec,
    group="fonts",
    source="free fonts packaged by Debian",
    licence="free licences, mostly the SIL Open Font License; one per package",
    packages=PACKAGES,
)

SPECS = (
    _of_fonts(
        name="font-letters",
        labels="the capital letter; type families in evaluation are not in training",
        img_size=32,
        n_train=4000,
        n_eval=1000,
        samples=functools.partial(_letters, 12),
    ),
    _of_fonts(
        name="font-letters-few",
        labels="the capital letter; type families in evaluation are not in training",
        img_size=32,
        n_train=520,
        n_eval=1000,
        samples=functools.partial(_letters, 12),
        family="font-letters",
    ),
    _of_fonts(
        name="font-letters-large",
        labels="the capital letter; type families in evaluation are not in training",
        img_size=128,
        n_train=3000,
        n_eval=500,
        samples=functools.partial(_letters, 12),
    ),
    _of_fonts(
        name="font-bold",
        labels="whether two letters are bold or regular; type families in evaluation are not in training",
        img_size=32,
        n_train=1500,
        n_eval=1000,
        samples=functools.partial(_styles, {"Bold": "bold", "Regular": "regular", "Book": "regular"}, 12),
    ),
    _of_fonts(
        name="font-slant",
        labels="whether two letters are upright or slanted; type families in evaluation are not in training",
        img_size=32,
        n_train=800,
        n_eval=1000,
        samples=functools.partial(
            _styles, {"Italic": "slanted", "Oblique": "slanted", "Regular": "upright", "Book": "upright"}, 16
        ),
    ),
)
