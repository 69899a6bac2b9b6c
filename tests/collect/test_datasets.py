"""In which group a dataset is collected: that of its source, or of the datasets it shares images with."""

import json

import numpy as np
import pytest
from PIL import Image

from advisor.collect.datasets import prepare


@pytest.fixture
def folders(tmp_path):
    """Return a folder of three datasets without provenance: ``small`` has some images of ``large``, enlarged."""

    def write(name, seeds, side):
        for seed in seeds:
            cells = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
            for split in ("train", "validation"):
                path = tmp_path / name / split / ("odd" if seed % 2 else "even") / f"{seed}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(cells).resize((side, side)).save(path)

    write("large", range(20), 32)
    write("small", range(8), 48)
    write("other", range(100, 116), 32)
    return tmp_path


def test_datasets_that_share_images_are_of_one_group_and_stay_there(folders, store):
    for _ in range(2):
        prepared = prepare(["large", "small", "other"], folders, store, None)
        assert {one.name: one.group for one in prepared.datasets} == {
            "large": "large",
            "small": "large",
            "other": "other",
        }
        assert {one.name: one.group for one in store.datasets()} == {one.name: one.group for one in prepared.datasets}


def test_provenance_decides_where_there_is_one(folders, store):
    (folders / "small.json").write_text(json.dumps({"name": "small", "group": "drawings"}))
    prepared = prepare(["large", "small"], folders, store, None)
    assert [one.group for one in prepared.datasets] == ["large", "drawings"]
