"""Solids lit from one side, drawn by marching rays to their signed distance functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from advisor._meta_data.sources.drawn import Pixels, drawn

Points = NDArray[np.float64]


def _box(p: Points, half: tuple[float, float, float]) -> Points:
    q = np.abs(p) - half
    return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)


def _cylinder(p: Points) -> Points:
    side, cap = np.hypot(p[..., 0], p[..., 2]) - 0.6, np.abs(p[..., 1]) - 0.75
    return np.minimum(np.maximum(side, cap), 0) + np.hypot(np.maximum(side, 0), np.maximum(cap, 0))


def _cone(p: Points) -> Points:
    side = (np.hypot(p[..., 0], p[..., 2]) * 2 + p[..., 1] - 0.9) / np.sqrt(5)
    return np.maximum(side, -0.8 - p[..., 1])


def _torus(p: Points) -> Points:
    return np.hypot(np.hypot(p[..., 0], p[..., 2]) - 0.65, p[..., 1]) - 0.28


def _capsule(p: Points) -> Points:
    along = np.clip(p[..., 1], -0.6, 0.6)
    return np.sqrt(p[..., 0] ** 2 + (p[..., 1] - along) ** 2 + p[..., 2] ** 2) - 0.4


def _octahedron(p: Points) -> Points:
    return (np.abs(p).sum(axis=-1) - 1.05) / np.sqrt(3)


def _tetrahedron(p: Points) -> Points:
    x, y, z = np.moveaxis(p, -1, 0)
    return (np.max([x + y - z, -x - y - z, -x + y + z, x - y + z], axis=0) - 0.65) / np.sqrt(3)


# By formulas of Inigo Quilez, https://iquilezles.org/articles/distfunctions/
SOLIDS: dict[str, Callable[[Points], Points]] = {
    "capsule": _capsule,
    "cone": _cone,
    "cube": lambda p: _box(p, (0.62, 0.62, 0.62)),
    "cylinder": _cylinder,
    "octahedron": _octahedron,
    "plate": lambda p: _box(p, (0.85, 0.15, 0.6)),
    "sphere": lambda p: np.linalg.norm(p, axis=-1) - 0.8,
    "tetrahedron": _tetrahedron,
    "torus": _torus,
}
LIGHTS = 8


def _turn(rng: np.random.Generator) -> Points:
    """Return a random rotation."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def _render(
    distance: Callable[[Points], Points], light: Points, noise: float, size: int, rng: np.random.Generator
) -> Pixels:
    scale, turn = rng.uniform(1.15, 1.7), _turn(rng)
    axis = np.linspace(-scale, scale, size)
    shift = rng.uniform(-0.25, 0.25, 2) * (scale - 1)
    rays = np.stack([*np.meshgrid(axis - shift[0], axis - shift[1]), np.full((size, size), 2.0)], axis=-1)
    for _ in range(28):
        rays[..., 2] -= distance(rays @ turn)
    near = rays[..., 2] > -2.0
    hit = near & (np.abs(distance(rays @ turn)) < 0.02)
    step = 1e-3 * np.eye(3)
    normal = np.stack([distance((rays + e) @ turn) - distance((rays - e) @ turn) for e in step], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
    shade = 0.25 + 0.75 * np.maximum(0, normal @ light)[..., None]
    ink, ground = rng.uniform(90, 255, 3), rng.uniform(0, 200, 3)
    slope = (axis[:, None] * rng.normal() + axis * rng.normal())[..., None] * 15
    return np.where(hit[..., None], ink * shade, ground + slope) + rng.normal(0, noise, (size, size, 3))


def _light(angle: float) -> Points:
    """Return the direction towards a light that stands half in front of the solid; ``angle`` is in the image."""
    return np.array([np.cos(angle), np.sin(angle), 1.0]) / np.sqrt(2)


def _by_kind(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    return _render(list(SOLIDS.values())[index], _light(rng.uniform(0, 2 * np.pi)), noise, size, rng)


def _by_light(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    solid = list(SOLIDS.values())[int(rng.integers(len(SOLIDS)))]
    return _render(solid, _light(2 * np.pi * (index + rng.uniform(-0.3, 0.3)) / LIGHTS), noise, size, rng)


_ANGLES = tuple(f"{360 * index // LIGHTS:03d}" for index in range(LIGHTS))

SPECS = (
    drawn("solids-kind", "the solid", _by_kind, tuple(SOLIDS), 5, img_size=64, n_train=900),
    drawn("solids-kind-noisy", "the solid, under noise", _by_kind, tuple(SOLIDS), 40, img_size=32, n_train=2700),
    drawn("solids-kind-large", "the solid", _by_kind, tuple(SOLIDS), 5, img_size=128, n_train=180, n_eval=450),
    drawn("solids-light", "where the light comes from, of eight", _by_light, _ANGLES, 15, img_size=48, n_train=320),
)
