"""Which datasets are the same images in packings that keep more or less of them, as far as they were described here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.describe.cache import Cache
from advisor.describe.fingerprint import Kept

if TYPE_CHECKING:
    from advisor.describe.fingerprint import Fingerprint
    from advisor.records.schema import Run
    from advisor.records.store.store import Store

FOLDER = "descriptions"
"""Folder within the cache."""


def known_as(fingerprint: Fingerprint, cache: Cache) -> Fingerprint:
    """Return a fingerprint with the identity of the same images in a packing that keeps more of them, if one is known.

    That of files in named classes is theirs whatever was described. What the others were called before is remembered.
    """
    keys = [f"same-{digest}" for digest in fingerprint.nameless]
    known = next(filter(None, map(cache.get, keys)), None)
    if known is not None and fingerprint.kept < known["kept"]:
        _link(cache, known["dataset_id"], (fingerprint.dataset_id,))
        return replace(fingerprint, dataset_id=known["dataset_id"])
    if known is not None:
        _link(cache, fingerprint.dataset_id, (known["dataset_id"],) if known["kept"] < fingerprint.kept else ())
    for key in keys:
        before = cache.get(key)
        if before is None or before["kept"] < fingerprint.kept:  # of two encodings the first
            cache.put(key, {"dataset_id": fingerprint.dataset_id, "kept": int(fingerprint.kept)})
    if fingerprint.kept != Kept.PIXELS:
        _link(cache, fingerprint.dataset_id, fingerprint.nameless[1:])
    return fingerprint


def other_identities(dataset_id: str, cache_dir: Path) -> tuple[str, ...]:
    """Return under which identities the same images may be recorded where a packing kept less of them.

    Parameters
    ----------
    dataset_id : str
        The identity of a dataset.
    cache_dir : Path
        The setting ``cache_dir``.
    """
    return _linked(Cache(cache_dir / FOLDER), dataset_id)


def runs_on(store: Store, dataset_id: str, cache_dir: Path) -> list[Run]:
    """Return the runs on a dataset; those that were recorded where a packing kept less of its images are on it too."""
    others = other_identities(dataset_id, cache_dir)
    elsewhere = [replace(run, dataset_id=dataset_id) for other in others for run in store.runs(dataset=other)]
    return [*store.runs(dataset=dataset_id), *elsewhere]


def _link(cache: Cache, dataset_id: str, others: tuple[str, ...]) -> None:
    before = _linked(cache, dataset_id)
    beyond = [further for other in others for further in (other, *_linked(cache, other))]
    all_of_them = [other for other in dict.fromkeys((*before, *beyond)) if other != dataset_id]
    if len(all_of_them) > len(before):
        cache.put(f"others-of-{dataset_id}", {"dataset_ids": all_of_them})


def _linked(cache: Cache, dataset_id: str) -> tuple[str, ...]:
    found = cache.get(f"others-of-{dataset_id}")
    return () if found is None else tuple(map(str, found["dataset_ids"]))
