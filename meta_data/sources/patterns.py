"""Repeating patterns: families of texture drawn by rule, and the symmetries of wallpapers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from advisor._meta_data.sources.drawn import Pixels, drawn


def _cells(x: Pixels, y: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Return the distances to the nearest and the second nearest of random points."""
    points = rng.uniform(-0.1, 1.1, (int(rng.integers(15, 30)), 2))
    distances = np.sort(np.hypot(x[..., None] - points[:, 0], y[..., None] - points[:, 1]), axis=-1)
    return distances[..., 0], distances[..., 1]


def _cracks(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    nearest, second = _cells(x, y, rng)
    return np.minimum(1, (second - nearest) * 12)


def _spots(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    return np.minimum(1, _cells(x, y, rng)[0] * 7)


def _clouds(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    total = np.zeros_like(x)
    for _ in range(24):
        fx, fy = rng.normal(0, 4, 2)
        total += np.sin(2 * np.pi * (fx * x + fy * y) + rng.uniform(0, 2 * np.pi)) / (1 + np.hypot(fx, fy))
    return 0.5 + total / (6 * total.std())


def _marble(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    return 0.5 + 0.5 * np.sin(2 * np.pi * (rng.uniform(2, 4) * x + 1.2 * _clouds(x, y, rng)))


def _rings(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    radius = np.hypot(x - rng.uniform(-0.2, 1.2), y - rng.uniform(-0.2, 1.2))
    return 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(5, 9) * (radius + 0.04 * _clouds(x, y, rng)))


def _bricks(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    rows = rng.uniform(5, 8)
    row = np.floor(y * rows)
    across = x * rows / 2 + 0.5 * (row % 2) + rng.uniform()
    mortar = (np.abs(y * rows % 1 - 0.5) > 0.42) | (np.abs(across % 1 - 0.5) > 0.46)
    shade = rng.uniform(0.4, 1, (40, 40))[row.astype(int) % 40, np.floor(across).astype(int) % 40]
    return np.where(mortar, 0.1, shade)


def _tiles(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    count = rng.uniform(4, 8)
    return (np.floor(x * count + rng.uniform()) + np.floor(y * count + rng.uniform())) % 2


def _weave(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    count = rng.uniform(5, 8)
    over = (np.floor(x * count) + np.floor(y * count)) % 2
    return np.where(over, np.sin(np.pi * (x * count % 1)), np.sin(np.pi * (y * count % 1)))


def _dotted(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    count = rng.uniform(4, 8)
    shifted = x * count + 0.5 * (np.floor(y * count) % 2)
    return (np.hypot(shifted % 1 - 0.5, y * count % 1 - 0.5) > rng.uniform(0.2, 0.35)).astype(float)


def _plaid(x: Pixels, y: Pixels, rng: np.random.Generator) -> Pixels:
    threads = rng.uniform(0, 1, 7)
    count = rng.uniform(10, 16)
    return (threads[np.floor(x * count).astype(int) % 7] + threads[np.floor(y * count).astype(int) % 7]) / 2


FAMILIES: dict[str, Callable[[Pixels, Pixels, np.random.Generator], Pixels]] = {
    "bricks": _bricks,
    "clouds": _clouds,
    "cracks": _cracks,
    "dotted": _dotted,
    "marble": _marble,
    "plaid": _plaid,
    "rings": _rings,
    "spots": _spots,
    "tiles": _tiles,
    "weave": _weave,
}
SYMMETRIES = ("p1", "p2", "p4", "p4m", "pg", "pm", "pmm")


def _coloured(share: Pixels, noise: float, rng: np.random.Generator) -> Pixels:
    dark, light = rng.uniform(0, 120, 3), rng.uniform(120, 255, 3)
    return dark + np.clip(share, 0, 1)[..., None] * (light - dark) + rng.normal(0, noise, (*share.shape, 3))


def _family(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    angle = rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size))
    across = 1 + x * np.cos(angle) - y * np.sin(angle)
    along = 1 + x * np.sin(angle) + y * np.cos(angle)
    centred = (x, y) if index in (2, 6, 7) else (across, along)
    return _coloured(list(FAMILIES.values())[index](*centred, rng), noise, rng)


def _symmetry(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    """Repeat a random motif by the generators of one of the seven wallpaper groups."""
    small = int(rng.integers(size // 8, size // 5))
    motif = rng.uniform(size=(small, small))
    for _ in range(2):
        motif = (motif + np.roll(motif, 1, 0) + np.roll(motif, 1, 1)) / 3
    motif = (motif - motif.min()) / np.ptp(motif)
    turned, flipped = np.rot90(motif, 2), motif[:, ::-1]
    cell = {
        "p1": lambda: motif,
        "p2": lambda: np.hstack([motif, turned]),
        "p4": lambda: np.block([[motif, np.rot90(motif, 3)], [np.rot90(motif), turned]]),
        "p4m": lambda: _mirrored((motif + motif.T) / 2),
        "pg": lambda: np.vstack([motif, flipped]),
        "pm": lambda: np.hstack([motif, flipped]),
        "pmm": lambda: _mirrored(motif),
    }[SYMMETRIES[index]]()
    wall = np.tile(cell, (size // small + 2, size // small + 2))
    top, left = rng.integers(0, cell.shape[0]), rng.integers(0, cell.shape[1])
    window = np.rot90(wall[top : top + size, left : left + size], int(rng.integers(4)))
    return 255 * window + rng.normal(0, noise, window.shape)


def _mirrored(motif: Pixels) -> Pixels:
    half = np.hstack([motif, motif[:, ::-1]])
    return np.vstack([half, half[::-1]])


SPECS = (
    drawn("patterns-family", "the family of patterns", _family, tuple(FAMILIES), 10, img_size=48, n_train=500),
    drawn(
        "patterns-family-tail",
        "the family of patterns, under noise; the first is thirty times as frequent as the last",
        _family,
        tuple(FAMILIES),
        50,
        img_size=32,
        n_train=2000,
        tail=30,
    ),
    drawn(
        "patterns-family-large",
        "the family of patterns",
        _family,
        tuple(FAMILIES),
        30,
        img_size=128,
        n_train=100,
        n_eval=400,
    ),
    drawn("patterns-symmetry", "the group of symmetries", _symmetry, SYMMETRIES, 10, img_size=48, n_train=2100),
)
