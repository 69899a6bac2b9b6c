"""Tables of images: CSV, TSV and Parquet files with a column of paths and one of labels."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from advisor.describe.sources.images import ImageDataset, ListedSplit, file_stamp, open_file, printable
from advisor.describe.sources.labels import class_indices
from advisor.describe.sources.readers.folder import EVAL_NAMES, TRAIN_NAMES
from advisor.errors import DatasetError, MissingExtraError

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img")
LABEL_COLUMNS = ("label", "class", "category", "target", "class_name", "label_name")
SPLIT_COLUMNS = ("split", "subset", "set", "partition")
"""Names of columns that are understood, in any case, the first match counts."""
MANIFESTS = (".csv", ".tsv", ".parquet")


def open_manifest(path: Path) -> ImageDataset:
    """Return the dataset that a table lists; relative paths start at the table's folder and may be those of Windows.

    A column named ``split`` tells training (``train``) from validation images (timm's names for it).

    Raises
    ------
    DatasetError
        If the columns are missing, a row has no label, or it is not single-label classification.
    MissingExtraError
        For a Parquet file where pyarrow is not installed.
    """
    suffix = path.suffix.lower()
    columns = _read_parquet(path) if suffix == ".parquet" else _read_csv(path, "\t" if suffix == ".tsv" else None)
    paths = [str(value) for value in _column(columns, PATH_COLUMNS, path, "paths")]
    folder = path.parent

    def opener(name: str) -> BinaryIO:
        return open_file(_located(folder, name))

    def stamp(name: str) -> str:
        return file_stamp(_located(folder, name))

    splits = next((columns[name] for name in _matching(columns, SPLIT_COLUMNS)), None)
    labels = _column(columns, LABEL_COLUMNS, path, "labels")
    return from_rows(path, suffix[1:], paths, labels, splits, opener, stamp)


def from_rows(
    path: Path,
    kind: str,
    names: Sequence[str],
    values: Sequence[Any],
    splits: Sequence[Any] | None,
    opener: Callable[[str], BinaryIO],
    stamp: Callable[[str], str],
) -> ImageDataset:
    """Return the dataset of rows: a name that ``opener`` understands, a label, and perhaps a split for each."""
    labels, classes = class_indices(values, path.name)
    repeated = len(names) - len(set(names))
    if repeated and len(set(zip(names, labels.tolist(), strict=True))) > len(set(names)):
        raise DatasetError(
            f"{printable(path.name)} lists an image under several classes",
            cause="advice exists for single-label classification only",
            hint="keep one row for each image",
        )
    role = np.array([_role(value) for value in splits] if splits is not None else ["train"] * len(names))

    def split(name: str) -> ListedSplit:
        rows = np.flatnonzero(role == name).tolist()
        chosen = [names[i] for i in rows]
        return _StampedSplit(labels[rows], classes, chosen, lambda i: opener(chosen[i]), stamp)

    return ImageDataset(
        name=path.stem or "dataset",
        root=path,
        kind=kind,
        classes=classes,
        train=split("train"),
        eval=split("eval") if (role == "eval").any() else None,
    )


def _located(folder: Path, name: str) -> Path:
    """Return where an image of a table is; a table written on Windows may part folders by backslashes."""
    path = folder / name
    return path if "\\" not in name or path.exists() else folder / name.replace("\\", "/")


class _StampedSplit(ListedSplit):
    """Rows of a table, each with a file of its own."""

    def __init__(self, labels: Any, classes: Any, paths: Any, opener: Any, stamp: Callable[[str], str]) -> None:
        super().__init__(labels, classes, paths, opener)
        self._stamp_of = stamp

    def stamp(self, index: int) -> str:
        """Return size and time of change of the row's file."""
        return self._stamp_of(self._paths[index])


def _role(value: Any) -> str:
    name = str(value).strip().lower()
    return "train" if name in TRAIN_NAMES else "eval" if name in EVAL_NAMES else "neither"


def _read_csv(path: Path, delimiter: str | None) -> dict[str, list[str]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            if delimiter is None:
                head = file.readline()
                delimiter = max(",;\t", key=head.count)
                file.seek(0)
            reader = csv.DictReader(file, delimiter=delimiter, restval="")
            columns: dict[str, list[str]] = {name: [] for name in reader.fieldnames or ()}
            for row in reader:
                if None in row:
                    raise csv.Error(f"line {reader.line_num} has more fields than the first line names")
                for name, values in columns.items():
                    values.append(row[name])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    return columns


def _read_parquet(path: Path) -> dict[str, list[Any]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", f"read {printable(path.name)}") from error
    try:
        schema = pyarrow.parquet.read_schema(path)
        wanted = [name for name in schema.names if name.lower() in PATH_COLUMNS + LABEL_COLUMNS + SPLIT_COLUMNS]
        table = pyarrow.parquet.read_table(path, columns=wanted)
    except (OSError, pyarrow.ArrowException) as error:
        raise _unreadable(path, error) from error
    return {name: table.column(name).to_pylist() for name in wanted}


def _matching(columns: Mapping[str, Sequence[Any]], known: tuple[str, ...]) -> list[str]:
    by_lower = {name.strip().lower(): name for name in columns if name}
    return [by_lower[name] for name in known if name in by_lower]


def _column(columns: Mapping[str, Sequence[Any]], known: tuple[str, ...], path: Path, what: str) -> Sequence[Any]:
    for name in _matching(columns, known):
        return columns[name]
    raise DatasetError(
        f"{printable(path.name)} has no column of {what}",
        cause=f"its columns are {', '.join(printable(str(name)) for name in columns) or 'none'}",
        hint=f"name the column {known[0]} (also understood: {', '.join(known[1:])})",
    )


def _unreadable(path: Path, error: Exception) -> DatasetError:
    return DatasetError(
        f"cannot read {printable(os.fspath(path))}",
        cause=" ".join(str(error).split()),
        hint="give a table with the columns path and label, in UTF-8",
    )
