"""Which images are trained on and which are for validation: one rule for every kind of source."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path, PurePath
from typing import NamedTuple

from advisor.describe.sources.images import few, printable
from advisor.errors import DatasetError

TRAIN_NAMES = ("train", "training")
EVAL_NAMES = ("validation", "val", "valid", "eval", "evaluation", "test")
"""Names of splits in the order timm's create_dataset tries them; ``test`` is for ``--val-split test``."""
UNDERSTOOD = ", ".join((*TRAIN_NAMES, *EVAL_NAMES))
"""All of them, for people."""


class Roles(NamedTuple):
    """What becomes of each split of a source, by the names that the source gives them.

    Attributes
    ----------
    train, eval : tuple of str
        The splits of the training and of the validation images.
    unlabelled : tuple of str
        What would be the validation images if they had labels.
    left_out : tuple of str
        Splits that timm does not know.
    """

    train: tuple[str, ...]
    eval: tuple[str, ...]
    unlabelled: tuple[str, ...]
    left_out: tuple[str, ...]


def folder_for(root: Path, split: str) -> Path:
    """Return the folder that timm reads for a split of a folder of images (``_search_split`` of its dataset factory).

    The one of that name, else of a name that means the same, else all of it.
    """
    name = split.partition("[")[0]
    if os.path.exists(root / name):
        return root / name
    same = next((names for names in (TRAIN_NAMES, EVAL_NAMES[:-1]) if name in names), ())
    return next((root / other for other in same if os.path.exists(root / other)), root)


def validates_on_training_images(root: Path, train_split: str = "train", eval_split: str = "validation") -> bool:
    """Return whether timm reads the training images for validation too, as it does where a folder has no such split."""
    return folder_for(root, train_split).is_relative_to(folder_for(root, eval_split))


def assign(
    names: Iterable[str],
    has_labels: Callable[[str], bool] = lambda name: True,
    *,
    exact: bool = False,
    of_files: bool = False,
) -> Roles:
    """Decide what becomes of the splits of a source.

    The first of timm's names that there is decides, for validation the first whose images have labels: timm evaluates
    on ``validation``, and ``test`` is kept apart where there is both. A name in other letters counts as the same, one
    that has the word in it, such as ``train2017``, where there is no other.

    Parameters
    ----------
    names : iterable of str
        The names as the source gives them; "" for images of which no split is told.
    has_labels : callable
        From a name to whether its images have labels; only asked of what could be for validation.
    exact : bool
        Whether the names have to be timm's to the letter, as those of folders.
    of_files : bool
        Whether they are names of files, which need not tell a split.

    Returns
    -------
    Roles
        ``train`` is what no split is told of, if there is no split for training, and empty if there is neither.
    """
    spelt = list(dict.fromkeys(names))
    train = next(filter(None, (_called(spelt, name, exact) for name in TRAIN_NAMES)), ())
    train = train or tuple(name for name in spelt if not name or (of_files and not speaks_of(name)))
    unlabelled: list[str] = []
    evaluation: tuple[str, ...] = ()
    for known in EVAL_NAMES:
        called = tuple(name for name in _called(spelt, known, exact) if name not in (*train, *unlabelled))
        evaluation = tuple(name for name in called if has_labels(name))
        if evaluation:
            break
        unlabelled += called
    used = {*train, *evaluation, *unlabelled}
    left_out = tuple(name for name in spelt if name not in used and not is_known(name, exact=exact))
    return Roles(train, evaluation, tuple(unlabelled), left_out)


def _called(spelt: Iterable[str], known: str, exact: bool) -> tuple[str, ...]:
    if exact:
        return (known,) if known in spelt else ()
    same = tuple(name for name in spelt if _plain(name) == known)
    return same or tuple(name for name in spelt if known in _words(name))


def is_known(name: str, *, exact: bool = False) -> bool:
    """Return whether a name is one that timm knows, in any letters unless ``exact``."""
    return (name if exact else _plain(name)) in (*TRAIN_NAMES, *EVAL_NAMES)


def speaks_of(name: str, known: Collection[str] = (*TRAIN_NAMES, *EVAL_NAMES)) -> bool:
    """Return whether a name has one of ``known`` as a word in it: ``Train``, ``val2017``, ``test_images``."""
    return not _words(name).isdisjoint(known)


def _plain(name: str) -> str:
    return name.strip().lower()


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", name.lower())) - {""}


def split_of_file(path: PurePath) -> str:
    """Return the split that the folders (``save_to_disk``) or the name (cache, hub, shards) of a file speak of.

    ``train/data-00000.arrow`` and ``pets-train-00000-of-00002.parquet`` are of ``train``; "" if nothing is told.
    """
    for part in (*reversed(path.parts[:-1]), path.stem):
        # A name of Hugging Face's splits has no dash, and is not parted at its underscores.
        pieces = [piece for piece in re.split(r"[^\w]+", part) if speaks_of(piece)]
        if pieces:
            return next(filter(is_known, pieces), pieces[0])
    return ""


def notes_on(roles: Roles, counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return what is left out, or told of no split, as sentences for people; ``counts`` is the images of each split."""
    found = [
        f"The {counts[name]} images of {printable(name)} have no label and are left out." for name in roles.unlabelled
    ]
    unsaid = [name for name in roles.train if name and not speaks_of(name)]
    if len(unsaid) > 1:
        total = sum(counts[name] for name in unsaid)
        found.append(f"The names of the files tell no split, so all {total} images are for training: {few(unsaid)}.")
    if roles.left_out:
        told = [f"{name or 'of no split'} ({counts[name]})" for name in roles.left_out]
        total = sum(counts[name] for name in roles.left_out)
        found.append(f"{total} images are left out: {few(told)}; splits that are understood are {UNDERSTOOD}.")
    return tuple(found)


def no_training_split(source: str, names: Iterable[str], told_by: str = "") -> DatasetError:
    """Return the refusal of a source none of whose splits is for training.

    Parameters
    ----------
    source : str
        The source, for people.
    names : iterable of str
        Its splits.
    told_by : str
        What tells them, such as the name of a column.
    """
    named = few(sorted(set(names)))
    return DatasetError(
        f"{printable(source)} holds no training split",
        cause=f"{f'{printable(told_by)} holds' if told_by else 'its splits are'} {named}; understood are {UNDERSTOOD}",
        hint="name the split of the training images train",
    )
