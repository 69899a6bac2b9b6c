"""The same pets in every packing."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

PETS = {"train/cat": 4, "train/dog": 3, "val/cat": 2, "val/dog": 1}
OF_FILES = (
    "folder", "zip", "tar", "csv", "tsv", "parquet", "parquet_shards", "saved_to_disk", "cached", "shards", "tfds"
)  # fmt: skip
"""Packings that keep the files of the images and the names of their splits."""


@pytest.fixture
def pets(make_folder) -> Path:
    """A folder of cats and dogs: seven to train on, three to evaluate on."""
    return make_folder(PETS)


@pytest.fixture
def pack(pets: Path, tmp_path: Path) -> Packing:
    """Writes the pets again, each method in a packing of its own, and returns where they are."""
    return Packing(pets, tmp_path / "packed")


@pytest.fixture
def pack_of(make_folder, tmp_path: Path) -> Callable[[Mapping[str, int]], Packing]:
    """Makes what packs ``{split/class: number of images}``; a split without classes has no labels."""
    return lambda counts: Packing(make_folder(counts), tmp_path / "packed")


@pytest.fixture(params=OF_FILES)
def packing(request: pytest.FixtureRequest) -> Callable[[Packing], Path | str]:
    """Each of the packings that keep files and the names of splits."""
    return lambda pack: getattr(pack, request.param)()


class Packing:
    """Packs a folder of splits of class folders, or of splits of images without labels."""

    def __init__(self, root: Path, out: Path) -> None:
        self.root, self.out = root, out
        parts = [path.relative_to(root).parts for path in sorted(root.rglob("*.png"))]
        self.rows = [(p[0], p[1] if len(p) > 2 else None, root.joinpath(*p)) for p in parts]
        self.splits = list(dict.fromkeys(split for split, _, _ in self.rows))
        self.classes = sorted({label for _, label, _ in self.rows if label is not None})

    def folder(self) -> Path:
        return self.root

    def zip(self, prefix: str = "", slash: str = "/") -> Path:
        path = self.out.with_suffix(".zip")
        with zipfile.ZipFile(path, "w") as archive:
            for _, _, file in self.rows:
                archive.writestr(
                    (prefix + file.relative_to(self.root).as_posix()).replace("/", slash), file.read_bytes()
                )
        return path

    def tar(self, split: str = ".", suffix: str = ".tar", mode: str = "w") -> Path:
        path = self.out.with_suffix(suffix)
        with tarfile.open(path, mode) as archive:
            archive.add(self.root / split, arcname=".")
        return path

    def tar_of_tars(self) -> Path:
        path = self.out.with_suffix(".tar")
        with tarfile.open(path, "w") as outer:
            for label in self.classes:
                inner = io.BytesIO()
                with tarfile.open(fileobj=inner, mode="w") as archive:
                    for file in sorted((self.root / "train" / label).iterdir()):
                        archive.add(file, arcname=file.name)
                _add(outer, f"{label}.tar", inner.getvalue())
        return path

    def csv(self, delimiter: str = ",") -> Path:
        path = self.root / ("pets.tsv" if delimiter == "\t" else "pets.csv")
        with open(path, "w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file, delimiter=delimiter).writerows([("File_Name", "Label", "Split"), *self.listed()])
        return path

    def tsv(self) -> Path:
        return self.csv("\t")

    def listed(self) -> list[tuple[str, str | None, str]]:
        """Return path, label and split of each image."""
        return [(file.relative_to(self.root).as_posix(), label, split) for split, label, file in self.rows]

    def parquet(self) -> Path:
        columns = dict(zip(("path", "label", "split"), map(list, zip(*self.listed(), strict=True)), strict=True))
        pa.parquet.write_table(pa.table(columns), self.root / "pets.parquet")
        return self.root / "pets.parquet"

    def image_table(self, split: str, names: list[str] | None = None) -> tuple[pa.Table, dict[str, Any]]:
        """Return a split with its images inside, and the features as Hugging Face describes them."""
        names = names or self.classes
        images = [{"bytes": content, "path": None} for content, _ in self._images(split)]
        labels = [-1 if label is None else names.index(label) for _, label in self._images(split)]
        features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        schema = pa.schema(
            [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())],
            metadata={"huggingface": json.dumps({"info": {"features": features}})},
        )
        return pa.table({"image": images, "label": labels}, schema=schema), features

    def saved_to_disk(self) -> Path:
        """Write what ``datasets.DatasetDict.save_to_disk`` writes."""
        self.out.mkdir()
        (self.out / "dataset_dict.json").write_text(json.dumps({"splits": self.splits}))
        for split in self.splits:
            table, features = self.image_table(split)
            folder, shard = self.out / split, "data-00000-of-00001.arrow"
            folder.mkdir()
            (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
            (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": shard}]}))
            with pa.ipc.new_stream(str(folder / shard), table.schema) as writer:
                writer.write_table(table.replace_schema_metadata(None), max_chunksize=2)
        return self.out

    def parquet_shards(self, folder: str = "data") -> Path:
        """Write what a repository of the Hub has."""
        (self.out / folder).mkdir(parents=True)
        for split in self.splits:
            path = self.out / folder / f"{split}-00000-of-00001.parquet"
            pa.parquet.write_table(self.image_table(split)[0], path, row_group_size=2)
        return self.out

    def cached(self, config: str = "default", build: str = "hash", names: list[str] | None = None) -> str:
        """Write what ``datasets.load_dataset`` leaves in its cache, and return how timm asks for it."""
        folder = self.out / "me___pets" / config / "0.0.0" / build
        folder.mkdir(parents=True)
        for split in self.splits:
            table, features = self.image_table(split, names)
            with pa.ipc.new_stream(str(folder / f"pets-{split}.arrow"), table.schema) as writer:
                writer.write_table(table)
        (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
        return f"hfds/me/pets:{self.out}"

    def shards(self, told_by: str = "names") -> Path:
        """Write what webdataset writes, its splits told by the shards' ``names``, their ``folders`` or an ``info``."""
        self.out.mkdir()
        (self.out / "classnames.txt").write_text("".join(f"{label}\n" for label in self.classes))
        pattern = {"names": "x-{split}-{n}.tar", "folders": "{split}/{n}.tar", "info": "{letter}-{n}.tar"}[told_by]
        filenames = {}
        for letter, split in zip("abcd", self.splits, strict=False):
            filenames[split] = [pattern.format(split=split, letter=letter, n=n) for n in range(2)]
            for n, shard in enumerate(filenames[split]):
                (self.out / shard).parent.mkdir(exist_ok=True)
                with tarfile.open(self.out / shard, "w") as archive:
                    for i, (content, label) in list(enumerate(self._images(split)))[n::2]:
                        number = -1 if label is None else self.classes.index(label)
                        _add(archive, f"{i}.png", content)
                        _add(archive, f"{i}.cls", str(number).encode())
        if told_by == "info":
            splits = {split: {"filenames": names} for split, names in filenames.items()}
            (self.out / "_info.json").write_text(json.dumps({"splits": splits}))
        return self.out

    def tfds(self) -> str:
        """Prepare a dataset of TensorFlow Datasets, and return how timm asks for it."""
        tfds = pytest.importorskip("tensorflow_datasets")
        splits = {split: [(file, label) for s, label, file in self.rows if s == split] for split in self.splits}
        classes = self.classes

        with tfds.core.registered.skip_registration():

            class Pets(tfds.core.GeneratorBasedBuilder):
                VERSION = tfds.core.Version("1.0.0")

                def _info(self):
                    features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(names=classes)}
                    return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

                def _split_generators(self, dl_manager):
                    return {split: self._generate_examples(rows) for split, rows in splits.items()}

                def _generate_examples(self, rows):
                    for file, label in rows:
                        yield file.as_posix(), {"image": str(file), "label": -1 if label is None else label}

        Pets(data_dir=str(self.out)).download_and_prepare()
        return f"tfds/pets:{self.out}"

    def arrays(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the decoded images and the numbers of their classes, by split; -1 where there is no label."""
        return {
            split: (
                np.stack([np.asarray(Image.open(io.BytesIO(content))) for content, _ in self._images(split)]),
                np.array([-1 if la is None else self.classes.index(la) for _, la in self._images(split)]),
            )
            for split in self.splits
        }

    def npz(self, style: str = "medmnist") -> Path:
        """Write arrays as MedMNIST names them, or as Keras does."""
        path = self.out.with_suffix(".npz")
        images, labels = {"medmnist": ("{}_images", "{}_labels"), "keras": ("x_{}", "y_{}")}[style]
        arrays = {images.format(split): x for split, (x, _) in self.arrays().items()}
        arrays |= {labels.format(split): y[:, None] for split, (_, y) in self.arrays().items()}
        np.savez_compressed(path, **arrays) if style == "medmnist" else np.savez(path, **arrays)
        return path

    def _images(self, split: str) -> list[tuple[bytes, str | None]]:
        return [(file.read_bytes(), label) for s, label, file in self.rows if s == split]


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
