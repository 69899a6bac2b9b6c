"""Signs made for machines and fingers: barcodes, square codes, braille and seven segments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from advisor._meta_data.sources.drawn import Pixels, drawn

EAN_LEFT = (
    "0001101",
    "0011001",
    "0010011",
    "0111101",
    "0100011",
    "0110001",
    "0101111",
    "0111011",
    "0110111",
    "0001011",
)
ITF_WIDE = ("00110", "10001", "01001", "11000", "00101", "10100", "01100", "00011", "10010", "01010")
SEGMENTS = ("abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg")
DOTS = "1 12 14 145 15 124 1245 125 24 245 13 123 134 1345 135 1234 12345 1235 234 2345 136 1236 2456 1346 13456 1356"
BRAILLE = dict(zip("abcdefghijklmnopqrstuvwxyz", DOTS.split(), strict=True))


def _ean(rng: np.random.Generator) -> Pixels:
    """EAN-8: guards, four digits of one parity, four of the other."""
    digits = [EAN_LEFT[int(d)] for d in rng.integers(10, size=8)]
    right = ["".join("10"[int(bit)] for bit in digit) for digit in digits[4:]]
    bits = "101" + "".join(digits[:4]) + "01010" + "".join(right) + "101"
    return np.tile([float(bit) for bit in bits], (40, 1))


def _itf(rng: np.random.Generator) -> Pixels:
    """Interleaved 2 of 5: of a pair of digits one is in the widths of the bars, the other in those of the gaps."""
    bits = "1010"
    for bars, gaps in rng.integers(10, size=(4, 2)):
        for bar, gap in zip(ITF_WIDE[bars], ITF_WIDE[gaps], strict=True):
            bits += "1" * (1 + 2 * int(bar)) + "0" * (1 + 2 * int(gap))
    return np.tile([float(bit) for bit in bits + "11101"], (40, 1))


def _postal(rng: np.random.Generator) -> Pixels:
    """POSTNET: five bars a digit, two of them tall."""
    tall = np.concatenate([rng.permutation([1, 1, 0, 0, 0]) for _ in range(7)])
    code = np.zeros((24, 2 * len(tall)))
    for place, high in enumerate(tall):
        code[0 if high else 14 :, 2 * place] = 1
    return code


def _stacked(rng: np.random.Generator) -> Pixels:
    """Rows of random bars between common guards, in the manner of PDF417."""
    rows = (rng.uniform(size=(12, 40)) < 0.5).astype(float)
    guard = np.tile([1, 1, 1, 1, 0, 1, 0, 1, 0, 0.0], (12, 1))
    return np.kron(np.hstack([guard, rows, guard[:, ::-1]]), np.ones((4, 1)))


def _finder(rng: np.random.Generator) -> Pixels:
    """Random modules with three nested squares at the corners, in the manner of a QR code."""
    code = (rng.uniform(size=(25, 25)) < 0.5).astype(float)
    square = np.pad(np.pad(np.pad(np.ones((3, 3)), 1), 1, constant_values=1), 1)
    for rows, columns in ((slice(0, 8), slice(0, 8)), (slice(0, 8), slice(17, 25)), (slice(17, 25), slice(0, 8))):
        code[rows, columns] = square[0 if rows.start else 1 :, 0 if columns.start else 1 :][:8, :8]
    return code


def _edged(rng: np.random.Generator) -> Pixels:
    """Random modules with a solid and a dotted edge, in the manner of a Data Matrix."""
    code = (rng.uniform(size=(22, 22)) < 0.5).astype(float)
    code[:, 0] = code[-1] = 1
    code[0], code[:, -1] = np.arange(22) % 2 == 0, np.arange(22) % 2 == 1
    return code


def _bullseye(rng: np.random.Generator) -> Pixels:
    """Random modules around nested squares, in the manner of an Aztec code."""
    code = (rng.uniform(size=(23, 23)) < 0.5).astype(float)
    y, x = np.mgrid[:23, :23] - 11
    ring = np.maximum(np.abs(y), np.abs(x))
    return np.where(ring <= 5, ring % 2 == 0, code).astype(float)


KINDS: dict[str, Callable[[np.random.Generator], Pixels]] = {
    "bullseye": _bullseye,
    "ean": _ean,
    "edged": _edged,
    "finder": _finder,
    "interleaved": _itf,
    "postal": _postal,
    "stacked": _stacked,
}


def _placed(code: Pixels, noise: float, size: int, rng: np.random.Generator, tilt: float) -> Pixels:
    """Lay dark signs (1) on light ground (0), turned by up to ``tilt`` degrees, scaled and moved, with noise."""
    ink, paper = rng.uniform(0, 80), rng.uniform(170, 255)
    ground = Image.new("L", (4 * size, 4 * size), 0)
    sign = Image.fromarray((code * 255).astype("uint8"))
    scale = rng.uniform(2.4, 3.6) * size / max(sign.size)
    sign = sign.resize([max(1, round(side * scale)) for side in sign.size], Image.Resampling.NEAREST)
    sign = sign.rotate(rng.uniform(-tilt, tilt), Image.Resampling.BILINEAR, expand=True)
    free = [max(1, 4 * size - side + 1) for side in sign.size]
    ground.paste(sign, tuple(int(rng.integers(side)) for side in free))
    share = np.asarray(ground.resize((size, size), Image.Resampling.BOX), dtype=float) / 255
    return paper + share * (ink - paper) + rng.normal(0, noise, (size, size))


def _kind(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    return _placed(list(KINDS.values())[index](rng), noise, size, rng, tilt=25)


def _braille(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    """Draw a cell of dots, those that are not raised faintly."""
    cell = np.full((26, 18), 0.0)
    raised = list(BRAILLE.values())[index]
    y, x = np.mgrid[:7, :7] - 3
    dot = (np.hypot(y, x) < 3.2).astype(float)
    for number in range(6):
        strength = rng.uniform(0.6, 1) if str(number + 1) in raised else rng.uniform(0, 0.2)
        row, column = 1 + 8 * (number % 3), 1 + 9 * (number // 3)
        cell[row : row + 7, column : column + 7] = strength * dot
    return _placed(cell, noise, size, rng, tilt=12)


def _segment(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    """Draw a digit of seven segments of random width, now and then with one segment dim."""
    glyph = np.zeros((40, 24))
    w = int(rng.integers(3, 6))
    bars = {
        "a": np.s_[:w, 2:22],
        "b": np.s_[2:19, 24 - w :],
        "c": np.s_[21:38, 24 - w :],
        "d": np.s_[40 - w :, 2:22],
        "e": np.s_[21:38, :w],
        "f": np.s_[2:19, :w],
        "g": np.s_[20 - w // 2 : 20 - w // 2 + w, 2:22],
    }
    for letter in SEGMENTS[index]:
        glyph[bars[letter]] = rng.uniform(0.5, 1)
    return _placed(glyph, noise, size, rng, tilt=10)


_DIGITS = tuple("0123456789")

SPECS = (
    drawn("codes-kind", "the kind of code", _kind, tuple(KINDS), 20, img_size=64, n_train=350),
    drawn("codes-kind-large", "the kind of code", _kind, tuple(KINDS), 40, img_size=128, n_train=140, n_eval=420),
    drawn("codes-braille", "the letter", _braille, tuple(BRAILLE), 30, img_size=24, n_train=2600, n_eval=1300),
    drawn(
        "codes-segments",
        "the digit; three training labels in ten are wrong",
        _segment,
        _DIGITS,
        45,
        img_size=16,
        n_train=6000,
        n_eval=2000,
        label_noise=0.3,
    ),
)
