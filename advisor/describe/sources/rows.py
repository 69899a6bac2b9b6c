"""From a list of images, each with a label and perhaps a split, to a dataset: what all kinds but folders share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from advisor.describe.sources.images import ImageDataset, Labels, Split, printable
from advisor.describe.sources.labels import class_indices, have_labels
from advisor.describe.sources.splits import assign, no_training_split, notes_on
from advisor.errors import DatasetError

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Rows:
    """Images in the order of their source.

    Parameters
    ----------
    labels : sequence
        The label of each, as the source has it.
    splits : sequence of str
        The split of each, as the source names it; "" where none is told.
    open : callable
        From a row to its image, as ``Split.open``.
    stamp : callable
        From a row to its stamp, as ``Split.stamp``.
    names : sequence of str, optional
        What each is called inside the dataset; by default its number within its split.
    of_files : bool
        Whether the splits are names of files, which need not tell one.
    """

    labels: Sequence[Any]
    splits: Sequence[str]
    open: Callable[[int], BinaryIO | Image]
    stamp: Callable[[int], str] = lambda row: ""
    names: Sequence[str] | None = None
    of_files: bool = False


def from_rows(
    rows: Rows,
    *,
    name: str,
    root: Path | None,
    kind: str,
    classes: Sequence[str] = (),
    notes: tuple[str, ...] = (),
    told_by: str = "",
    source: str = "",
) -> ImageDataset:
    """Return the dataset of some images.

    Parameters
    ----------
    rows : Rows
        The images.
    name, root, kind, notes
        As for ``ImageDataset``.
    classes : sequence of str
        Names of the classes in the order of their numbers, where the source states them.
    told_by : str
        What tells the splits, for messages.
    source : str
        What to call it in messages; by default its name.

    Raises
    ------
    DatasetError
        If no image is for training, an image is listed under several classes, or the labels are none of
        single-label classification.
    """
    source = source or name
    counts = Counter(rows.splits)
    number = {split: i for i, split in enumerate(counts)}
    split_of = np.fromiter((number[split] for split in rows.splits), dtype=np.int32, count=len(rows.splits))
    by_split = {split: np.flatnonzero(split_of == i) for split, i in number.items()}

    def labels_of(split: str) -> list[Any]:
        return [rows.labels[row] for row in by_split[split].tolist()]

    trained = assign(counts, of_files=rows.of_files).train
    of_training = [label for split in trained for label in labels_of(split)]
    roles = assign(counts, lambda split: have_labels(labels_of(split), of_training), of_files=rows.of_files)
    if counts and not roles.train:
        raise no_training_split(source, counts, told_by)
    train, evaluation = (_joined([by_split[split] for split in part]) for part in (roles.train, roles.eval))
    chosen = np.concatenate([train, evaluation])
    indices, known = class_indices([rows.labels[row] for row in chosen.tolist()], source, classes)
    _refuse_repeated(rows, chosen, indices, source)
    return ImageDataset(
        name=name,
        root=root,
        kind=kind,
        classes=known,
        train=_RowsSplit(rows, train, indices[: len(train)], known, "train"),
        eval=_RowsSplit(rows, evaluation, indices[len(train) :], known, "eval") if len(evaluation) else None,
        notes=(*notes, *notes_on(roles, counts)),
        unlabelled=roles.unlabelled,
    )


def _joined(parts: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Return some rows in the order of their source."""
    return np.sort(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.intp)


def _refuse_repeated(rows: Rows, chosen: NDArray[np.intp], indices: Labels, source: str) -> None:
    if rows.names is None:
        return
    names = [rows.names[row] for row in chosen.tolist()]
    if len(set(zip(names, indices.tolist(), strict=True))) > len(set(names)):
        raise DatasetError(
            f"{printable(source)} lists an image under several classes",
            cause="advice exists for single-label classification only",
            hint="keep one row for each image",
        )


class _RowsSplit(Split):
    """Some rows of a source."""

    def __init__(
        self, rows: Rows, chosen: NDArray[np.intp], labels: Labels, classes: tuple[str, ...], role: str
    ) -> None:
        super().__init__(labels, classes)
        self._rows, self._chosen, self._role = rows, chosen, role

    def path(self, index: int) -> str:
        names = self._rows.names
        return f"{self._role}/{index:06d}" if names is None else names[self._chosen[index]]

    def open(self, index: int) -> BinaryIO | Image:
        return self._rows.open(int(self._chosen[index]))

    def stamp(self, index: int) -> str:
        return self._rows.stamp(int(self._chosen[index]))
