"""Hugging Face datasets on disk (timm's ``hfds/``): what ``save_to_disk`` writes, the cache, and Parquet shards.

All three are Arrow tables with a struct of bytes and path for the image and a number for the class, so pyarrow reads
them; the ``datasets`` package is not needed.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from advisor.describe.sources.images import ImageDataset, Labels, ListedSplit, file_stamp, open_file, printable
from advisor.describe.sources.labels import class_indices
from advisor.describe.sources.readers.folder import EVAL_NAMES, TRAIN_NAMES
from advisor.errors import DatasetError, MissingExtraError

_LABELS = ("label", "labels", "fine_label", "class", "target", "category")
Reader = Callable[[int], dict[str, Any]]
"""From a row to ``{"bytes": ..., "path": ...}`` of its image."""


def arrow_files(folder: Path) -> dict[str, list[Path]]:
    """Return the Arrow and Parquet files below a folder by role; empty if it holds no such dataset."""
    found = sorted(p for suffix in ("arrow", "parquet") for p in folder.rglob(f"*.{suffix}") if p.is_file())
    files: dict[str, list[Path]] = {}
    for path in found:
        if path.name.startswith(("cache-", "tmp")):  # results of map() and filter() that lie beside the data
            continue
        files.setdefault(_role(path.relative_to(folder)), []).append(path)
    return files


def holds_images(path: Path) -> bool:
    """Return whether a Parquet file has a column of images, not just of paths; False if it cannot be told."""
    try:
        return any(_is_image(field) for field in _Parquet(path).schema)
    except (ImportError, OSError, ValueError):
        return False


def open_arrow(folder: Path, files: Mapping[str, list[Path]], name: str = "") -> ImageDataset:
    """Return the dataset in Arrow or Parquet files.

    Parameters
    ----------
    folder : Path
        What they are known by: the folder they lie in, or the one file.
    files : mapping of str to list of Path
        The files of the roles ``train`` and ``eval``, as ``arrow_files`` finds them.
    name : str
        What to call it; by default the name of the folder.

    Raises
    ------
    DatasetError
        If a file cannot be read, or has no column of images or of labels.
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", f"read {printable(folder.name)}") from error
    if "train" not in files:
        raise DatasetError(
            f"{printable(folder.name)} holds no training split",
            cause="no .arrow or .parquet file in it belongs to a split named train",
            hint="save it with datasets.DatasetDict.save_to_disk",
        )
    tables: dict[str, tuple[list[Any], Reader]] = {}
    names: list[str] = []
    try:
        for role in ("train", "eval"):
            if role in files:
                labels, reader, names = _read(files[role], folder)
                tables[role] = (labels, reader)
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetError(
            f"cannot read {printable(str(folder))}",
            cause=" ".join(str(error).split()),
            hint="save or download it again",
        ) from error
    values = [label for labels, _ in tables.values() for label in labels]
    indices, classes = class_indices(values, folder.name, names)
    stamp = " ".join(file_stamp(path) for role in tables for path in files[role])
    n_train = len(tables["train"][0])

    def split(role: str, labels: Labels) -> ListedSplit:
        reader = tables[role][1]
        return ListedSplit(labels, classes, _Rows(role, len(labels)), lambda i: _image(reader(i), folder), stamp)

    return ImageDataset(
        name=name or folder.resolve().name or "dataset",
        root=folder,
        kind="hfds",
        classes=classes,
        train=split("train", indices[:n_train]),
        eval=split("eval", indices[n_train:]) if "eval" in tables else None,
    )


class _Rows(Sequence[str]):
    """Names for rows that have none: ``train/000017``."""

    def __init__(self, role: str, n: int) -> None:
        self._role, self._n = role, n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: Any) -> Any:
        return f"{self._role}/{index:06d}"


def _role(path: Path) -> str:
    """Return the role that a file's folder (``save_to_disk``) or name (cache, hub) speaks of; training if none."""
    for part in (*reversed(path.parts[:-1]), path.stem):
        words = [word for word in re.split(r"[^a-z]+", part.lower()) if word]
        for word in words:
            if word in TRAIN_NAMES:
                return "train"
            if word in EVAL_NAMES:
                return "eval"
    return "train"


def _read(files: list[Path], folder: Path) -> tuple[list[Any], Reader, list[str]]:
    """Return the labels of all rows, what reads a row's image, and the names of the classes."""
    parts = [_Parquet(path) if path.suffix == ".parquet" else _Arrow(path) for path in files]
    schema = parts[0].schema
    image = next((f.name for f in schema if _is_image(f)), None)
    label = next((name for name in _LABELS if name in schema.names), None)
    if image is None or label is None:
        raise DatasetError(
            f"{printable(folder.name)} has no column of {'images' if image is None else 'labels'}",
            cause=f"the columns of {files[0].name} are {', '.join(schema.names)}",
            hint="single-label classification needs an image column and a label column",
        )
    starts = np.cumsum([0, *(part.n_rows for part in parts)])

    def reader(index: int) -> dict[str, Any]:
        part = int(np.searchsorted(starts, index, side="right")) - 1
        return parts[part].row(image, index - int(starts[part]))

    return [v for part in parts for v in part.values(label)], reader, _class_names(schema, label, files[0])


def _is_image(field: Any) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_struct(field.type)) and {"bytes", "path"} <= {f.name for f in field.type}


class _Arrow:
    """A file of Arrow record batches as ``datasets`` writes it, mapped into memory."""

    def __init__(self, path: Path) -> None:
        import pyarrow

        self._table = pyarrow.ipc.open_stream(pyarrow.memory_map(str(path))).read_all()
        self.schema, self.n_rows = self._table.schema, self._table.num_rows

    def values(self, name: str) -> list[Any]:
        return self._table.column(name).to_pylist()  # type: ignore[no-any-return]

    def row(self, name: str, index: int) -> dict[str, Any]:
        return self._table.column(name)[index].as_py() or {}


class _Parquet:
    """A Parquet file of which one row group is held in memory at a time."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet

        self._file = pyarrow.parquet.ParquetFile(path)
        self.schema, self.n_rows = self._file.schema_arrow, self._file.metadata.num_rows
        groups = range(self._file.num_row_groups)
        self._starts = np.cumsum([0, *(self._file.metadata.row_group(i).num_rows for i in groups)])
        self._held: tuple[int, Any] = (-1, None)
        self._lock = threading.Lock()

    def values(self, name: str) -> list[Any]:
        return self._file.read(columns=[name]).column(name).to_pylist()  # type: ignore[no-any-return]

    def row(self, name: str, index: int) -> dict[str, Any]:
        group = int(np.searchsorted(self._starts, index, side="right")) - 1
        with self._lock:
            if self._held[0] != group:
                self._held = (group, self._file.read_row_group(group, columns=[name]).column(0))
            return self._held[1][index - int(self._starts[group])].as_py() or {}


def _class_names(schema: Any, label: str, file: Path) -> list[str]:
    """Return the names that the metadata of the table, or the file beside it, gives the classes; else nothing."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError):
        try:
            features = json.loads((file.parent / "dataset_info.json").read_text(encoding="utf-8"))["features"]
        except (OSError, KeyError, ValueError):
            return []
    feature = features.get(label, {})
    return list(feature.get("names") or feature.get("feature", {}).get("names") or [])


def _image(row: dict[str, Any], folder: Path) -> BinaryIO:
    if row.get("bytes") is not None:
        return io.BytesIO(row["bytes"])
    if row.get("path"):
        return open_file(folder / row["path"])
    raise OSError("the row has no image")
