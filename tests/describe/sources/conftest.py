"""The same pets in every packing."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

COUNTS = {"train/cat": 4, "train/dog": 3, "val/cat": 2, "val/dog": 1}
ROWS = [
    (split, label, i)
    for split_label, n in COUNTS.items()
    for split, label in [split_label.split("/")]
    for i in range(n)
]


@pytest.fixture
def pets(make_folder) -> Path:
    """A folder of cats and dogs: seven to train on, three to evaluate on."""
    return make_folder(COUNTS)


@pytest.fixture
def pack(pets: Path, tmp_path: Path) -> Packing:
    """Writes the pets again, each method in a packing of its own, and returns where they are."""
    return Packing(pets, tmp_path / "packed")


class Packing:
    def __init__(self, root: Path, out: Path) -> None:
        self.root, self.out = root, out

    def zip(self, prefix: str = "") -> Path:
        path = self.out.with_suffix(".zip")
        with zipfile.ZipFile(path, "w") as archive:
            for folder, _, files in os.walk(self.root):
                for file in files:
                    whole = os.path.join(folder, file)
                    archive.write(whole, prefix + os.path.relpath(whole, self.root))
        return path

    def tar(self, split: str = ".", suffix: str = ".tar", mode: str = "w") -> Path:
        path = self.out.with_suffix(suffix)
        with tarfile.open(path, mode) as archive:
            archive.add(self.root / split, arcname=".")
        return path

    def tar_of_tars(self) -> Path:
        path = self.out.with_suffix(".tar")
        with tarfile.open(path, "w") as outer:
            for label in ("cat", "dog"):
                inner = io.BytesIO()
                with tarfile.open(fileobj=inner, mode="w") as archive:
                    for file in sorted((self.root / "train" / label).iterdir()):
                        archive.add(file, arcname=file.name)
                _add(outer, f"{label}.tar", inner.getvalue())
        return path

    def csv(self, delimiter: str = ",") -> Path:
        path = self.root / ("pets.tsv" if delimiter == "\t" else "pets.csv")
        with open(path, "w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file, delimiter=delimiter).writerows([("File_Name", "Label", "Split"), *_listed()])
        return path

    def parquet(self) -> Path:
        columns = dict(zip(("path", "label", "split"), map(list, zip(*_listed(), strict=True)), strict=True))
        pa.parquet.write_table(pa.table(columns), self.root / "pets.parquet")
        return self.root / "pets.parquet"

    def image_table(self, split: str, names: tuple[str, ...] = ("cat", "dog")) -> tuple[pa.Table, dict[str, Any]]:
        """Return a split with its images inside, and the features as Hugging Face describes them."""
        rows = [(label, i) for s, label, i in ROWS if s == split]
        images = [{"bytes": self._content(split, label, i), "path": None} for label, i in rows]
        features = {"image": {"_type": "Image"}, "label": {"names": list(names), "_type": "ClassLabel"}}
        schema = pa.schema(
            [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())],
            metadata={"huggingface": json.dumps({"info": {"features": features}})},
        )
        return pa.table({"image": images, "label": [names.index(label) for label, _ in rows]}, schema=schema), features

    def saved_to_disk(self) -> Path:
        """Write what ``datasets.DatasetDict.save_to_disk`` writes."""
        self.out.mkdir()
        (self.out / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "validation"]}))
        for split, name in (("train", "train"), ("val", "validation")):
            table, features = self.image_table(split)
            folder, shard = self.out / name, "data-00000-of-00001.arrow"
            folder.mkdir()
            (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
            (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": shard}]}))
            with pa.ipc.new_stream(str(folder / shard), table.schema) as writer:
                writer.write_table(table.replace_schema_metadata(None), max_chunksize=2)
        return self.out

    def parquet_shards(self) -> Path:
        (self.out / "data").mkdir(parents=True)
        for split, name in (("train", "train"), ("val", "validation")):
            table, _ = self.image_table(split)
            pa.parquet.write_table(table, self.out / "data" / f"{name}-00000-of-00001.parquet", row_group_size=2)
        return self.out

    def shards(self, info: bool = False) -> Path:
        """Write what webdataset writes, its splits told by an ``_info.json`` or by their names."""
        self.out.mkdir()
        (self.out / "classnames.txt").write_text("cat\ndog\n")
        names = (
            {"train": ["a-0.tar", "a-1.tar"], "val": ["b-0.tar"]}
            if info
            else {"train": ["x-train-0.tar", "x-train-1.tar"], "val": ["x-val-0.tar"]}
        )
        if info:
            splits = {"train": {"filenames": names["train"]}, "validation": {"filenames": names["val"]}}
            (self.out / "_info.json").write_text(json.dumps({"splits": splits}))
        for split, shards in names.items():
            for n, shard in enumerate(shards):
                with tarfile.open(self.out / shard, "w") as archive:
                    for label, i in [(label, i) for s, label, i in ROWS if s == split][n :: len(shards)]:
                        _add(archive, f"{label}{i}.png", self._content(split, label, i))
                        _add(archive, f"{label}{i}.cls", str(["cat", "dog"].index(label)).encode())
        return self.out

    def _content(self, split: str, label: str, i: int) -> bytes:
        return (self.root / split / label / f"{i:03d}.png").read_bytes()


def _listed() -> list[tuple[str, str, str]]:
    return [(f"{split}/{label}/{i:03d}.png", label, split) for split, label, i in ROWS]


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
