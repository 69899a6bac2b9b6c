"""What is odd about the way folders of images are laid out, on disk or in an archive."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from advisor.describe.sources.images import few, printable, typed
from advisor.describe.sources.splits import EVAL_NAMES, TRAIN_NAMES, UNDERSTOOD, Roles, assign, speaks_of
from advisor.errors import DatasetError


def assign_folders(names: Iterable[str], labels_of: Callable[[str], Collection[str]]) -> Roles:
    """Decide what becomes of folders by the names of splits that timm knows, to the letter.

    Parameters
    ----------
    names : iterable of str
        The folders.
    labels_of : callable
        From a folder to the names of the class folders that hold its images.
    """
    trained = assign(names, exact=True).train

    def has_labels(name: str) -> bool:
        labels = set(labels_of(name))
        return len(labels) > 1 or any(labels & set(labels_of(train)) for train in trained)

    roles = assign(names, has_labels, exact=True)
    return roles._replace(unlabelled=tuple(name for name in roles.unlabelled if labels_of(name)))


def notes_on_split_folders(roles: Roles, counts: Mapping[str, int]) -> list[str]:
    """Return which folders beside the training images are left out; ``counts`` has the images of the unlabelled."""
    notes = []
    for name in roles.unlabelled:
        what = "timm gives them all one class; sort them into class folders"
        if name == EVAL_NAMES[-1]:
            what = "it is no validation split"
        notes.append(f"The {counts[name]} images of {name} lie in no class folder: {what}.")
    if roles.left_out:
        beside, names = printable(roles.train[0]), few(roles.left_out)
        notes.append(f"Beside {beside}, timm does not look at {names}; the splits it knows are {UNDERSTOOD}.")
    return notes


def notes_on_folders(labels: Sequence[str], prefix: str) -> list[str]:
    """Return what is odd about class folders; ``prefix`` is the split that they are in, or ""."""
    notes = []
    where = printable(prefix) or "the folder"
    if "" in labels and len(labels) > 1:
        notes.append(f"Images lie directly in {where}: timm makes them a class of their own, with an empty name.")
    double = sorted(name for name, times in Counter(labels).items() if times > 1)
    if double:
        notes.append(f"Several folders in {where} share a name and become one class in timm: {few(double)}.")
    hidden = sorted(name for name in labels if name.startswith("."))
    if hidden:
        notes.append(f"Hidden folders in {where} count as classes in timm: {few(hidden)}.")
    return notes


def notes_on_lookalikes(folders: Collection[str], source: str, is_archive: bool = False) -> list[str]:
    """Return where splits seem to lie that timm does not take for any.

    Parameters
    ----------
    folders : collection of str
        The folders that hold images, relative to what timm would take for class folders, parted by "/".
    source : str
        Where these lie.
    is_archive : bool
        Whether that is a file, in which no folder can be asked for.

    Raises
    ------
    DatasetError
        If they are all the classes there are.
    """
    place, alike = _lookalikes(folders)
    if not alike:
        return []
    inside = "" if place == PurePosixPath() else str(place)
    said = f"olders {few(alike)}{f' in {printable(inside)}' if inside else ''} look like splits"
    if all(speaks_of(os.path.basename(folder)) for folder in folders):
        raise DatasetError(
            f"{printable(source)} has no class folders",
            cause=f"its f{said}, and their images lie in no class folder",
            hint="sort the images of each into class folders, or give a table with the columns path and label",
        )
    if inside and is_archive:
        advice = "pack that folder alone"
    elif inside:
        advice = f"give --dataset {typed(os.path.join(source, inside))}"
    else:
        advice = f"rename them (it knows {UNDERSTOOD}, in lower case only)"
    return [f"The f{said}, but timm takes all of them for training: {advice}."]


def _lookalikes(folders: Collection[str]) -> tuple[PurePosixPath, list[str]]:
    """Return the topmost folder with folders in it that are named like those of training and of validation."""
    children: dict[PurePosixPath, set[str]] = {}
    for folder in folders:
        path = PurePosixPath(folder)
        for inner, outer in itertools.pairwise((path, *path.parents)):
            children.setdefault(outer, set()).add(inner.name)
    for parent in sorted(children, key=lambda path: (len(path.parts), path)):
        alike = sorted(filter(speaks_of, children[parent]))
        if all(any(speaks_of(name, known) for name in alike) for known in (TRAIN_NAMES, EVAL_NAMES)):
            return parent, alike
    return PurePosixPath(), []
