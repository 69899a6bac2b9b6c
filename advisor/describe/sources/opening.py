"""Tells what kind of dataset a source is, and opens it."""

from __future__ import annotations

import os
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from advisor.describe.sources.images import ImageDataset, few, printable, typed
from advisor.describe.sources.splits import TRAIN_NAMES, speaks_of
from advisor.errors import DatasetError, MissingExtraError
from advisor.plugins import get_plugins

TIMM_PREFIXES = ("torch", "hfds", "hfids", "wds", "tfds")
"""Prefixes of timm's dataset names that are understood; what follows is NAME or NAME:ROOT (timm's --data-dir)."""


def open_dataset(source: Any) -> ImageDataset:
    """Return the dataset at ``source``.

    Parameters
    ----------
    source : str, Path, tuple, Dataset or ImageDataset
        One of:

        - a folder of class folders, or of splits of them under the names timm knows;
        - a zip or tar file of such a folder;
        - a ``.csv``, ``.tsv`` or ``.parquet`` table with columns of paths and labels;
        - a folder of WebDataset shards, or of a Hugging Face dataset saved on disk; one ``.parquet`` file of images;
        - an ``.npz`` file of arrays of images and labels, as MedMNIST and Keras write it;
        - a timm dataset name, with timm's ``--data-dir`` after a colon: ``torch/cifar10:ROOT``, ``hfds/NAME:ROOT``,
          ``hfids/NAME:ROOT`` (from the same local copy), ``wds/FOLDER``, ``tfds/NAME:ROOT``; nothing is downloaded;
        - arrays ``(images, labels)``, a map-style torch Dataset or its DataLoader, or a tuple (train, eval) of two of
          these; where a Dataset keeps the paths of its images, the files are read and its transforms left aside;
        - whatever a plugin opens (``advisor_open_dataset``, asked first).

    Returns
    -------
    ImageDataset

    Raises
    ------
    DatasetError
        If it is missing, no dataset, empty, has one class only, or is not single-label classification.
    MissingExtraError
        If reading it needs a package that is not installed.
    """
    from advisor.describe.sources.readers.arrays import is_in_memory, open_in_memory, without_loader

    if isinstance(source, ImageDataset):
        return source
    source = without_loader(source)
    opened = get_plugins().call_first("advisor_open_dataset", source=source)
    if isinstance(opened, ImageDataset):
        return opened
    if is_in_memory(source):
        return open_in_memory(source)
    if not isinstance(source, (str, os.PathLike)):
        raise DatasetError(
            f"a {type(source).__name__} is no dataset",
            cause="a path, a timm dataset name, arrays (images, labels), a map-style Dataset or its loader is expected",
            hint="advisor describe --dataset PATH",
        )
    prefix, slash, rest = str(source).partition("/")
    is_timm_name = bool(slash) and prefix.lower() in TIMM_PREFIXES
    if not str(source) or (is_timm_name and not rest):
        raise DatasetError(
            "the dataset has no name",
            cause=f"{str(source)!r} names nothing",
            hint="advisor describe --dataset PATH",
        )
    path = Path(os.path.expanduser(source))
    try:
        if path.is_dir():
            return _open_directory(path)
        if path.is_file():
            return _open_file(path)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"cannot read {printable(str(path))}",
            cause=getattr(error, "strerror", None) or str(error),
            hint="check the path and its permissions",
        ) from error
    if is_timm_name:
        return _open_timm_name(prefix.lower(), rest)
    raise _missing(path)


def _open_directory(path: Path) -> ImageDataset:
    from advisor.describe.sources.readers.arrow import arrow_files, open_arrow
    from advisor.describe.sources.readers.folder import open_folder
    from advisor.describe.sources.readers.shards import open_shards, shard_files

    names = set(os.listdir(path))
    if names & {"dataset_info.json", "dataset_dict.json", "state.json"}:
        return open_arrow(path, arrow_files(path))
    try:
        return open_folder(path)
    except DatasetError as error:
        if shard_files(path):
            return open_shards(path)
        files = arrow_files(path)
        if files:
            return open_arrow(path, files)
        tables = _tables_below(path)
        if not tables:
            raise
        # As competitions and Hugging Face's ImageFolder have it: a table beside the images names their classes.
        table = next((name for name in tables if speaks_of(name, TRAIN_NAMES)), tables[0])
        raise DatasetError(
            error.problem,
            cause=f"{error.cause}. {few(tables)} beside the images may name their classes",
            hint=f"advisor describe --dataset {typed(path / table)}",
        ) from error


def _tables_below(path: Path) -> list[str]:
    """Return the tables in a folder, or in its folders where it has none itself, by their relative paths."""
    for depth in ("*", "*/*"):
        found = [table for table in path.glob(depth) if table.suffix.lower() in (".csv", ".tsv")]
        if found:
            return sorted(table.relative_to(path).as_posix() for table in found)
    return []


def _open_file(path: Path) -> ImageDataset:
    from advisor.describe.sources.readers.archive import open_archive
    from advisor.describe.sources.readers.arrow import holds_images, open_arrow
    from advisor.describe.sources.readers.npz import open_npz
    from advisor.describe.sources.readers.table import MANIFESTS, open_manifest

    suffix = path.suffix.lower()
    if suffix == ".npz":
        return open_npz(path)
    if suffix not in MANIFESTS:
        return open_archive(path)
    if suffix == ".parquet" and holds_images(path):
        return open_arrow(path, [path])
    return open_manifest(path)


def _open_timm_name(prefix: str, rest: str) -> ImageDataset:
    from advisor.describe.sources.readers.shards import open_shards
    from advisor.describe.sources.readers.tfds import open_tfds

    name, colon, root = rest.rpartition(":")
    name = name if colon else rest
    folder = Path(os.path.expanduser(root)) if colon else None
    if prefix == "torch":
        return _open_torchvision(name, folder or Path("."))
    if prefix == "tfds":
        return open_tfds(name, folder)
    path = Path(os.path.expanduser(name))
    if prefix == "wds":  # timm looks for shards in --data-dir, whatever the name is
        shards = path if folder is None else folder
        if shards.is_dir():
            return open_shards(shards)
        raise _missing(shards)
    if path.is_dir():
        return _open_directory(path)
    return _open_hugging_face_cache(name, folder or Path(os.path.expanduser(_hugging_face_cache())))


def _hugging_face_cache() -> str:
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    return os.environ.get("HF_DATASETS_CACHE", os.path.join(home, "datasets"))


def _open_hugging_face_cache(name: str, cache: Path) -> ImageDataset:
    """Return the newest build of a dataset in a cache of ``datasets``: owner___name/configuration/version/hash."""
    from advisor.describe.sources.readers.arrow import DEFAULT, arrow_files, open_arrow

    path = cache / name.replace("/", "___")
    builds: dict[str, list[Path]] = defaultdict(list)
    for info in path.rglob("dataset_info.json"):
        if info.parent.suffix != ".incomplete":
            builds[info.relative_to(path).parts[0]].append(info.parent)
    if not builds:
        raise DatasetError(
            f"hfds/{printable(name)} is not in the cache {printable(str(cache))}",
            cause="nothing is downloaded here, and no folder of that name exists either",
            hint=f"python -c \"import datasets; datasets.load_dataset('{printable(name)}')\"",
        )
    newest = {key: max(found, key=lambda build: build.stat().st_mtime) for key, found in builds.items()}
    if len(newest) > 1 and DEFAULT not in newest:
        raise DatasetError(
            f"hfds/{printable(name)} holds several configurations",
            cause=f"the cache has {few(sorted(newest))}, and timm asks for none by name",
            hint=f"advisor describe --dataset {typed(newest[min(newest)])}",
        )
    build = newest.get(DEFAULT) or next(iter(newest.values()))
    return open_arrow(build, arrow_files(build), name=name.rpartition("/")[2])


def _open_torchvision(name: str, root: Path) -> ImageDataset:
    """Return a dataset of torchvision that lies below ``root`` already, opened by timm; nothing is downloaded."""
    from advisor.describe.sources.readers.arrays import open_in_memory

    if find_spec("timm") is None:
        raise MissingExtraError("timm", "timm", f"open torch/{name}")
    import timm.data

    try:
        parts = tuple(timm.data.create_dataset(f"torch/{name}", str(root), split=s) for s in ("train", "validation"))
    except (RuntimeError, AssertionError, OSError) as error:
        raise DatasetError(
            f"torch/{name} cannot be opened below {printable(str(root))}",
            cause=" ".join(str(error).split()),
            hint=f"download it with timm's --dataset-download, then: --dataset torch/{name}:ROOT",
        ) from error
    return open_in_memory(parts, name)


def _missing(path: Path) -> DatasetError:
    cause = "nothing exists under this path"
    if path.is_symlink():
        cause = "it is a link that leads nowhere"
    elif path.exists():
        cause = "it is neither a folder nor a regular file"
    return DatasetError(
        f"there is no dataset at {printable(str(path))}",
        cause=cause,
        hint=f"ls {typed(path.parent)}",
    )
