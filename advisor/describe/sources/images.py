"""What every source of images looks like once it is opened: one or two splits of labelled images."""

from __future__ import annotations

import abc
import os
import shlex
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from advisor.bounded import open_bounded
from advisor.errors import DatasetError

if TYPE_CHECKING:
    from PIL.Image import Image

Labels = NDArray[np.int32]


class Entry(NamedTuple):
    """One image of a split: what it is called inside the dataset, and its class."""

    path: str
    label: str


class Split(Sequence[Entry], abc.ABC):
    """The images of one split, in a fixed order.

    Holds names and labels compactly, so that a million images stay within a few hundred megabytes.

    Parameters
    ----------
    labels : ndarray of int32, shape (n,)
        Index into ``classes`` for each image.
    classes : tuple of str
        Names of the classes, shared by both splits of a dataset.
    """

    def __init__(self, labels: Labels, classes: tuple[str, ...]) -> None:
        self.labels = labels
        self.classes = classes

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Entry(self.path(index), self.classes[self.labels[index]])

    def __iter__(self) -> Iterator[Entry]:
        return (self[i] for i in range(len(self)))

    @abc.abstractmethod
    def path(self, index: int) -> str:
        """Return what image ``index`` is called inside the dataset; unique within the split."""

    @abc.abstractmethod
    def open(self, index: int) -> BinaryIO | Image:
        """Return image ``index`` as a seekable binary stream of its file, or as it is if it never was a file.

        Safe to call from several threads.

        Raises
        ------
        OSError
            If it cannot be read (any more).
        """

    @abc.abstractmethod
    def stamp(self, index: int) -> str:
        """Return a cheap text that changes when image ``index`` does (size and time of change); "" if unknown."""

    def counts(self) -> NDArray[np.int64]:
        """Return the number of images of each class, in the order of ``classes``."""
        return np.bincount(self.labels, minlength=len(self.classes))


class ListedSplit(Split):
    """The images of one split whose paths are known and that a function opens.

    Parameters
    ----------
    labels, classes
        As for ``Split``.
    paths : sequence of str
        What each image is called inside the dataset.
    opener : callable
        From an index to the image, as ``Split.open``.
    stamp : str
        A text that changes when any of the images does; "" if unknown.
    """

    def __init__(
        self,
        labels: Labels,
        classes: tuple[str, ...],
        paths: Sequence[str],
        opener: Callable[[int], BinaryIO | Image],
        stamp: str = "",
    ) -> None:
        super().__init__(labels, classes)
        self._paths = paths
        self._opener = opener
        self._stamp = stamp

    def path(self, index: int) -> str:
        """Return what image ``index`` is called inside the dataset."""
        return self._paths[index]

    def open(self, index: int) -> BinaryIO | Image:
        """Return image ``index``."""
        return self._opener(index)

    def stamp(self, index: int) -> str:
        """Return the stamp of the whole split."""
        return self._stamp


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Return a file opened for reading; never waits, as a named pipe would make it.

    Raises
    ------
    OSError
        If it cannot be read or is no regular file.
    """
    return open_bounded(path, "container")


def file_stamp(path: str | os.PathLike[str]) -> str:
    """Return size and time of change of a file as text; "" if it is not there."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"


@dataclass(frozen=True)
class ImageDataset:
    """Images with one label each, as timm would train on them.

    Parameters
    ----------
    name : str
        What to call it; by default the name of its folder or file.
    root : Path or None
        Where it is; None for images that only exist in memory.
    kind : str
        The kind of source, such as ``folder`` or ``zip``.
    classes : tuple of str
        Names of the classes of both splits.
    train : Split
        The images that a training would see.
    eval : Split or None
        The images set apart for validation; None if nothing is set apart.
    notes : tuple of str
        What its reader found odd, as sentences for people.
    skipped : tuple of str
        Files that look like images and that timm would not read.
    unlabelled : tuple of str
        Splits that would be for validation if their images had labels.
    """

    name: str
    root: Path | None
    kind: str
    classes: tuple[str, ...]
    train: Split
    eval: Split | None = None
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = field(default=(), repr=False)
    unlabelled: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.train) == 0:
            raise DatasetError(
                f"{printable(self.name)} holds no training images",
                cause=self._with_notes(_why_empty(self)),
                hint="give a folder with one subfolder of images for each class",
            )
        if int((self.train.counts() > 0).sum()) < 2:
            raise DatasetError(
                f"{printable(self.name)} holds one class only",
                cause=self._with_notes(f"all {len(self.train)} training images lie in {self._only_class()}"),
                hint="give a folder with one subfolder of images for each class, two or more",
            )

    def _with_notes(self, cause: str) -> str:
        return ". ".join([cause, *(note.rstrip(".") for note in self.notes)])

    def _only_class(self) -> str:
        name = self.classes[int(self.train.labels[0])]
        return f"the class {printable(name)!r}" if name else "the folder itself, in no class folder"

    @property
    def n_train(self) -> int:
        """Number of training images, readable or not."""
        return len(self.train)

    @property
    def n_eval(self) -> int:
        """Number of validation images, readable or not; 0 if nothing is set apart."""
        return len(self.eval) if self.eval is not None else 0

    @property
    def n_classes(self) -> int:
        """Number of classes that have a training image."""
        return int((self.train.counts() > 0).sum())

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits there are: training, then validation."""
        return (self.train,) if self.eval is None else (self.train, self.eval)


def _why_empty(dataset: ImageDataset) -> str:
    if dataset.skipped:
        return f"timm reads .png, .jpg and .jpeg by default, not {printable(dataset.skipped[0])}"
    return "no image was found in it (timm reads .png, .jpg and .jpeg by default)"


def typed(path: str | os.PathLike[str]) -> str:
    """Return a path as it is typed on a command line."""
    return shlex.quote(printable(os.fspath(path)))


def few(names: Sequence[str], limit: int = 5) -> str:
    """Return the first of some names as a list for people, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(printable(name) or "(no name)" for name in names[:limit]) + more


def printable(name: str) -> str:
    """Return a name from a file system as one line of valid Unicode: what cannot be shown is escaped."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c == " " or unicodedata.category(c)[0] not in "CZ" else ascii(c)[1:-1] for c in text)
