"""Describes the folders that recorded runs were trained on, so that the runs say what their images are like."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from advisor.describe.dataset import describe, open_dataset
from advisor.describe.groups import put_in_group
from advisor.describe.sources.class_map import of_classes, read_class_map
from advisor.describe.sources.opening import TIMM_PREFIXES
from advisor.describe.sources.splits import validates_on_training_images
from advisor.errors import AdvisorError, UsageError
from advisor.records.schema import Dataset, Run, Source
from advisor.records.store.store import Store

NOT_HERE = "there is no such folder on this machine"
TOO_WIDE = "it holds your home folder, so it is not a folder of images"


@dataclass
class RecordedDatasets:
    """What became of the folders of runs.

    Attributes
    ----------
    runs : int
        Runs that know their dataset now.
    left_out : dict of str to str
        Folders that could not be described, or names of datasets, with the reason.
    left_out_runs : dict of str to int
        How many runs still do not know their dataset, by its folder.
    """

    runs: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    left_out_runs: dict[str, int] = field(default_factory=dict)


def describe_recorded(store: Store, asked: Sequence[str] | None = None) -> RecordedDatasets:
    """Describe the images of every run that does not know its dataset yet, if they are here and still the same.

    Each folder is described once, however many runs were trained on it. One on another machine, or one whose number of
    training images or classes is not what the run had, is left out. Of a run with a class map, the images of its
    classes are described. An imported run that was scored on its training images is marked so.

    Parameters
    ----------
    store : Store
        The runs; datasets are added to it.
    asked : sequence of str, optional
        The runs whose folders are reported where they are left out; by default all.

    Raises
    ------
    StoreError
        If the store cannot be written.
    """
    report = RecordedDatasets()
    for folder in store.folders_without_dataset():
        if not _is_here(folder):
            report.left_out[folder] = NOT_HERE
            continue
        if _holds_home(folder):
            report.left_out[folder] = TOO_WIDE
            continue
        trained_on: dict[str | None, list[Run]] = defaultdict(list)
        for run in store.runs_without_dataset(folder):
            trained_on[run.extra.get("class_map") or None].append(run)
        for class_map, runs in trained_on.items():
            _describe(store, folder, class_map, runs, report)
    report.left_out_runs = store.folders_without_dataset(asked)
    report.left_out = {folder: why for folder, why in report.left_out.items() if folder in report.left_out_runs}
    return report


def _describe(store: Store, folder: str, class_map: str | None, runs: Sequence[Run], report: RecordedDatasets) -> None:
    try:
        images = open_dataset(folder)
        if class_map is not None:
            images = of_classes(images, read_class_map(class_map, Path(folder)))
        dataset = describe(images).dataset
    except AdvisorError as error:
        report.left_out[folder] = str(error)
        return
    same = _of_the_same_images(runs, dataset, folder, report)
    if same:
        put_in_group(store, images, dataset)
        _give(store, same, dataset, Path(folder), report)


def give_folder(store: Store, run_ids: Collection[str], folder: str | Path) -> RecordedDatasets:
    """Say of runs that do not know their dataset that they were trained on the images in a folder, and describe it.

    Where the runs name several datasets, only those are meant that name this one.

    Parameters
    ----------
    store : Store
        The runs; the dataset is added to it.
    run_ids : collection of str
        The runs.
    folder : str or Path
        As ``open_dataset`` takes it.

    Raises
    ------
    AdvisorError
        If the folder cannot be described.
    """
    images = open_dataset(folder)
    dataset = describe(images).dataset
    report = RecordedDatasets()
    same = _of_the_same_images(_named(store, run_ids, dataset, report), dataset, str(folder), report)
    if same:
        put_in_group(store, images, dataset)
        _give(store, same, dataset, Path(folder), report)
    return report


def give_known(store: Store, run_ids: Collection[str], name: str) -> RecordedDatasets:
    """Say of runs that do not know their dataset which of the described ones it is; see ``give_folder``.

    Parameters
    ----------
    store : Store
        The runs, and the described datasets.
    run_ids : collection of str
        The runs.
    name : str
        Name or id of the dataset.

    Raises
    ------
    UsageError
        If no dataset, or more than one, has this name.
    """
    known = store.datasets()
    found = [dataset for dataset in known if name in (dataset.name, dataset.dataset_id)]
    if len(found) != 1:
        names = ", ".join(dict.fromkeys(dataset.name for dataset in known)) or "none yet"
        raise UsageError(
            f"{len(found) or 'no'} described dataset{'s have' if found else ' has'} the name {name!r}",
            cause=f"the ids are {', '.join(one.dataset_id for one in found)}" if found else f"described are: {names}",
            hint="give the id" if found else "advisor records import PATH… --dataset DIR",
        )
    report = RecordedDatasets()
    same = _of_the_same_images(_named(store, run_ids, found[0], report), found[0], found[0].name, report)
    if same:
        _give(store, same, found[0], None, report)
    return report


def _is_here(source: str) -> bool:
    """Return whether a folder, or the folder that timm's name of a dataset has after the colon, is on this machine."""
    prefix, slash, rest = source.partition("/")
    if slash and prefix.lower() in TIMM_PREFIXES:
        source = rest.rpartition(":")[2]
    return os.path.exists(source)  # not Path's, which raises where a name is too long


def _holds_home(source: str) -> bool:
    """Return whether a folder holds the home folder: nobody waits for all that is listed below ``/``."""
    try:
        return Path.home().resolve().is_relative_to(Path(source).resolve())
    except (OSError, RuntimeError):  # nobody has this id, or links lead back to themselves
        return Path(source) == Path(Path(source).anchor)


def _named(store: Store, run_ids: Collection[str], dataset: Dataset, report: RecordedDatasets) -> list[Run]:
    """Return those of the runs that do not know their dataset and may be on this one, as far as their names tell."""
    chosen = set(run_ids)
    runs = [run for run in store.each_run() if run.run_id in chosen and run.dataset_id is None]
    named: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        named[re.split(r"[/\\]", run.dataset_name or "")[-1]].append(run)
    if len(named) <= 1:
        return runs
    for name in named.keys() - {dataset.name}:
        report.left_out[name or "(no name)"] = f"runs of several datasets were given, and this is not {dataset.name}"
    return named.get(dataset.name, [])


def _of_the_same_images(runs: Iterable[Run], dataset: Dataset, source: str, report: RecordedDatasets) -> list[Run]:
    """Return the runs that may have been trained on these images; a loop of one's own need not say on how many."""
    same = []
    for run in runs:
        if run.n_train not in (None, dataset.n_train):
            report.left_out[source] = f"it has {dataset.n_train} training images now, which is not what was trained on"
        elif _is_imported(run) and run.n_classes is not None and run.n_classes < dataset.n_classes:
            report.left_out[source] = f"it has {dataset.n_classes} classes, and networks of fewer outputs were trained"
        else:
            same.append(run)
    return same


def _is_imported(run: Run) -> bool:
    return run.source not in (Source.TIMM_HOOK, Source.API, Source.COLLECT)


def _give(store: Store, runs: Sequence[Run], dataset: Dataset, root: Path | None, report: RecordedDatasets) -> None:
    """Set the dataset of runs, and what the files of imported ones do not tell of it.

    Their number of classes was that of the network's outputs. Whether timm validated on the training images, the folder
    tells.
    """
    store.set_dataset([run.run_id for run in runs], dataset)
    store.add_runs(
        replace(
            run,
            dataset_id=dataset.dataset_id,
            n_classes=dataset.n_classes,
            extra=run.extra | ({"scored_on_training_images": True} if _validated_on_training(run, root) else {}),
        )
        for run in runs
        if _is_imported(run)
    )
    report.runs += len(runs)


def _validated_on_training(run: Run, root: Path | None) -> bool:
    named = {name: split for name, split in zip(("train_split", "eval_split"), run.splits, strict=True) if split}
    is_folder = root is not None and root.is_dir() and run.source is Source.TIMM_OUTPUT
    return is_folder and validates_on_training_images(root, **named)  # type: ignore[arg-type]
