"""What identifies a dataset: the content of its files and their classes, not where they lie or how they are listed."""

from __future__ import annotations

import hashlib
import io
import os
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from advisor.describe.images import ImageDataset, Split

EDGE = 4096
"""Bytes read from the beginning and the end of each file."""
MAX_FILES = 100_000
"""Up to here every file is read; above it, this many files chosen by a digest of their names."""
_WORKERS = 8
"""Threads that read; they wait for the disk most of the time."""


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
    """

    dataset_id: str
    duplicates: int
    conflicts: int
    leaked: int
    n_read: int


def take_fingerprint(dataset: ImageDataset) -> Fingerprint:
    """Return the fingerprint of a dataset: a digest of the sorted digests of its files.

    A file's digest covers its role (training or validation), the name of its class, its size and its first and last
    ``EDGE`` bytes. Above ``MAX_FILES`` files, the exact counts of all classes and the digests of a fixed sample:
    the files whose names (class and file, not the folders above) have the smallest digests.

    Returns
    -------
    Fingerprint
    """
    roles = ("train", "eval")
    total = sum(len(split) for split in dataset.splits)
    digests: list[bytes] = []
    contents: list[tuple[list[bytes], list[int]]] = []
    for role, split in zip(roles, dataset.splits, strict=False):
        chosen: Iterable[int] = range(len(split)) if total <= MAX_FILES else _fixed_sample(split, total)
        with ThreadPoolExecutor(_WORKERS) as pool:
            content = list(pool.map(lambda i, split=split: content_digest(split, i), chosen))
        labels = [int(split.labels[i]) for i in chosen]
        digests += [
            _digest(role, normal(split.classes[label])) + digest for label, digest in zip(labels, content, strict=True)
        ]
        contents.append((content, labels))
    whole = hashlib.blake2b(digest_size=16)
    if total > MAX_FILES:
        for role, split in zip(roles, dataset.splits, strict=False):
            for name, count in sorted(zip(map(normal, split.classes), split.counts().tolist(), strict=True)):
                whole.update(_digest(role, name, str(count)))
    for digest in sorted(digests):
        whole.update(digest)
    return Fingerprint(whole.hexdigest(), *_repeats(contents), n_read=len(digests))


def _repeats(contents: list[tuple[list[bytes], list[int]]]) -> tuple[int, int, int]:
    """Return the numbers of repeated training files, of those with another class, and of leaked validation files."""
    first_label: dict[bytes, int] = {}
    duplicates = conflicts = 0
    for digest, label in zip(*contents[0], strict=True):
        known = first_label.setdefault(digest, label)
        conflicts += known != label
        duplicates += 1
    duplicates -= len(first_label)
    leaked = sum(digest in first_label for digest in contents[1][0]) if len(contents) > 1 else 0
    return duplicates, conflicts, leaked


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


def content_digest(split: Split, index: int) -> bytes:
    """Return the digest of one image's size, beginning and end; of nothing at all if it cannot be read."""
    try:
        opened = split.open(index)
        if isinstance(opened, Image.Image):
            pixels = opened.tobytes()
            return _digest(str(len(pixels)), opened.mode, str(opened.size), pixels)
        with opened:
            size, edges = _edges(opened)
            return _digest(str(size), edges)
    except OSError:
        return _digest("unreadable")


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
