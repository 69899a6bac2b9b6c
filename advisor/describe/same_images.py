"""Which datasets are the same images, once as files and once as pixels, as far as both were described here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.config import Config
from advisor.describe.cache import Cache

if TYPE_CHECKING:
    from advisor.describe.fingerprint import Fingerprint
    from advisor.records.schema import Run
    from advisor.records.store.store import Store

FOLDER = "descriptions"
"""Folder within the cache."""


def known_as(fingerprint: Fingerprint, cache: Cache) -> Fingerprint:
    """Return a fingerprint with the identity of the same images as files, if these were described before.

    The identity of files is theirs alone, whatever was described; that of pixels is remembered for them.
    """
    if fingerprint.pixels is None:
        return fingerprint
    files = cache.get(_files_of(fingerprint.pixels))
    if fingerprint.is_of_files:
        if files is None:  # of several encodings the first, so that arrays keep an identity
            cache.put(_files_of(fingerprint.pixels), {"dataset_id": fingerprint.dataset_id})
        cache.put(_pixels_of(fingerprint.dataset_id), {"dataset_id": fingerprint.pixels})
        return fingerprint
    return fingerprint if files is None else replace(fingerprint, dataset_id=files["dataset_id"])


def runs_on(store: Store, dataset_id: str) -> list[Run]:
    """Return the runs on a dataset; those that were recorded where the same images were no files are on it too."""
    other = other_identity(dataset_id, Config()["cache_dir"])
    of_pixels = [] if other is None else store.runs(dataset=other)
    return [*store.runs(dataset=dataset_id), *(replace(run, dataset_id=dataset_id) for run in of_pixels)]


def other_identity(dataset_id: str, cache_dir: Path) -> str | None:
    """Return under which identity the same images are recorded where they were no files; None if they never were.

    Parameters
    ----------
    dataset_id : str
        The identity of a dataset.
    cache_dir : Path
        The setting ``cache_dir``.
    """
    found = Cache(cache_dir / FOLDER).get(_pixels_of(dataset_id))
    return None if found is None else str(found["dataset_id"])


def _files_of(pixels: str) -> str:
    return f"files-of-{pixels}"


def _pixels_of(dataset_id: str) -> str:
    return f"pixels-of-{dataset_id}"
