"""Class folders, and splits of them, read the way timm reads them."""

from __future__ import annotations

import itertools
import os
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from advisor.describe.sources.images import ImageDataset, Labels, Split, few, file_stamp, open_file
from advisor.describe.sources.readers.layout import (
    assign_folders,
    notes_on_folders,
    notes_on_lookalikes,
    notes_on_split_folders,
)

IMAGE_EXTENSIONS = frozenset((".png", ".jpg", ".jpeg"))
"""What timm reads by default (timm.data.readers.img_extensions)."""
_USUAL_ENDINGS = (".jpg", ".png", ".jpeg", ".JPG", ".JPEG")
OTHER_EXTENSIONS = frozenset((".bmp", ".gif", ".webp", ".tif", ".tiff", ".avif", ".heic", ".jp2", ".ppm", ".jfif"))
"""Images that timm passes over without a word."""
_BLOCK = 10_000
"""Directory entries that are held at a time."""
MAX_SKIPPED = 1000
"""Names of skipped files that are kept; more than this is no list to read."""


@dataclass
class Listing:
    """The image files below one folder, with a label each: the name of the folder that holds it, as in timm."""

    root: str
    folders: list[str] = field(default_factory=list)
    """Folders that hold images, relative to the root; "" is the root itself."""
    folder_of: array[int] = field(default_factory=lambda: array("i"))
    files: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    """Folders that could not be listed, or that lead back into one of their parents."""

    def labels(self) -> list[str]:
        """Return the label of each of ``folders``."""
        return [os.path.basename(folder) for folder in self.folders]


def list_images(root: str) -> Listing:
    """Return all image files below ``root``, sorted by folder and name; links are followed, loops are not.

    One pass over ``os.scandir`` with no call per file, so a million files take about as long as listing them.
    """
    listing = Listing(root)
    pending: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while pending:
        relative, parents = pending.pop()
        images: list[str] = []
        inner: list[str] = []
        try:
            here = os.stat(os.path.join(root, relative))
            identity = (here.st_dev, here.st_ino)
            if identity in parents:
                raise RecursionError
            with os.scandir(os.path.join(root, relative)) as found:
                while block := list(itertools.islice(found, _BLOCK)):
                    images += _usual_images(block) or _look_closely(block, relative, inner, listing.skipped)
        except (OSError, RecursionError):
            listing.unlisted.append(relative)
            continue
        images.sort()
        if images:
            listing.folder_of.extend(array("i", [len(listing.folders)]) * len(images))
            listing.folders.append(relative)
            listing.files.extend(images)
        # A stack gives back the last first.
        pending += [(os.path.join(relative, name), parents | {identity}) for name in sorted(inner, reverse=True)]
    return listing


def _usual_images(entries: list[os.DirEntry[str]]) -> list[str]:
    """Return the names of some files if they are usual ones all, told apart without looking closely: twice as fast."""
    try:
        usual = [name for entry in entries if (name := entry.name).endswith(_USUAL_ENDINGS) and not entry.is_dir()]
    except OSError:  # a link that leads back to itself
        return []
    return usual if len(usual) == len(entries) else []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder; a link that leads back to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _look_closely(entries: list[os.DirEntry[str]], relative: str, folders: list[str], skipped: list[str]) -> list[str]:
    """Return the names of image files; add folders to ``folders``, images that timm passes over to ``skipped``."""
    images = []
    for entry in entries:
        extension = os.path.splitext(entry.name)[1].lower()
        if _is_folder(entry):
            folders.append(entry.name)
        elif extension in IMAGE_EXTENSIONS:
            images.append(entry.name)
        elif extension in OTHER_EXTENSIONS and len(skipped) < MAX_SKIPPED:
            skipped.append(os.path.join(relative, entry.name))
    return images


class FolderSplit(Split):
    """The images of one split below a folder."""

    def __init__(self, listing: Listing, classes: tuple[str, ...], prefix: str = "") -> None:
        index = {name: i for i, name in enumerate(classes)}
        of_folder = np.array([index[name] for name in listing.labels()], dtype=np.int32)
        folder_of = np.frombuffer(listing.folder_of, dtype=np.int32) if listing.files else np.zeros(0, dtype=np.int32)
        labels: Labels = of_folder[folder_of]
        super().__init__(labels, classes)
        self._files = listing.files
        self._folder_of = listing.folder_of
        # With the separator, so that a file is added without a join: with many files, joining takes most of the time.
        self._inside = [os.path.join(prefix, folder, "") for folder in listing.folders]
        self._on_disk = [os.path.join(listing.root, folder, "") for folder in listing.folders]

    def path(self, index: int) -> str:
        """Return the path relative to the root of the dataset."""
        return self._inside[self._folder_of[index]] + self._files[index]

    def open(self, index: int) -> BinaryIO | Image.Image:
        """Return the file, opened for reading."""
        return open_file(self._on_disk[self._folder_of[index]] + self._files[index])

    def stamp(self, index: int) -> str:
        """Return size and time of change; "" for a file that has gone."""
        return file_stamp(self._on_disk[self._folder_of[index]] + self._files[index])


def open_folder(root: Path) -> ImageDataset:
    """Return the dataset in a folder: ``train`` and ``val`` (or another name of timm's) of it, or class folders.

    Raises
    ------
    DatasetError
        If it holds no images, only one class, or splits instead of classes.
    """
    listings: dict[str, Listing] = {}

    def listing_of(name: str) -> Listing:
        if name not in listings:
            listings[name] = list_images(os.path.join(root, name))
        return listings[name]

    names = sorted(entry.name for entry in os.scandir(root) if _is_folder(entry))
    roles = assign_folders(names, lambda name: listing_of(name).labels())
    train_name = next(iter(roles.train), "")
    parts = {name: listing_of(name) for name in (train_name, *(roles.eval if train_name else ()))}
    classes = tuple(sorted({label for listing in parts.values() for label in listing.labels()}))
    splits = [FolderSplit(listing, classes, name) for name, listing in parts.items()]
    if train_name:
        unseen = tuple(name for name in roles.left_out if _holds_images(root / name))
        counts = {name: len(listing.files) for name, listing in listings.items()}
        notes = notes_on_split_folders(roles._replace(left_out=unseen), counts)
    else:
        inside = [folder.replace(os.sep, "/") for folder in parts[""].folders]
        notes = notes_on_lookalikes(inside, str(root))
    for name, listing in parts.items():
        notes += [*notes_on_folders(listing.labels(), name), *_note_on_unlisted(listing, name)]
    return ImageDataset(
        name=root.resolve().name or "dataset",
        root=root,
        kind="folder",
        classes=classes,
        train=splits[0],
        eval=splits[1] if len(splits) > 1 else None,
        notes=tuple(notes),
        skipped=tuple(os.path.join(name, skipped) for name, listing in parts.items() for skipped in listing.skipped),
        unlabelled=roles.unlabelled if train_name else (),
    )


def _holds_images(folder: Path) -> bool:
    """Return whether an image is among the first files below a folder."""
    files = (name for _, _, names in os.walk(folder) for name in names)
    looked_at = itertools.islice(files, _BLOCK)
    return any(os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS for name in looked_at)


def _note_on_unlisted(listing: Listing, prefix: str) -> list[str]:
    if not listing.unlisted:
        return []
    names = few([os.path.join(prefix, name) for name in listing.unlisted])
    return [f"Folders that cannot be listed or lead back into a parent were left out: {names}."]
