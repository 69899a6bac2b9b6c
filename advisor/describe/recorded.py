"""Describes the folders that recorded runs were trained on, so that the runs say what their images are like."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from advisor.describe.dataset import describe, open_dataset
from advisor.describe.groups import put_in_group
from advisor.errors import AdvisorError
from advisor.records.store.store import Store


@dataclass
class RecordedDatasets:
    """What became of the folders: runs that know their dataset now, and folders left out with the reason."""

    runs: int = 0
    left_out: dict[str, str] = field(default_factory=dict)


def describe_recorded(store: Store) -> RecordedDatasets:
    """Describe the folder of every run that does not know its dataset yet, if the folder is still the same.

    A folder on another machine, or one whose number of training images is not what the run had, is left out.

    Parameters
    ----------
    store : Store
        The runs; datasets are added to it.

    Raises
    ------
    StoreError
        If the store cannot be written.
    """
    report = RecordedDatasets()
    folders: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    for run_id, folder, n_train in store.runs_without_dataset():
        folders[folder].append((run_id, n_train))
    for folder, runs in folders.items():
        if not Path(folder).is_dir():
            report.left_out[folder] = "there is no such folder on this machine"
            continue
        try:
            images = open_dataset(folder)
            dataset = describe(images).dataset
        except AdvisorError as error:
            report.left_out[folder] = str(error)
            continue
        same = [run_id for run_id, n_train in runs if n_train == dataset.n_train]
        if len(same) < len(runs):
            report.left_out[folder] = f"it has {dataset.n_train} training images now, which is not what was trained on"
        if same:
            put_in_group(store, images, dataset)
            store.set_dataset(same, dataset.dataset_id)
            report.runs += len(same)
    return report
