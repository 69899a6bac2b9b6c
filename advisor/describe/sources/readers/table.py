"""Tables of images: CSV, TSV and Parquet files with a column of paths and one of labels."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import itertools
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor.bounded import open_bounded
from advisor.describe.sources.images import ImageDataset, few, file_stamp, open_file, printable, typed
from advisor.describe.sources.labels import LABEL_COLUMNS
from advisor.describe.sources.rows import Rows, from_rows
from advisor.errors import DatasetError, MissingExtraError

PATH_COLUMNS = (
    "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "img_path",
    "image_id", "image_name",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "subset", "set", "partition")
"""Names of columns that are understood, in any case; the first match counts."""
MANIFESTS = (".csv", ".tsv", ".parquet")
_DELIMITERS = ",;\t|"
_TRIED = 100
"""Files that are looked for before a table is said to name none."""
_HINT = "give a table with the columns path and label, in UTF-8"
_LOOKED_AT = 100_000
"""Files of a folder that are looked at for one of a name."""
_LONGEST = 120
"""Characters of a path that are shown: a column may hold whole images as text."""


def open_manifest(path: Path) -> ImageDataset:
    """Return the dataset that a table lists; relative paths start at the table's folder and may be those of Windows.

    A column named ``split`` tells training from validation images, under timm's names for them.

    Raises
    ------
    DatasetError
        If the columns are missing, none of the files is there, a row has no label, or it is not single-label
        classification.
    MissingExtraError
        For a Parquet file where pyarrow is not installed.
    """
    columns = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
    names = list(columns)
    paths = ["" if value is None else str(value) for value in columns[_named(names, PATH_COLUMNS, path, "paths")]]
    labels = columns[_named(names, LABEL_COLUMNS, path, "labels")]
    told_by = next(iter(matching(columns, SPLIT_COLUMNS)), "")
    splits = [_as_name(value) for value in columns[told_by]] if told_by else [""] * len(paths)
    folder = path.parent
    dataset = from_rows(
        Rows(
            labels,
            splits,
            open=lambda row: open_file(located(folder, paths[row])),
            stamp=lambda row: file_stamp(located(folder, paths[row])),
            names=paths,
        ),
        name=path.stem or "dataset",
        root=path,
        kind=path.suffix.lower()[1:],
        told_by=f"the column {told_by}" if told_by else "",
        source=path.name,
    )
    _refuse_if_none_is_there(path, paths)
    return dataset


def located(folder: Path, name: str) -> Path:
    """Return where a file is that is named from a folder; what was written on Windows may part folders otherwise."""
    path = folder / name
    return path if "\\" not in name or os.path.lexists(path) else folder / name.replace("\\", "/")


def _as_name(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()  # only NaN differs from itself


def _refuse_if_none_is_there(path: Path, paths: Sequence[str]) -> None:
    folder = path.parent
    tried = paths[:: max(1, len(paths) // _TRIED)]
    if not paths or any(os.path.exists(located(folder, name)) for name in tried):
        return
    first = tried[0].replace("\\", "/")
    shown = printable(first[:_LONGEST]) + "…" * (len(first) > _LONGEST)
    where = printable(str(folder)) or "."
    if "://" in first:
        cause, hint = f"{shown} lies on the web, and nothing is downloaded", "download the images"
    else:
        cause = f"{shown} is not there: paths start at the table's folder, {where}, and need their ending"
        found = _found_below(folder, first)
        hint = f"name it {printable(found)}" if found else f"ls {typed(folder)}"
    raise DatasetError(f"none of the files that {printable(path.name)} names exists", cause=cause, hint=hint)


def _found_below(folder: Path, name: str) -> str:
    """Return what a file would have to be called, if it lies in the folder or in one of its folders; else ""."""
    wanted = os.path.basename(name)
    for place in (folder, *sorted(entry for entry in folder.iterdir() if entry.is_dir())):
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in itertools.islice(entries, _LOOKED_AT):
                if wanted and wanted in (entry.name, os.path.splitext(entry.name)[0]) and entry.is_file():
                    return (place / entry.name).relative_to(folder).as_posix()
    return ""


def _read_csv(path: Path) -> dict[str, list[str]]:
    try:
        encoding = _encoding(path)
        with io.TextIOWrapper(open_bounded(path, "table"), newline="", encoding=encoding) as file:
            head = file.readline()
            while head and not head.strip():
                head = file.readline()
            said = re.fullmatch(r"sep=(.)\s*", head)  # what Excel begins a file with
            delimiter = said[1] if said else max(_DELIMITERS, key=head.count)
            lines = file if said else itertools.chain([head], file)
            rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
            names = [name.strip() for name in next(rows, [])]
            columns: dict[str, list[str]] = {name: [] for name in names}
            of_column = [(values, names.index(name)) for name, values in columns.items()]
            for row in rows:
                if any(row[len(names) :]):
                    raise csv.Error(f"line {rows.line_num} has more fields than the first line names")
                if row:
                    for values, at in of_column:
                        values.append(row[at].strip() if at < len(row) else "")
    except (OSError, UnicodeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    return columns


def _encoding(path: Path) -> str:
    with open_bounded(path, "table") as file:
        return "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _read_parquet(path: Path) -> dict[str, list[Any]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", f"read {printable(path.name)}") from error
    try:
        schema = pyarrow.parquet.read_schema(path)
        of_paths = _named(schema.names, PATH_COLUMNS, path, "paths")
        if pyarrow.types.is_nested(schema.field(of_paths).type):
            raise DatasetError(
                f"{printable(path.name)} has no column of paths",
                cause=f"{printable(of_paths)} holds {schema.field(of_paths).type}, neither text nor image files",
                hint="give the paths of the images, or their files as bytes",
            )
        of_labels = _named(schema.names, LABEL_COLUMNS, path, "labels")
        wanted = [of_paths, of_labels, *matching(schema.names, SPLIT_COLUMNS)[:1]]
        table = pyarrow.parquet.read_table(path, columns=wanted)
    except (OSError, pyarrow.ArrowException) as error:
        raise _unreadable(path, error) from error
    return {name: table.column(name).to_pylist() for name in wanted}


def matching(columns: Mapping[str, Any] | Sequence[str], known: tuple[str, ...]) -> list[str]:
    """Return which of some columns have one of the ``known`` names, in their order."""
    by_lower = {name.strip().lower(): name for name in columns if name}
    return [by_lower[name] for name in known if name in by_lower]


def _named(columns: Sequence[str], known: tuple[str, ...], path: Path, what: str) -> str:
    """Return which column has one of the ``known`` names."""
    for name in matching(columns, known):
        return name
    raise DatasetError(
        f"{printable(path.name)} has no column of {what}",
        cause=f"its columns are {few(columns, 20) or 'none'}",
        hint=f"name the column {known[0]} (also understood: {', '.join(known[1:])})",
    )


def _unreadable(path: Path, error: Exception) -> DatasetError:
    return DatasetError(
        f"cannot read {printable(os.fspath(path))}",
        cause=" ".join(str(error).split()).rstrip("."),
        hint="write it again" if path.suffix.lower() == ".parquet" else _HINT,
    )
