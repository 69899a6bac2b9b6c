"""Class folders, and splits of them, read the way timm reads them."""

from __future__ import annotations

import itertools
import os
from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from advisor.describe.sources.images import ImageDataset, Labels, Split, few, file_stamp, open_file, printable

IMAGE_EXTENSIONS = frozenset((".png", ".jpg", ".jpeg"))
"""What timm reads by default (timm.data.readers.img_extensions)."""
_USUAL_ENDINGS = (".jpg", ".png", ".jpeg", ".JPG", ".JPEG")
OTHER_EXTENSIONS = frozenset((".bmp", ".gif", ".webp", ".tif", ".tiff", ".avif", ".heic", ".jp2", ".ppm", ".jfif"))
"""Images that timm passes over in no_response."""
TRAIN_NAMES = ("train", "training")
EVAL_NAMES = ("validation", "val", "valid", "eval", "evaluation", "test")
"""Names of split folders in the order timm's create_dataset tries them; ``test`` is for ``--val-split test``."""
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
                    # The usual files are told apart without looking closely: twice as fast.
                    usual = [name for e in block if (name := e.name).endswith(_USUAL_ENDINGS) and not e.is_dir()]
                    images += (
                        usual if len(usual) == len(block) else _look_closely(block, relative, inner, listing.skipped)
                    )
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


def _look_closely(entries: list[os.DirEntry[str]], relative: str, folders: list[str], skipped: list[str]) -> list[str]:
    """Return the names of image files; add folders to ``folders``, images that timm passes over to ``skipped``."""
    images = []
    for entry in entries:
        extension = os.path.splitext(entry.name)[1].lower()
        if entry.is_dir():
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
        If it holds no images or only one class.
    """
    names = {entry.name for entry in os.scandir(root) if entry.is_dir()}
    train_name = next((name for name in TRAIN_NAMES if name in names), "")
    eval_name = next((name for name in EVAL_NAMES if name in names), "") if train_name else ""
    train = list_images(os.path.join(root, train_name))
    held_out = list_images(os.path.join(root, eval_name)) if eval_name else None
    listings = [(train, train_name), *([(held_out, eval_name)] if held_out is not None else [])]
    classes = tuple(sorted({label for listing, _ in listings for label in listing.labels()}))
    return ImageDataset(
        name=root.resolve().name or "dataset",
        root=root,
        kind="folder",
        classes=classes,
        train=FolderSplit(train, classes, train_name),
        eval=FolderSplit(held_out, classes, eval_name) if held_out is not None and held_out.files else None,
        notes=tuple(note for listing, prefix in listings for note in _notes(listing, prefix)),
        skipped=tuple(os.path.join(prefix, name) for listing, prefix in listings for name in listing.skipped),
    )


def _notes(listing: Listing, prefix: str) -> list[str]:
    """Return what is odd about the way the folders are laid out."""
    notes = []
    where = printable(prefix) or "the folder"
    if "" in listing.folders and len(listing.folders) > 1:
        notes.append(f"Images lie directly in {where}: timm makes them a class of their own, with an empty name.")
    labels = listing.labels()
    double = sorted(name for name, times in Counter(labels).items() if times > 1)
    if double:
        shared = few(double)
        notes.append(f"Several folders in {where} share a name and become one class in timm: {shared}.")
    hidden = sorted(name for name in labels if name.startswith("."))
    if hidden:
        notes.append(f"Hidden folders in {where} count as classes in timm: {few(hidden)}.")
    if listing.unlisted:
        notes.append(
            f"Folders that cannot be listed or lead back into a parent were left out: "
            f"{few([os.path.join(prefix, name) for name in listing.unlisted])}."
        )
    return notes
