"""What identifies a dataset: the content of its files and their classes, not where they lie or how they are listed."""

from __future__ import annotations

import hashlib
import io
import os
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from advisor.describe.sources.pixels import digest_of_classes, digest_of_files, digest_of_pixels

if TYPE_CHECKING:
    from advisor.describe.sample import Progress
    from advisor.describe.sources.images import ImageDataset, Split

EDGE = 4096
"""Bytes read from the beginning and the end of each file."""
MAX_FILES = 100_000
"""Up to here every file is read; above it, this many files chosen by a digest of their names."""
_WORKERS = 8
"""Threads that read; they wait for the disk most of the time."""


_IMAGE_STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"GIF8",
    b"RIFF",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"P4",
    b"P5",
    b"P6",
    b"\0\0\0",
    b"\xff\x4f",
)
"""First bytes of JPEG, PNG, GIF, WebP, BMP, TIFF (both orders), PPM, AVIF and JPEG 2000 (both kinds)."""
_MAX_NAMES = 1000


class Kept(IntEnum):
    """What a packing keeps of images: their pixels, their files in numbered classes, or their files in named ones."""

    PIXELS = 0
    FILES = 1
    NAMES = 2


@dataclass(frozen=True)
class Fingerprint:
    """The identity of a dataset and what reading every file once has shown besides.

    Attributes
    ----------
    dataset_id : str
        32 hexadecimal digits.
    duplicates : int
        Training files that repeat another training file.
    conflicts : int
        Training files that repeat one of another class.
    leaked : int
        Validation files that are also training files.
    n_read : int
        Files these counts rest on.
    n_broken : int
        Files of these that are empty, cannot be opened or begin like no image.
    broken : tuple of (str, str)
        Path and reason of the first thousand of them.
    kept : Kept
        What its packing keeps of the images.
    nameless : tuple of str
        Digests by which the same images are known in packings that keep less: of the files, and of the pixels unless
        that takes long. Which images share a class counts for them, not what it is called.
    """

    dataset_id: str
    duplicates: int
    conflicts: int
    leaked: int
    n_read: int
    n_broken: int
    broken: tuple[tuple[str, str], ...]
    kept: int
    nameless: tuple[str, ...]


class _Content(NamedTuple):
    """What reading one image has shown: the digest of its content, its fault or "", and whether it is a file."""

    digest: bytes
    fault: str
    is_file: bool


class _File(NamedTuple):
    """An image that was read: its label, and its path if it has a fault."""

    content: _Content
    label: int
    path: str


def take_fingerprint(dataset: ImageDataset, progress: Progress | None = None) -> Fingerprint:
    """Return the fingerprint of a dataset: a digest of the sorted digests of its files.

    Of images that are no files, the digest of their pixels, whatever their classes are called.
    A file's digest covers its role (training or validation), the name of its class, its size and its first and last
    ``EDGE`` bytes. Above ``MAX_FILES`` files, the exact counts of all classes and the digests of a fixed sample:
    the files whose names (class and file, not the folders above) have the smallest digests.

    Parameters
    ----------
    dataset : ImageDataset
        The dataset; files that vanished or cannot be read count as unreadable.
    progress : callable, optional
        Called as (stage, done, total).

    Returns
    -------
    Fingerprint
    """
    total = sum(len(split) for split in dataset.splits)
    whole = hashlib.blake2b(digest_size=16)
    digests: list[bytes] = []
    files: list[list[_File]] = []
    for role, split in zip(("train", "eval"), dataset.splits, strict=False):
        classes = [normal(name) for name in split.classes]
        chosen = range(len(split)) if total <= MAX_FILES else _fixed_sample(split, total)
        files.append(_read_files(split, chosen, progress))
        digests += [_digest(role, classes[file.label]) + file.content.digest for file in files[-1]]
        if total > MAX_FILES:
            for name, count in sorted(zip(classes, split.counts().tolist(), strict=True)):
                whole.update(_digest(role, name, str(count)))
    for digest in sorted(digests):
        whole.update(digest)
    broken = [(file.path, file.content.fault) for part in files for file in part if file.content.fault]
    kept = _kept(dataset, files)
    nameless: tuple[str, ...] = ()
    if total <= MAX_FILES:
        of_contents = digest_of_classes([[(file.label, file.content.digest) for file in part] for part in files])
        of_pixels = None if kept is Kept.PIXELS else digest_of_files(dataset)
        nameless = tuple(filter(None, (of_contents, of_pixels)))
    return Fingerprint(
        nameless[0] if kept is Kept.PIXELS and nameless else whole.hexdigest(),
        *_repeats(files),
        n_read=len(digests),
        n_broken=len(broken),
        broken=tuple(broken[:_MAX_NAMES]),
        kept=kept,
        nameless=nameless,
    )


def _kept(dataset: ImageDataset, files: list[list[_File]]) -> Kept:
    if not any(file.content.is_file for part in files for file in part):
        return Kept.PIXELS
    return Kept.FILES if all(name.isdecimal() for name in dataset.classes) else Kept.NAMES


def _read_files(split: Split, chosen: Sequence[int], progress: Progress | None) -> list[_File]:
    files = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        for index, content in zip(chosen, pool.map(lambda i: _read(split, i), chosen), strict=True):
            files.append(_File(content, int(split.labels[index]), split.path(index) if content.fault else ""))
            if progress is not None and len(files) % 64 == 0:
                progress("reading", len(files), len(chosen))
    return files


def _repeats(files: list[list[_File]]) -> tuple[int, int, int]:
    """Return the numbers of repeated training files, of those with another class, and of leaked validation files."""
    first_label: dict[bytes, int] = {}
    sound = [[(file.content.digest, file.label) for file in part if not file.content.fault] for part in files]
    conflicts = sum(first_label.setdefault(digest, label) != label for digest, label in sound[0])
    leaked = sum(digest in first_label for part in sound[1:] for digest, _ in part)
    return len(sound[0]) - len(first_label), conflicts, leaked


def normal(name: str) -> str:
    """Return a name in Unicode's composed form: file systems store the same name in different forms."""
    return unicodedata.normalize("NFC", name)


def _fixed_sample(split: Split, total: int) -> list[int]:
    share = max(1, MAX_FILES * len(split) // total)
    keys = np.fromiter(
        (int.from_bytes(_digest(os.path.basename(path), normal(label))[:8], "big") for path, label in split),
        dtype=np.uint64,
        count=len(split),
    )
    return np.sort(np.argsort(keys, kind="stable")[:share]).tolist()  # type: ignore[no-any-return]


def _read(split: Split, index: int) -> _Content:
    """Return what is seen of one image: a file's size, beginning and end, or the pixels of what is none."""
    try:
        opened = split.open(index)
        if isinstance(opened, Image.Image):
            return _Content(digest_of_pixels(opened)[0], "", False)
        with opened:
            size, edges = _edges(opened)
    except OSError as error:
        return _Content(_digest("unreadable"), error.strerror or str(error), False)
    fault = "" if edges.startswith(_IMAGE_STARTS) else "no image of a known format" if size else "the file is empty"
    return _Content(_digest(str(size), edges), fault, True)


def _edges(stream: BinaryIO) -> tuple[int, bytes]:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(EDGE)
    stream.seek(max(0, size - EDGE))
    return size, head + stream.read(EDGE)


def _digest(*parts: str | bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
