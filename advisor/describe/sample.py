"""A bounded sample of a dataset, decoded: what all features of pictures are computed on."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.describe.sources.decode import THUMBNAIL, Picture, UnreadableImageError, decode, giving_memory_back
from advisor.describe.sources.images import ImageDataset, Labels, Split, printable
from advisor.errors import DatasetError

MAX_TRAIN = 1600
MAX_EVAL = 400
"""Images decoded at most of each split: 2,000 together."""
MAX_CLASSES = 100
"""Of more classes than this, so many are drawn, so that each has images enough to learn something from."""

MAX_WORKERS = 8
"""Threads that decode; what each holds is bounded, so their number bounds the memory."""

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the steps done and the steps in all."""


@dataclass(frozen=True)
class Pictures:
    """The decoded images of one split.

    Attributes
    ----------
    thumbnails : ndarray of uint8, shape (n, 64, 64, 3)
        RGB, squeezed to squares.
    labels : ndarray of int32, shape (n,)
        Index into the classes of the dataset.
    sizes : ndarray of int64, shape (n, 2)
        Width and height in pixels.
    n_bytes : ndarray of int64, shape (n,)
        Size of each file; 0 where the image never was one.
    grey, alpha, rotated : ndarray of bool, shape (n,)
        Whether an image has no colour, has transparency, asks for a rotation.
    """

    thumbnails: NDArray[np.uint8]
    labels: Labels
    sizes: NDArray[np.int64]
    n_bytes: NDArray[np.int64]
    grey: NDArray[np.bool_]
    alpha: NDArray[np.bool_]
    rotated: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Sample:
    """What a feature of a dataset may be computed from.

    Attributes
    ----------
    counts, eval_counts : ndarray of int64, shape (n_classes,)
        Images of each class in the whole dataset.
    train, eval : Pictures
        The decoded samples; ``eval`` is empty if nothing is set apart.
    unreadable : tuple of (str, str)
        Path and reason of each drawn image that cannot be decoded.
    n_drawn : int
        Images drawn, unreadable ones included.
    seed : int
        What made the choice; a feature that needs chance starts from it too.
    """

    counts: NDArray[np.int64]
    eval_counts: NDArray[np.int64]
    train: Pictures
    eval: Pictures
    unreadable: tuple[tuple[str, str], ...]
    n_drawn: int
    seed: int


def draw_sample(dataset: ImageDataset, *, seed: int = 0, progress: Progress | None = None) -> Sample:
    """Return a decoded sample of at most 2,000 images; the same for the same names, labels and seed.

    Raises
    ------
    DatasetError
        If no image, or only images of one class, can be decoded.
    """
    rng = np.random.default_rng(seed)
    classes = np.flatnonzero(dataset.train.counts())
    if len(classes) > MAX_CLASSES:
        classes = np.sort(rng.choice(classes, MAX_CLASSES, replace=False))
    drawn = [_draw(dataset.train, classes, MAX_TRAIN, rng)]
    if dataset.eval is not None:
        drawn.append(_draw(dataset.eval, classes, MAX_EVAL, rng))
    total = sum(map(len, drawn))
    unreadable: list[tuple[str, str]] = []
    pictures: list[Pictures] = []
    done = 0
    # Decoders warn about oddities of single files; the filter is process-wide, so it is set around the threads.
    workers = min(MAX_WORKERS, os.cpu_count() or 1)
    with warnings.catch_warnings(), giving_memory_back(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")
        for split, indices in zip(dataset.splits, drawn, strict=True):
            read: list[tuple[int, Picture]] = []
            for index, result in zip(indices, pool.map(lambda i, s=split: read_picture(s, i), indices), strict=True):
                if isinstance(result, Picture):
                    read.append((int(split.labels[index]), result))
                else:
                    unreadable.append((split.path(index), result))
                done += 1
                if progress is not None:
                    progress("decoding", done, total)
            pictures.append(_stack(read))
    if len(np.unique(pictures[0].labels)) < 2:
        _refuse(dataset, pictures[0], unreadable)
    return Sample(
        counts=dataset.train.counts(),
        eval_counts=dataset.eval.counts() if dataset.eval is not None else np.zeros(len(dataset.classes), np.int64),
        train=pictures[0],
        eval=pictures[1] if len(pictures) > 1 else _stack([]),
        unreadable=tuple(unreadable),
        n_drawn=total,
        seed=seed,
    )


def _draw(split: Split, classes: NDArray[np.int64], limit: int, rng: np.random.Generator) -> list[int]:
    candidates = np.flatnonzero(np.isin(split.labels, classes))
    if len(candidates) > limit:
        candidates = np.sort(rng.choice(candidates, limit, replace=False))
    return candidates.tolist()  # type: ignore[no-any-return]


def read_picture(split: Split, index: int) -> Picture | str:
    """Return image ``index`` decoded, or the reason why it cannot be."""
    try:
        return decode(split.open(index))
    except (OSError, UnreadableImageError) as error:
        return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def _stack(read: list[tuple[int, Picture]]) -> Pictures:
    pictures = [picture for _, picture in read]
    return Pictures(
        thumbnails=np.array([p.thumbnail for p in pictures], np.uint8).reshape(-1, THUMBNAIL, THUMBNAIL, 3),
        labels=np.array([label for label, _ in read], np.int32),
        sizes=np.array([(p.width, p.height) for p in pictures], np.int64).reshape(-1, 2),
        n_bytes=np.array([p.n_bytes for p in pictures], np.int64),
        grey=np.array([p.grey for p in pictures], np.bool_),
        alpha=np.array([p.alpha for p in pictures], np.bool_),
        rotated=np.array([p.rotated for p in pictures], np.bool_),
    )


def _refuse(dataset: ImageDataset, read: Pictures, unreadable: list[tuple[str, str]]) -> None:
    first = f"; the first is {printable(unreadable[0][0])}: {unreadable[0][1]}" if unreadable else ""
    gone = all(reason == os.strerror(errno.ENOENT) for _, reason in unreadable)
    raise DatasetError(
        f"{printable(dataset.name)} has " + ("readable images in one class only" if len(read) else "no readable image"),
        cause=f"{len(unreadable)} images were tried and {'are not there' if gone else 'cannot be decoded'}{first}",
        hint="put the files where they are said to be" if gone else "replace or remove the damaged files",
    )
