"""Letters of the world's scripts, Chinese characters and Korean syllables, in free fonts."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import ImageFont

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.fonts import draw_text

NOTO = "deb:fonts-noto-core"
NOTO_CJK = ("deb:fonts-noto-cjk", "deb:fonts-noto-cjk-extra")
CHINESE = (
    "deb:fonts-arphic-gbsn00lp", "deb:fonts-arphic-gkai00mp", "deb:fonts-arphic-ukai", "deb:fonts-arphic-uming",
    "deb:fonts-wqy-microhei", "deb:fonts-wqy-zenhei", *NOTO_CJK,
)  # fmt: skip
KOREAN = ("deb:fonts-unfonts-core", "deb:fonts-nanum", *NOTO_CJK)
SCRIPT_FONT = re.compile(r"Noto(?:Sans|Serif)([A-Z]\w+)-Regular")
NO_SCRIPT = re.compile(r"Symbols|Math|Display|Music|SignWriting|Tifinagh\w+|Supplement|Slanted|Unjoined|Numbers|CJK")
LIVING = (
    "Arabic", "Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati", "Gurmukhi", "Hebrew", "Kannada",
    "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu", "Thai", "Tibetan",
)  # fmt: skip
MIN_LETTERS = 30
STYLES = {
    "gbsn": "song",
    "uming": "song",
    "gkai": "kai",
    "ukai": "kai",
    "wqy": "hei",
    "NotoSans": "hei",
    "NotoSerif": "song",
}
GB2312_FIRST_LEVEL = range(0xB0A1, 0xD7FA)
HANGUL = range(0xAC00, 0xD7A4)


def _faces(fetcher: Fetcher, packages: tuple[str, ...]) -> Iterator[Path]:
    for package in packages:
        fonts = fetcher.folder(package) / "usr/share/fonts"
        for path in sorted(fonts.rglob("*.[to]t[fc]")):
            if path.is_file() and not path.is_symlink():
                yield path


def _covered(path: Path) -> set[int]:
    """Return the code points a font has glyphs for."""
    from fontTools.ttLib import TTFont

    return set(TTFont(path, fontNumber=0, lazy=True).getBestCmap())


def _alphabets(fetcher: Fetcher) -> dict[str, list[tuple[Path, list[str]]]]:
    """Return for each script its fonts and the letters each of them has beyond those of the Latin font."""
    faces = list(_faces(fetcher, (NOTO,)))
    common = next(_covered(path) for path in faces if path.stem == "NotoSans-Regular")
    alphabets: dict[str, list[tuple[Path, list[str]]]] = defaultdict(list)
    for path in faces:
        found = SCRIPT_FONT.fullmatch(path.stem)
        if found and not NO_SCRIPT.search(found[1]):
            letters = sorted(chr(code) for code in _covered(path) - common if unicodedata.category(chr(code))[0] == "L")
            if len(letters) >= MIN_LETTERS:
                alphabets[found[1]].append((path, letters))
    return dict(sorted(alphabets.items()))


def _words(per_script: int, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield three letters in a row; the letters of a script are divided, so that no letter is on both sides."""
    alphabets = _alphabets(fetcher)
    for script in LIVING:
        path, letters = alphabets[script][0]
        font = ImageFont.truetype(path, max(48, size))
        parts = np.array_split(rng.permutation(letters), 4)
        for number in range(per_script):
            part = number % len(parts)
            if image := draw_text(font, "".join(rng.choice(parts[part], 3)), size, rng):
                yield Sample(script, image, f"part {part}")


def _letters(per_script: int, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    for script, fonts in _alphabets(fetcher).items():
        path, letters = fonts[0]
        font = ImageFont.truetype(path, max(48, size))
        for letter in rng.permutation(letters)[:per_script]:
            if image := draw_text(font, letter, size, rng):
                yield Sample(script.lower(), image, letter)


def _characters(
    packages: tuple[str, ...],
    pool: list[int],
    count: int,
    per_face: int,
    fetcher: Fetcher,
    size: int,
    rng: np.random.Generator,
) -> Iterator[Sample]:
    """Yield characters that every face has; a family of faces belongs to one split."""
    faces = list(_faces(fetcher, packages))
    everywhere = sorted(set(pool).intersection(*map(_covered, faces)))
    chosen = [everywhere[index] for index in np.linspace(0, len(everywhere) - 1, count).astype(int)]
    for path in faces:
        font = ImageFont.truetype(path, max(48, size))
        for code in chosen:
            for _ in range(per_face):
                if image := draw_text(font, chr(code), size, rng):
                    yield Sample(f"U+{code:04X}", image, re.sub(r"(Bold|Light|Dinaru|R|B|-\w+)$", "", path.stem))


def _styles(count: int, fetcher: Fetcher, size: int, rng: np.random.Generator) -> Iterator[Sample]:
    faces = [path for path in _faces(fetcher, CHINESE) if "Sans" not in path.stem or "Regular" in path.stem]
    codes = sorted(set(_common_characters()).intersection(*map(_covered, faces)))
    for path in faces:
        font = ImageFont.truetype(path, max(48, size))
        style = next(style for prefix, style in STYLES.items() if path.stem.startswith(prefix))
        for index in rng.permutation(len(codes))[:count]:
            if image := draw_text(font, chr(codes[index]), size, rng):
                yield Sample(style, image, chr(codes[index]))


def _common_characters() -> list[int]:
    """Return the 3,755 most common Chinese characters: the first level of GB 2312."""
    pairs = (code.to_bytes(2, "big") for code in GB2312_FIRST_LEVEL if code & 0xFF >= 0xA1 and code & 0xFF != 0xFF)
    return [ord(text) for pair in pairs if (text := pair.decode("gb2312", errors="ignore"))]


_spec = functools.partial(DatasetSpec, source="free fonts packaged by Debian", licence="SIL OFL 1.1, GPL-2 or Arphic")

SPECS = (
    _spec(
        name="scripts-living",
        group="scripts",
        labels="the script of three letters; letters in evaluation are not in training",
        img_size=48,
        n_train=1200,
        n_eval=1000,
        samples=functools.partial(_words, 160),
        packages=(NOTO,),
    ),
    _spec(
        name="scripts-living-large",
        group="scripts",
        labels="the script of three letters; letters in evaluation are not in training",
        img_size=128,
        n_train=300,
        n_eval=400,
        samples=functools.partial(_words, 60),
        packages=(NOTO,),
    ),
    _spec(
        name="scripts-all",
        group="scripts",
        labels="the script of a letter; evaluation letters are not in training; as many as a script has, up to 200",
        img_size=32,
        n_train=5000,
        n_eval=2500,
        samples=functools.partial(_letters, 200),
        packages=(NOTO,),
    ),
    _spec(
        name="cjk-characters",
        group="cjk",
        labels="the Chinese character; typefaces in evaluation are not in training",
        img_size=32,
        n_train=6000,
        n_eval=2000,
        samples=functools.partial(_characters, CHINESE, _common_characters(), 200, 2),
        packages=CHINESE,
    ),
    _spec(
        name="cjk-syllables",
        group="cjk",
        labels="the Korean syllable; typefaces in evaluation are not in training; one training label in seven is wrong",
        img_size=28,
        n_train=1500,
        n_eval=1000,
        samples=functools.partial(_characters, KOREAN, list(HANGUL), 40, 2),
        packages=KOREAN,
        label_noise=0.15,
    ),
    _spec(
        name="cjk-styles",
        group="cjk",
        labels="the style: hei (even), kai (brush) or song (print); evaluation characters are not in training",
        img_size=40,
        n_train=300,
        n_eval=1000,
        samples=functools.partial(_styles, 110),
        packages=CHINESE,
    ),
    _spec(
        name="cjk-styles-large",
        group="cjk",
        labels="the style: hei (even), kai (brush) or song (print); evaluation characters are not in training",
        img_size=128,
        n_train=100,
        n_eval=400,
        samples=functools.partial(_styles, 70),
        packages=CHINESE,
    ),
)
