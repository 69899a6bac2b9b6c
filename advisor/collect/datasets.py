"""Finds the datasets of a plan; builds and describes them where that is still to be done."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from advisor.collect.planning.plan import PlannedDataset
from advisor.collect.training.images import measure
from advisor.describe.dataset import describe, open_dataset
from advisor.describe.groups import put_in_group
from advisor.errors import AdvisorError
from advisor.records.store.store import Store


@dataclass(frozen=True)
class Prepared:
    """The datasets of a plan that can be trained on, and the names of those that are not there."""

    datasets: list[PlannedDataset]
    dataset_ids: dict[str, str]
    """Id in the store, by name."""
    missing: list[str]


def prepare(
    names: Iterable[str],
    data_dir: Path,
    store: Store,
    build: Callable[[str], object] | None,
    probe_seconds: float | None = None,
) -> Prepared:
    """Measure and describe the datasets that are there, and put their descriptions into the store.

    Parameters
    ----------
    names : iterable of str
        Folders in ``data_dir``, each with its provenance in NAME.json beside it where it was built from a source. One
        without is in the group of the stored datasets it shares images with, else in one of its own.
    data_dir : Path
        Where the datasets are.
    store : Store
        Where their descriptions go.
    build : callable, optional
        Called with the name of a dataset that is not there; None leaves such datasets out.
    probe_seconds : float, optional
        Time allowed for the probe of each; by default none is made, and one that the store has is kept.

    Raises
    ------
    DatasetError
        If a dataset cannot be trained on or described.
    """
    datasets, dataset_ids, missing = [], {}, []
    known = {dataset.name: dataset for dataset in store.datasets()}
    for name in names:
        path = data_dir / name
        if build is not None and not path.is_dir():
            build(name)
        if not path.is_dir():
            missing.append(name)
            continue
        is_built = path.with_name(f"{name}.json").is_file()
        dataset = replace(describe(path, probe_seconds=probe_seconds).dataset, name=name, group=name)
        before = known.get(name)
        if before is not None and before.dataset_id == dataset.dataset_id:
            dataset = replace(dataset, group=before.group, features={**before.features, **dataset.features})
        if is_built:
            dataset = replace(dataset, group=read_provenance(data_dir, name)["group"])
        if before != dataset:
            if is_built:
                store.put_dataset(dataset)
            else:
                dataset = put_in_group(store, open_dataset(path), dataset)
        datasets.append(PlannedDataset(name, path, dataset.group, measure(path)))
        dataset_ids[name] = dataset.dataset_id
    return Prepared(datasets, dataset_ids, missing)


def read_provenance(data_dir: Path, name: str) -> dict[str, Any]:
    """Return what a dataset in ``data_dir`` was made from, in the group that its source has now.

    Groups are merged when they are found to share images; a dataset that was built before is not built again for that.

    Raises
    ------
    AdvisorError
        If NAME.json is not there or is no JSON.
    """
    path = data_dir / f"{name}.json"
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AdvisorError(
            f"the provenance of a dataset cannot be read from {path}",
            cause=str(error),
            hint="build the dataset with python -m advisor._meta_data.sources, or write that file by hand",
        ) from error
    return {**facts, "group": _groups_of_sources().get(name, facts["group"])}


@functools.cache
def _groups_of_sources() -> dict[str, str]:
    from advisor._meta_data.sources import list_datasets

    return {spec.name: spec.group for spec in list_datasets()}
