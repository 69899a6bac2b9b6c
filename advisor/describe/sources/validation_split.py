"""Makes a validation split of a folder that has none: links to a seeded choice of its images; nothing is moved."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.describe.sources.readers.folder import list_images
from advisor.describe.sources.splits import EVAL_NAMES, TRAIN_NAMES, folder_for, validates_on_training_images
from advisor.errors import DatasetError

SHARE = 0.2
"""Of the images of each class, the share that is kept for validation."""
SEED = 0
"""Decides which."""


@dataclass(frozen=True)
class ValidationSplit:
    """A folder of links to the images of another one, with ``train`` and ``validation`` in it.

    Attributes
    ----------
    folder : Path
        Where the links are, or will be once it is made; it is called as the other folder is.
    training : Path
        The folder with the images.
    of_class : mapping of str to sequence of str
        The images of each class, relative to that folder.
    """

    folder: Path
    training: Path
    of_class: Mapping[str, Sequence[str]]

    @property
    def list(self) -> Path:
        """The file with the images that are kept for validation, one a line; it is there once all else is."""
        return self.folder.parent / "validation.txt"

    @property
    def is_made(self) -> bool:
        """Whether the links are there."""
        return self.list.is_file()

    def make(self, classes: Collection[str] | None = None) -> Path:
        """Make the links where they are not there yet, and return their folder.

        Parameters
        ----------
        classes : collection of str, optional
            The classes that are trained on; by default all.

        Raises
        ------
        DatasetError
            If one of them has fewer than two images, so that it cannot be trained on and validated on.
        OSError
            If no links can be made there.
        """
        single = [name for name, paths in self.of_class.items() if len(paths) < 2]
        single = sorted(single if classes is None else set(single) & set(classes))
        if single:
            raise DatasetError(
                f"the class {single[0]!r} has one image",
                cause="it cannot be trained on and validated on",
                hint=f"add images to it, or put images for validation into a folder {EVAL_NAMES[0]}",
            )
        if not self.is_made:
            self._make()
        return self.folder

    def _make(self) -> None:
        """Make the links in a folder beside, and put it in its place whole: another process may be making the same."""
        place = self.folder.parent
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=place.parent))
        kept = {path for paths in self.of_class.values() for path in _chosen(paths)}
        try:
            for paths in self.of_class.values():
                self._link(beside / self.folder.name / TRAIN_NAMES[0], (path for path in paths if path not in kept))
                self._link(beside / self.folder.name / EVAL_NAMES[0], (path for path in paths if path in kept))
            lines = "".join(f"{path}\n" for path in sorted(kept))
            (beside / self.list.name).write_text(lines, encoding="utf-8", errors="replace")
            beside.rename(place)
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
            if not self.is_made:
                raise

    def _link(self, target: Path, paths: Iterable[str]) -> None:
        for path in paths:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).symlink_to(self.training / path)


def missing_split(source: str | Path, cache_dir: Path) -> ValidationSplit | None:
    """Return the split that a folder of images needs before timm can validate on other images than it trains on.

    None for anything else, and for a folder that has a split for validation.
    """
    root = Path(os.path.expanduser(source))
    if not os.path.isdir(root) or not validates_on_training_images(root):
        return None
    split = validation_split(root, cache_dir)
    return split if len(split.of_class) > 1 else None


def validation_split(root: Path, cache_dir: Path) -> ValidationSplit:
    """Return the split of a folder of class folders, or with one of timm's names for training images in it.

    The same images are split the same way: those of a class are kept for validation whose names have the smallest
    digests.

    Parameters
    ----------
    root : Path
        The folder.
    cache_dir : Path
        Splits are kept in a folder of it.
    """
    training = folder_for(root, TRAIN_NAMES[0]).absolute()
    listing = list_images(str(training))
    of_class: dict[str, list[str]] = {}
    for index, name in zip(listing.folder_of, listing.files, strict=True):
        inside = listing.folders[index]
        of_class.setdefault(os.path.basename(inside), []).append(os.path.join(inside, name))
    images = sorted(path for paths in of_class.values() for path in paths)
    place = cache_dir / "splits" / _digest(str(training), *images)
    return ValidationSplit(place.absolute() / (root.resolve().name or "dataset"), training, of_class)


def _chosen(paths: Sequence[str]) -> list[str]:
    """Return the share of the images of a class that is kept, at least one where there are two."""
    count = max(min(1, len(paths) - 1), round(SHARE * len(paths)))
    return sorted(paths, key=_digest)[:count]


def _digest(*parts: str) -> str:
    text = "\0".join((str(SEED), *parts))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
