"""Hugging Face datasets on disk (timm's ``hfds/``): what ``save_to_disk`` writes, the cache, and Parquet shards.

All three are Arrow tables with the image as a struct of bytes and path, or as bytes, and a number or a text for the
class, so pyarrow reads them; the ``datasets`` package is not needed.
"""

from __future__ import annotations

import io
import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np

from advisor.bounded import read_bounded
from advisor.describe.sources.images import ImageDataset, few, file_stamp, open_file, printable, typed
from advisor.describe.sources.labels import LABEL_COLUMNS
from advisor.describe.sources.readers.table import PATH_COLUMNS, SPLIT_COLUMNS, located, matching
from advisor.describe.sources.rows import Rows, from_rows
from advisor.describe.sources.splits import split_of_file
from advisor.errors import DatasetError, MissingExtraError

_IMAGE_COLUMNS = (*PATH_COLUMNS, "bytes", "image_bytes", "jpg", "jpeg", "png", "webp")
DEFAULT = "default"
"""The configuration that ``datasets`` loads where none is asked for."""


def arrow_files(folder: Path) -> list[Path]:
    """Return the Arrow and Parquet files below a folder."""
    found = sorted(p for suffix in ("arrow", "parquet") for p in folder.rglob(f"*.{suffix}") if p.is_file())
    # Results of map() and filter() lie beside the data.
    return [path for path in found if not path.name.startswith(("cache-", "tmp"))]


def holds_images(path: Path) -> bool:
    """Return whether a Parquet file has a column of images, not just of paths; False if it cannot be told."""
    try:
        return bool(_image_column(_Parquet(path).schema))
    except (ImportError, OSError, ValueError):  # pyarrow's errors are of the last two
        return False


def open_arrow(folder: Path, files: Sequence[Path], name: str = "") -> ImageDataset:
    """Return the dataset in Arrow or Parquet files.

    Parameters
    ----------
    folder : Path
        What they are known by: the folder they lie in, or the one file.
    files : sequence of Path
        The files, as ``arrow_files`` finds them.
    name : str
        What to call it; by default the name of the folder.

    Raises
    ------
    DatasetError
        If a file cannot be read, has no column of images or of labels, or if there are several configurations.
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", f"read {printable(folder.name)}") from error
    if not files:
        raise DatasetError(
            f"{printable(folder.name)} holds no images",
            cause="there is no .arrow or .parquet file in it",
            hint="save it with datasets.DatasetDict.save_to_disk",
        )
    try:
        files, notes = _of_one_configuration(folder, files)
        parts = [_part(folder, path) for path in files]
        labels, classes = _labels(parts)
        splits = [split for part in parts for split in part.splits()]
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetError(
            f"cannot read {printable(str(folder))}",
            cause=" ".join(str(error).split()).rstrip(".") or type(error).__name__,
            hint="save or download it again",
        ) from error
    starts = np.cumsum([0, *(part.file.n_rows for part in parts)])
    stamp = " ".join(map(file_stamp, files))
    told_by = next(filter(None, (part.split_column for part in parts)), "")
    base = folder if folder.is_dir() else folder.parent

    def open_row(row: int) -> BinaryIO:
        at = int(np.searchsorted(starts, row, side="right")) - 1
        return _image(parts[at].file.row(parts[at].image, row - int(starts[at])), base)

    return from_rows(
        Rows(labels, splits, open_row, stamp=lambda row: stamp, of_files=not told_by),
        name=name or folder.resolve().name or "dataset",
        root=folder,
        kind="hfds",
        classes=classes,
        notes=notes,
        told_by=f"the column {told_by}" if told_by else "",
    )


def _of_one_configuration(folder: Path, files: Sequence[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """Return the files of one configuration: two folders with the same splits are two selections of the same images.

    Raises
    ------
    DatasetError
        If more than one has images and labels, and none is the default.
    """
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        parents = path.relative_to(folder).parents if path != folder else [Path()]
        by_folder[next(parent for parent in parents if not split_of_file(parent / "x"))].append(path)
    found = [{split_of_file(path.relative_to(folder)) for path in paths} - {""} for paths in by_folder.values()]
    if sum(map(len, found)) == len(set().union(*found)):
        return list(files), ()
    usable = {place: paths for place, paths in by_folder.items() if not _missing_column(_open(paths[0]).schema)}
    names = [place.as_posix() for place in by_folder]
    chosen = next((p for p in usable if len(usable) == 1 or p.as_posix() == DEFAULT), None)
    if chosen is not None:
        others = few([name for name in names if name != chosen.as_posix()])
        return usable[chosen], (f"Of several configurations, {printable(chosen.as_posix())} is read, not {others}.",)
    raise DatasetError(
        f"{printable(folder.name)} holds several configurations",
        cause=f"{few(names)} have splits of the same names{'' if usable else ', and none has images and labels'}",
        hint=f"advisor describe --dataset {typed(folder / next(iter(usable or by_folder)))}",
    )


class _Arrow:
    """A file of Arrow record batches as ``datasets`` writes it, mapped into memory."""

    def __init__(self, path: Path) -> None:
        import pyarrow

        source = pyarrow.memory_map(str(path))
        try:
            self._table = pyarrow.ipc.open_stream(source).read_all()
        except pyarrow.ArrowInvalid:  # as pyarrow's own files are, with a footer
            self._table = pyarrow.ipc.open_file(source).read_all()
        self.schema, self.n_rows = self._table.schema, self._table.num_rows

    def values(self, name: str) -> list[Any]:
        return self._table.column(name).to_pylist()  # type: ignore[no-any-return]

    def row(self, name: str, index: int) -> Any:
        return self._table.column(name)[index].as_py()

    def check(self, *names: str) -> None:
        """Raise an error if an offset of a column leads outside of it: pyarrow would follow, and end the process."""
        self._table.select(names).validate(full=True)


class _Parquet:
    """A Parquet file of which one row group is held in memory at a time."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet

        self._file = pyarrow.parquet.ParquetFile(path)
        self.schema, self.n_rows = self._file.schema_arrow, self._file.metadata.num_rows
        groups = range(self._file.num_row_groups)
        self._starts = np.cumsum([0, *(self._file.metadata.row_group(i).num_rows for i in groups)])
        self._held: tuple[int, str, Any] = (-1, "", None)
        self._lock = threading.Lock()

    def values(self, name: str) -> list[Any]:
        return self._file.read(columns=[name]).column(name).to_pylist()  # type: ignore[no-any-return]

    def row(self, name: str, index: int) -> Any:
        group = int(np.searchsorted(self._starts, index, side="right")) - 1
        with self._lock:
            if self._held[:2] != (group, name):
                self._held = (group, name, self._file.read_row_group(group, columns=[name]).column(0))
            return self._held[2][index - int(self._starts[group])].as_py()


@dataclass(frozen=True)
class _Part:
    """One file, what it is called in its folder, and its columns."""

    path: Path
    file: _Arrow | _Parquet
    image: str
    label: str
    inside: PurePath

    @property
    def split_column(self) -> str:
        """What tells the split of each row; "" if the name of the file does, or nothing."""
        return "" if split_of_file(self.inside) else next(iter(matching(self.file.schema.names, SPLIT_COLUMNS)), "")

    def splits(self) -> list[str]:
        """Return the split of each row."""
        if not self.split_column:
            return [split_of_file(self.inside) or self.inside.as_posix()] * self.file.n_rows
        return ["" if value is None else str(value) for value in self.file.values(self.split_column)]


def _open(path: Path) -> _Arrow | _Parquet:
    return _Parquet(path) if path.suffix == ".parquet" else _Arrow(path)


def _part(folder: Path, path: Path) -> _Part:
    file = _open(path)
    missing = _missing_column(file.schema)
    if missing:
        is_manifest = missing == "images" and bool(matching(file.schema.names, PATH_COLUMNS))
        raise DatasetError(
            f"{printable(folder.name)} has no column of {missing}",
            cause=f"the columns of {printable(path.name)} are {few(file.schema.names, 20)}",
            hint=f"advisor describe --dataset {typed(path)}"
            if is_manifest
            else "single-label classification needs an image column and a label column",
        )
    label = matching(file.schema.names, LABEL_COLUMNS)[0]
    if isinstance(file, _Arrow):  # the pages of a Parquet file are checked as they are read
        file.check(_image_column(file.schema), label)
    return _Part(path, file, _image_column(file.schema), label, path.relative_to(folder))


def _missing_column(schema: Any) -> str:
    """Return what the columns lack to be a dataset of labelled images; "" if nothing."""
    if not _image_column(schema):
        return "images"
    return "" if matching(schema.names, LABEL_COLUMNS) else "labels"


def _image_column(schema: Any) -> str:
    """Return the column of images, structs before bytes, one with a usual name before others; "" if there is none."""
    from pyarrow import types

    def is_struct(kind: Any) -> bool:
        return bool(types.is_struct(kind)) and "bytes" in {field.name for field in kind}

    def is_bytes(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    for is_image in (is_struct, is_bytes):
        names = [field.name for field in schema if is_image(field.type)]
        if names:
            return next(iter(matching(names, _IMAGE_COLUMNS)), names[0])
    return ""


def _labels(parts: Sequence[_Part]) -> tuple[list[Any], list[str]]:
    """Return the labels of all rows, and the names of the classes where all files number them alike."""
    names = [_class_names(part) for part in parts]
    if len({tuple(found) for found in names}) <= 1:
        return [value for part in parts for value in part.file.values(part.label)], names[0] if names else []
    return [
        found[value] if isinstance(value, int) and 0 <= value < len(found) else value
        for part, found in zip(parts, names, strict=True)
        for value in part.file.values(part.label)
    ], []


def _class_names(part: _Part) -> list[str]:
    """Return the names that the metadata of the table, or the file beside it, gives the classes; else nothing."""
    try:
        features = json.loads((part.file.schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError, RecursionError):
        try:
            features = json.loads(read_bounded(part.path.parent / "dataset_info.json", "sidecar"))["features"]
        except (OSError, KeyError, ValueError, TypeError, RecursionError):
            return []
    feature = features.get(part.label) if isinstance(features, dict) else None
    if not isinstance(feature, dict):
        return []
    inner = feature.get("feature")
    names = feature.get("names") or (inner.get("names") if isinstance(inner, dict) else None)
    return [str(name) for name in names] if isinstance(names, list) else []


def _image(value: Any, folder: Path) -> BinaryIO:
    if isinstance(value, dict):
        content, path = value.get("bytes"), value.get("path")
    else:
        content, path = value, None
    if isinstance(content, bytes):
        return io.BytesIO(content)
    if isinstance(path, str) and path:
        return open_file(located(folder, path))
    raise OSError("the row has no image")
