"""Fractals: Julia sets around fixed parameters, and attractors of random affine maps."""

from __future__ import annotations

import numpy as np

from advisor._meta_data.sources.drawn import Pixels, drawn

JULIA = (-0.4 + 0.6j, 0.285 + 0.01j, -0.835 - 0.2321j, -0.7269 + 0.1889j, -0.8 + 0.156j, 0.37 + 0.1j, -0.1 + 0.651j, 1j)
STEPS = 40
IFS_CLASSES = 100
IFS_POINTS = 6000


def _julia(index: int, jitter: float, size: int, rng: np.random.Generator) -> Pixels:
    """Colour the plane by how soon z*z + c escapes, turned and zoomed at random."""
    c = JULIA[index] + complex(*rng.normal(0, jitter, 2))
    axis = np.linspace(-1, 1, size) * rng.uniform(0.7, 1.5)
    z = (axis[:, None] * 1j + axis) * np.exp(1j * rng.uniform(0, 2 * np.pi)) + complex(*rng.uniform(-0.2, 0.2, 2))
    escaped = np.full(z.shape, float(STEPS))
    for step in range(STEPS):
        z = np.where(np.abs(z) < 4, z * z + c, z)
        escaped = np.where((np.abs(z) >= 4) & (escaped == STEPS), step, escaped)
    shade = np.sqrt(escaped / STEPS)[..., None]
    dark, light = rng.uniform(0, 110, 3), rng.uniform(140, 255, 3)
    return dark + shade * (light - dark) + rng.normal(0, 6, (size, size, 3))


def _ifs(index: int, jitter: float, size: int, rng: np.random.Generator) -> Pixels:
    """Draw the attractor of the class's three or four contracting maps, their coefficients jittered."""
    own = np.random.default_rng([2026, index])
    count = int(own.integers(3, 5))
    linear, shift = own.uniform(-0.7, 0.7, (count, 2, 2)), own.uniform(-1, 1, (count, 2))
    linear /= np.maximum(1, np.linalg.norm(linear, 2, axis=(1, 2)) / 0.75)[:, None, None]
    linear, shift = linear + rng.normal(0, jitter, linear.shape), shift + rng.normal(0, jitter, shift.shape)
    points = np.zeros((IFS_POINTS // 20, 2))
    visited = []
    for step in range(40):
        chosen = rng.integers(count, size=len(points))
        points = np.einsum("nij,nj->ni", linear[chosen], points) + shift[chosen]
        if step >= 20:
            visited.append(points)
    cloud = np.concatenate(visited)
    if rng.uniform() < 0.5:
        cloud = cloud * [-1, 1]
    low, high = np.percentile(cloud, [0.5, 99.5], axis=0)
    margin = rng.uniform(1.05, 1.5)
    unit = 0.5 + (cloud - (low + high) / 2) / (margin * (high - low).max()) + rng.uniform(-0.02, 0.02, 2)
    counts, _, _ = np.histogram2d(unit[:, 1], unit[:, 0], bins=size, range=[[0, 1], [0, 1]])
    return 255 * np.minimum(1, counts / max(1.0, np.percentile(counts[counts > 0], 80)))


_PARAMETERS = tuple(f"c{index}" for index in range(len(JULIA)))
_SYSTEMS = tuple(f"system-{index:03d}" for index in range(IFS_CLASSES))

SPECS = (
    drawn("fractals-julia", "the parameter of the Julia set", _julia, _PARAMETERS, 0.02, img_size=48, n_train=400),
    drawn(
        "fractals-julia-large",
        "the parameter of the Julia set",
        _julia,
        _PARAMETERS,
        0.02,
        img_size=128,
        n_train=160,
        n_eval=400,
    ),
    drawn("fractals-attractors", "the system of maps", _ifs, _SYSTEMS, 0.03, img_size=32, n_train=5000, n_eval=2000),
    drawn(
        "fractals-attractors-tail",
        "the system of maps; the first is fifty times as frequent as the last",
        _ifs,
        _SYSTEMS[:40],
        0.06,
        img_size=32,
        n_train=2000,
        tail=50,
    ),
)
