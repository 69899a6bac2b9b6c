"""Descriptions that were computed before, in small files that can be removed at any time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.describe.fingerprint import MAX_FILES

if TYPE_CHECKING:
    from advisor.describe.sources.images import ImageDataset


class Cache:
    """JSON values by key in a folder. Never raises: what cannot be read is not there, what cannot be written is lost.

    Parameters
    ----------
    folder : Path
        Made on the first write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the value stored under ``key``, or None."""
        try:
            stored = json.loads((self._folder / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        # A file that does not name its key was not written here.
        return stored["value"] if isinstance(stored, dict) and stored.get("key") == key else None

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Store ``value`` under ``key``, whole or not at all."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"key": key, "value": value}, file)
            os.replace(temporary, self._folder / f"{key}.json")


def listing_key(dataset: ImageDataset) -> str | None:
    """Return a digest of where a dataset lies, its file names, sizes and times of change; None if it has none.

    Of more than a hundred thousand files, sizes and times of an even selection, so that looking costs seconds.
    """
    if dataset.root is None:
        return None
    digest = hashlib.blake2b(os.fsencode(dataset.root.resolve()), digest_size=16)
    step = 1 + sum(map(len, dataset.splits)) // MAX_FILES
    for split in dataset.splits:
        digest.update(b"\0\0")
        digest.update(split.labels.tobytes())
        for index in range(len(split)):
            stamp = split.stamp(index) if index % step == 0 else ""
            digest.update(f"{split.path(index)}\0{stamp}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
