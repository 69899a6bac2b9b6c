"""Zip and tar files of class folders, read in place: nothing is ever unpacked, so nothing can land elsewhere."""

from __future__ import annotations

import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from advisor.bounded import open_bounded
from advisor.describe.sources.images import ImageDataset, ListedSplit, few, file_stamp, printable, typed
from advisor.describe.sources.readers.folder import IMAGE_EXTENSIONS, OTHER_EXTENSIONS
from advisor.describe.sources.readers.layout import (
    assign_folders,
    notes_on_folders,
    notes_on_lookalikes,
    notes_on_split_folders,
)
from advisor.describe.sources.splits import TRAIN_NAMES, Roles
from advisor.errors import DatasetError

MAX_MEMBER = 32 * 1024 * 1024
"""Bytes of one image inside an archive that are read at most: they are held in memory."""
DAMAGED = (
    zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error, lzma.LZMAError, ValueError
)  # fmt: skip
"""What a wrong checksum, a password, an unknown method and damaged compressed data raise: zipfile has no one error."""
CUT_IN_FRONT = "bytes before its directory are missing"
"""What is wrong with a zip file whose members would begin before it."""
_METADATA = "__MACOSX"
"""Folder that macOS adds to zip files; what it holds are no images, whatever their names say."""


@dataclass(frozen=True)
class Member:
    """A file inside an archive: its path there and what opens it."""

    path: str
    opener: Callable[[], BinaryIO]


def open_archive(path: Path) -> ImageDataset:
    """Return the dataset in a zip or (uncompressed) tar file of class folders or of splits of them.

    One enclosing folder is looked through. Members whose path is absolute or climbs out with ``..`` are left out.

    Raises
    ------
    DatasetError
        If it is no such archive, is compressed as a whole, holds no images or only one class.
    """
    broken: list[str] = []
    kind = "zip" if zipfile.is_zipfile(path) else "tar"
    members = list(_zip_members(path) if kind == "zip" else tar_members(path, broken))
    unsafe = [m.path for m in members if m.path.startswith("/") or ".." in PurePosixPath(m.path).parts]
    outside = set(unsafe)
    safe = [m for m in members if m.path not in outside and not m.path.startswith(_METADATA)]
    return arrange(path, kind, safe, (*_broken_note(broken), *_unsafe_note(unsafe)))


def arrange(path: Path, kind: str, members: list[Member], notes: tuple[str, ...]) -> ImageDataset:
    """Return the dataset that members form, by the same rules as folders on disk."""
    by_path = {m.path: m for m in members if _extension(m.path) in IMAGE_EXTENSIONS}
    parts = _without_enclosing({name: PurePosixPath(name).parts for name in sorted(by_path)})
    tops = sorted({p[0] for p in parts.values() if len(p) > 1})
    entries = {top: _labelled(parts, top) for top in ("", *tops)}
    roles = assign_folders(tops, lambda top: {label for _, label in entries[top]})
    train_name = next(iter(roles.train), "")
    used = (train_name, *(roles.eval if train_name else ()))
    classes = tuple(sorted({label for top in used for _, label in entries[top]}))
    index = {label: i for i, label in enumerate(classes)}
    stamp = file_stamp(path)

    def split(top: str) -> ListedSplit:
        names = [name for name, _ in entries[top]]
        labels = np.array([index[label] for _, label in entries[top]], dtype=np.int32)
        return ListedSplit(labels, classes, names, lambda i: by_path[names[i]].opener(), stamp)

    splits = [split(top) for top in used]
    return ImageDataset(
        name=path.name.removesuffix(path.suffix) or "dataset",
        root=path,
        kind=kind,
        classes=classes,
        train=splits[0],
        eval=splits[1] if len(splits) > 1 else None,
        notes=(*notes, *_layout(path, parts, roles, used)),
        skipped=tuple(m.path for m in members if _extension(m.path) in OTHER_EXTENSIONS),
        unlabelled=roles.unlabelled if train_name else (),
    )


def _without_enclosing(parts: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the parts of the paths below the folders that hold all the others."""
    while parts and len({p[0] for p in parts.values()}) == 1 and all(len(p) > 2 for p in parts.values()):
        if next(iter(parts.values()))[0] in TRAIN_NAMES:
            break
        parts = {name: p[1:] for name, p in parts.items()}
    return parts


def _labelled(parts: Mapping[str, tuple[str, ...]], top: str) -> list[tuple[str, str]]:
    """Return the images below a folder, "" for all, each with the name of the class folder that holds it."""
    below = ((name, p[1:] if top else p) for name, p in parts.items() if not top or (len(p) > 1 and p[0] == top))
    return [(name, p[-2] if len(p) > 1 else "") for name, p in below]


def _layout(path: Path, parts: Mapping[str, tuple[str, ...]], roles: Roles, used: Sequence[str]) -> list[str]:
    """Return what is odd about the way the folders are laid out."""
    folders = sorted({p[:-1] for p in parts.values()})
    if roles.train:
        notes = notes_on_split_folders(roles, Counter(p[0] for p in parts.values()))
    else:
        notes = notes_on_lookalikes(["/".join(folder) for folder in folders], str(path), is_archive=True)
    for top in used:
        below = [folder[1:] if top else folder for folder in folders if not top or folder[:1] == (top,)]
        notes += notes_on_folders([folder[-1] if folder else "" for folder in below], top)
    return notes


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _zip_members(path: Path) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, *DAMAGED) as error:
        raise _unreadable(path, error) from error
    for info in archive.infolist():
        if not info.is_dir():
            name = info.filename.replace("\\", "/")  # some programs of Windows part folders so
            yield Member(name, lambda info=info: _read_zip(archive, info))  # type: ignore[misc]


def _read_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    if info.header_offset < 0:
        raise OSError(f"damaged inside the archive: {CUT_IN_FRONT}")
    try:
        with archive.open(info) as stream:
            return _bounded(stream.read(MAX_MEMBER + 1))
    except DAMAGED as error:
        raise OSError(f"damaged inside the archive: {error}") from error


def tar_members(path: Path, broken: list[str]) -> Iterator[Member]:
    """Yield the files of a tar file, and those of tar files inside it.

    Parameters
    ----------
    path : Path
        An uncompressed tar file, as timm reads them.
    broken : list of str
        Gets a name for each place where an archive ends too early; what came before is still given.
    """
    try:
        with open_bounded(path, "container") as stream:
            yield from _tar_members(path, stream, 0, "", broken)
    except tarfile.ReadError as error:
        raise _unreadable(path, error) from error


def _tar_members(path: Path, stream: BinaryIO, base: int, prefix: str, broken: list[str]) -> Iterator[Member]:
    """Yield members of the tar file that begins at ``base`` of ``stream``."""
    stream.seek(base)
    inner: list[tuple[int, str]] = []
    archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 - closing it would end nothing: the stream is ours
    while True:
        try:
            info = archive.next()
        except (tarfile.ReadError, EOFError, ValueError, OSError):
            broken.append(prefix or path.name)
            break
        if info is None:
            stream.seek(archive.offset)  # where tarfile found no further header
            block = stream.read(tarfile.BLOCKSIZE)
            if 0 < len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
                broken.append(prefix or path.name)
            break
        archive.members = []  # type: ignore[attr-defined] # else it keeps every header it has read
        if not info.isreg() or info.issparse():
            continue
        if _extension(info.name) == ".tar":
            inner.append((info.offset_data, os.path.splitext(info.name)[0]))
        else:
            name = f"{prefix}/{info.name}" if prefix else info.name
            yield Member(name.removeprefix("./"), lambda at=info.offset_data, n=info.size: _read_at(path, at, n))  # type: ignore[misc]
    for offset, name in inner:
        if not prefix:  # one level, as timm
            try:
                yield from _tar_members(path, stream, offset, name, broken)
            except tarfile.ReadError:
                broken.append(name)


def _read_at(path: Path, offset: int, size: int) -> BinaryIO:
    if size > MAX_MEMBER:
        raise OSError(f"too large to read from an archive: {size} bytes")
    with open_bounded(path, "container") as stream:
        stream.seek(offset)
        data = stream.read(size)
    if len(data) < size:
        raise OSError("the archive ends inside this file")
    return io.BytesIO(data)


def _bounded(data: bytes) -> BinaryIO:
    if len(data) > MAX_MEMBER:
        raise OSError(f"too large to read from an archive: more than {MAX_MEMBER} bytes")
    return io.BytesIO(data)


def _unreadable(path: Path, error: Exception) -> DatasetError:
    name = printable(str(path))
    if _extension(path.name) in (".gz", ".tgz", ".bz2", ".xz", ".zst"):
        return DatasetError(
            f"{name} is compressed as a whole",
            cause="single images cannot be read from it without unpacking everything before them",
            hint=f"mkdir data && tar xf {typed(path)} -C data && advisor describe --dataset data",
        )
    return DatasetError(
        f"{name} is a file that holds no dataset",
        cause=f"it is no readable zip or tar file ({error})" if str(error) else "it is no readable zip or tar file",
        hint="give a folder with one subfolder of images for each class, a .zip or .tar of it, or a .csv of path,label",
    )


def _broken_note(broken: list[str]) -> list[str]:
    return [f"The archive ends too early or is damaged; what follows is missing: {few(broken)}."] if broken else []


def _unsafe_note(unsafe: list[str]) -> list[str]:
    return [f"{len(unsafe)} archive members lead outside of it and were left out: {few(unsafe)}."] if unsafe else []
