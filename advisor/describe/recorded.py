"""Describes the folders that recorded runs were trained on, so that the runs say what their images are like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from advisor.describe.dataset import describe, open_dataset
from advisor.describe.groups import put_in_group
from advisor.describe.sources.class_map import of_classes, read_class_map
from advisor.describe.sources.splits import validates_on_training_images
from advisor.errors import AdvisorError
from advisor.records.schema import Source
from advisor.records.store.store import Store


@dataclass
class RecordedDatasets:
    """What became of the folders: runs that know their dataset now, and folders left out with the reason."""

    runs: int = 0
    left_out: dict[str, str] = field(default_factory=dict)


def describe_recorded(store: Store) -> RecordedDatasets:
    """Describe the folder of every run that does not know its dataset yet, if the folder is still the same.

    A folder on another machine, or one whose number of training images is not what the run had, is left out. Of a run
    with a class map, the images of its classes are described. An imported run that was scored on its training images is
    marked so.

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
    trained_on: dict[tuple[str, str | None], list[tuple[str, int | None]]] = defaultdict(list)
    for run_id, folder, class_map, n_train in store.runs_without_dataset():
        trained_on[folder, class_map or None].append((run_id, n_train))
    for (folder, class_map), runs in trained_on.items():
        if not Path(folder).exists():
            report.left_out[folder] = "there is no such folder on this machine"
            continue
        try:
            images = open_dataset(folder)
            if class_map is not None:
                images = of_classes(images, read_class_map(class_map, Path(folder)))
            dataset = describe(images).dataset
        except AdvisorError as error:
            report.left_out[folder] = str(error)
            continue
        # A loop of one's own need not say how many images it took.
        same = [run_id for run_id, n_train in runs if n_train in (None, dataset.n_train)]
        if len(same) < len(runs):
            report.left_out[folder] = f"it has {dataset.n_train} training images now, which is not what was trained on"
        if same:
            put_in_group(store, images, dataset)
            store.set_dataset(same, dataset)
            _mark_scored_on_training_images(store, same, dataset.dataset_id)
            report.runs += len(same)
    return report


def _mark_scored_on_training_images(store: Store, run_ids: Collection[str], dataset_id: str) -> None:
    """Mark imported runs that timm validated on their training images: their files do not tell, the folder does."""
    chosen, marked = set(run_ids), []
    for run in store.runs(source=Source.TIMM_OUTPUT, dataset=dataset_id):
        named = {name: split for name, split in zip(("train_split", "eval_split"), run.splits, strict=True) if split}
        if run.run_id in chosen and validates_on_training_images(Path(run.extra["dataset_root"]), **named):
            marked.append(replace(run, extra={**run.extra, "scored_on_training_images": True}))
    store.add_runs(marked)
