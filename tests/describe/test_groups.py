"""A user's datasets that share images come to be of one group, and only those."""

from __future__ import annotations

import pytest
from PIL import Image

from advisor.describe.dataset import describe, open_dataset
from advisor.describe.groups import put_in_group
from advisor.describe.recorded import describe_recorded
from advisor.records.schema import Run, Source, new_id
from advisor.records.store.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'records.db'}")
    yield store
    store.close()


@pytest.fixture
def folder(scene, tmp_path):
    """Return a function that writes pictures as a folder of two classes, at any size."""

    def write(name, seeds, side=96, suffix="png"):
        for seed in seeds:
            path = tmp_path / name / ("odd" if seed % 2 else "even") / f"{seed:03d}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            scene(seed).resize((side, side), Image.Resampling.BICUBIC).save(path)
        return tmp_path / name

    return write


def put(store, path):
    images = open_dataset(path)
    return put_in_group(store, images, describe(images).dataset)


def groups(store):
    return {dataset.name: dataset.group for dataset in store.datasets()}


def test_smaller_jpeg_copies_of_some_images_join_the_group(store, folder):
    put(store, folder("whole", range(40)))
    assert put(store, folder("part", range(12), side=60, suffix="jpg")).group == "whole"
    assert put(store, folder("other", range(100, 140))).group == "other"
    assert groups(store) == {"whole": "whole", "part": "whole", "other": "other"}


def test_a_dataset_that_ties_two_groups_together_makes_them_one(store, folder):
    put(store, folder("first", range(20)))
    put(store, folder("second", range(50, 70)))
    put(store, folder("other", range(100, 120)))
    put(store, folder("both", [*range(20), *range(50, 60)]))
    found = groups(store)
    assert found["first"] == found["second"] == found["both"] != found["other"]


def test_describing_one_of_a_group_again_leaves_it_there(store, folder):
    whole, part = folder("whole", range(40)), folder("part", range(12))
    for path in (whole, part, whole, part):
        put(store, path)
    assert groups(store) == {"whole": "whole", "part": "whole"}


def test_the_datasets_of_recorded_runs_are_put_into_groups(store, folder):
    for name, seeds in (("whole", range(40)), ("part", range(12))):
        extra = {"dataset_root": str(folder(name, seeds))}
        store.add_runs([Run(run_id=new_id(), source=Source.TIMM_HOOK, n_train=len(seeds), extra=extra)])
    assert describe_recorded(store).runs == 2
    assert len(set(groups(store).values())) == 1
