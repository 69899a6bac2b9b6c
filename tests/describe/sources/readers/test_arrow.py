"""Datasets of Hugging Face, as the library leaves them on the disk."""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pytest

from advisor.describe.dataset import open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.errors import DatasetError


def test_the_newest_build_in_the_cache_of_hugging_face(pets, pack, tmp_path, monkeypatch):
    """The layout of ``datasets.load_dataset``: owner___name/config/version/hash/name-split.arrow."""
    for age, (build, names) in enumerate({"new": ("cat", "dog"), "old": ("dog", "cat")}.items()):
        folder = tmp_path / "cache" / "me___pets" / "default" / "0.0.0" / build
        folder.mkdir(parents=True)
        for split, name in (("train", "train"), ("val", "validation")):
            table, features = pack.image_table(split, names)
            with pa.ipc.new_stream(str(folder / f"pets-{name}.arrow"), table.schema) as writer:
                writer.write_table(table)
        (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
        os.utime(folder, (1e9 - age, 1e9 - age))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for source in ("hfds/me/pets", "hfids/me/pets", f"hfds/me/pets:{tmp_path / 'cache'}"):
        dataset = open_dataset(source)
        assert (dataset.name, dataset.classes, take_fingerprint(dataset).dataset_id) == (
            "pets",
            ("cat", "dog"),
            take_fingerprint(open_dataset(pets)).dataset_id,
        )
    with pytest.raises(DatasetError, match="is not in the cache"):
        open_dataset("hfds/me/others")
