"""Images drawn by rule, with a dial for how hard they are: shapes, gratings, textures, numbers of dots."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher

Pixels = NDArray[np.float64]
SHAPES = ("circle", "cross", "hexagon", "square", "star", "triangle")
ORIENTATIONS = 8
EXPONENTS = (0.5, 1.0, 1.5, 2.0, 2.5)


def _polygon(shape: str) -> list[complex]:
    """Return the corners of a shape of radius 1 around 0."""
    if shape == "star":
        radii, count = (1.0, 0.45), 10
    elif shape == "cross":
        arm = [1 + 0.3j, 0.3 + 0.3j, 0.3 + 1j]
        return [corner * 1j**turn for turn in range(4) for corner in arm]
    else:
        radii, count = (1.0, 1.0), {"circle": 40, "hexagon": 6, "square": 4, "triangle": 3}[shape]
    return [radii[i % 2] * np.exp(2j * np.pi * i / count) for i in range(count)]


def _shape(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    fine = 4 * size
    ground, ink = rng.uniform(0, 255, (2, 3))
    while abs(ground - ink).max() < 60:
        ink = rng.uniform(0, 255, 3)
    radius = rng.uniform(0.2, 0.42) * fine
    centre = complex(*rng.uniform(radius, fine - radius, 2))
    turn = radius * np.exp(1j * rng.uniform(0, 2 * np.pi))
    corners = [centre + turn * corner for corner in _polygon(SHAPES[index])]
    mask = Image.new("L", (fine, fine), 0)
    ImageDraw.Draw(mask).polygon([(corner.real, corner.imag) for corner in corners], fill=255)
    share = np.asarray(mask.resize((size, size), Image.Resampling.BOX), dtype=float)[..., None] / 255
    return ground + share * (ink - ground) + rng.normal(0, noise, (size, size, 3))


def _grating(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    angle = np.pi * (index + rng.uniform(-0.35, 0.35)) / ORIENTATIONS
    y, x = np.mgrid[:size, :size] / size
    phase = 2 * np.pi * rng.uniform(3, 7) * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 2 * np.pi)
    return 128 + rng.uniform(25, 60) * np.sin(phase) + rng.normal(0, noise, (size, size))


def _texture(index: int, jitter: float, size: int, rng: np.random.Generator) -> Pixels:
    """Draw noise whose amplitude falls with the frequency to the power of the class's exponent, plus jitter."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(rng.normal(size=(size, size))) * frequency ** -(EXPONENTS[index] + rng.normal(0, jitter))
    spectrum[0, 0] = 0
    field = np.fft.ifft2(spectrum).real
    return 128 + 45 * (field - field.mean()) / field.std()


def _dots(index: int, noise: float, size: int, rng: np.random.Generator) -> Pixels:
    """Draw one dot more than ``index``, apart from each other, of different sizes and brightness."""
    y, x = np.mgrid[:size, :size]
    pixels = np.full((size, size), rng.uniform(20, 90))
    placed: list[tuple[float, float, float]] = []
    while len(placed) <= index:
        radius = rng.uniform(0.05, 0.1) * size
        row, column = rng.uniform(radius, size - radius, 2)
        if all(np.hypot(row - r, column - c) > radius + other + 1 for r, c, other in placed):
            placed.append((row, column, radius))
            pixels += rng.uniform(90, 150) * np.clip(radius + 0.5 - np.hypot(y - row, x - column), 0, 1)
    return pixels + rng.normal(0, noise, (size, size))


def _drawn(
    draw: Callable[[int, float, int, np.random.Generator], Pixels],
    classes: tuple[str, ...],
    hardness: float,
    count: int,
    fetcher: Fetcher,
    size: int,
    rng: np.random.Generator,
) -> Iterator[Sample]:
    for number in range(count):
        index = number % len(classes)
        pixels = draw(index, hardness, size, rng).clip(0, 255).astype("uint8")
        yield Sample(classes[index], Image.fromarray(pixels), str(number))


def _spec(
    name: str,
    labels: str,
    draw: Callable[[int, float, int, np.random.Generator], Pixels],
    classes: tuple[str, ...],
    hardness: float,
    *,
    img_size: int,
    n_train: int,
    n_eval: int = 1000,
    label_noise: float = 0.0,
) -> DatasetSpec:
    return DatasetSpec(
        name=name,
        group=name.partition("-")[0],
        source="drawn by this module",
        licence="Apache-2.0",
        labels=labels,
        img_size=img_size,
        n_train=n_train,
        n_eval=n_eval,
        samples=functools.partial(_drawn, draw, classes, hardness, n_train + n_eval),
        generated=True,
        label_noise=label_noise,
    )


_ANGLES = tuple(f"{180 * index / ORIENTATIONS:05.1f}" for index in range(ORIENTATIONS))
_SLOPES = tuple(f"exponent-{exponent}" for exponent in EXPONENTS)
_COUNTS = tuple(str(count) for count in range(1, 8))

SPECS = (
    _spec("shapes-clean", "the shape", _shape, SHAPES, 5, img_size=32, n_train=600),
    _spec("shapes-noisy", "the shape, under noise", _shape, SHAPES, 45, img_size=32, n_train=3000),
    _spec("gratings-clear", "the direction, of eight", _grating, _ANGLES, 20, img_size=32, n_train=240),
    _spec("gratings-large", "the direction, of eight", _grating, _ANGLES, 90, img_size=128, n_train=80, n_eval=400),
    _spec("gratings-small", "the direction, of eight", _grating, _ANGLES, 60, img_size=16, n_train=10000, n_eval=2000),
    _spec("gratings-faint", "the direction, of eight, under noise", _grating, _ANGLES, 90, img_size=32, n_train=2400),
    _spec(
        "textures-apart", "the slope of the spectrum of frequencies", _texture, _SLOPES, 0.05, img_size=64, n_train=400
    ),
    _spec(
        "textures-apart-large",
        "the slope of the spectrum of frequencies",
        _texture,
        _SLOPES,
        0.15,
        img_size=128,
        n_train=60,
        n_eval=400,
    ),
    _spec("textures-close", "the slope, overlapping", _texture, _SLOPES, 0.3, img_size=48, n_train=1500),
    _spec("dots-few", "the number of dots", _dots, _COUNTS, 10, img_size=32, n_train=700),
    _spec("dots-many", "the number of dots, under noise", _dots, _COUNTS, 30, img_size=48, n_train=3500),
)
