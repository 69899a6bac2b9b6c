"""The same images are the same dataset whatever they are packed in; what is no dataset is refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import advisor.describe.sources.opening
from advisor import hookimpl
from advisor.describe.dataset import draw_sample, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.errors import DatasetError
from advisor.plugins import Plugins


def _id(source) -> str:
    return take_fingerprint(open_dataset(source)).dataset_id


def _counts(dataset) -> tuple[int, int, tuple[str, ...]]:
    return dataset.n_train, dataset.n_eval, dataset.classes


def test_the_same_files_are_the_same_dataset(pets, pack, packing):
    packed = open_dataset(packing(pack))
    assert _counts(packed) == (7, 3, ("cat", "dog"))
    assert take_fingerprint(packed).dataset_id == _id(pets)
    sample = draw_sample(packed)
    assert (len(sample.train), len(sample.eval), sample.unreadable) == (7, 3, ())


@pytest.mark.parametrize(
    ("packing", "kind"),
    [
        pytest.param(lambda pack: pack.zip("pets/inner/"), "zip", id="enclosed"),
        pytest.param(lambda pack: pack.zip(slash="\\"), "zip", id="slashes of Windows"),
        pytest.param(lambda pack: pack.csv(";"), "csv", id="semicolons"),
        pytest.param(lambda pack: pack.csv("|"), "csv", id="bars"),
        pytest.param(lambda pack: f"hfds/{pack.saved_to_disk()}", "hfds", id="hfds/"),
        pytest.param(lambda pack: f"hfids/{pack.saved_to_disk()}", "hfds", id="hfids/"),
        pytest.param(lambda pack: pack.shards("folders"), "wds", id="shards in split folders"),
        pytest.param(lambda pack: pack.shards("info"), "wds", id="_info.json"),
        pytest.param(lambda pack: f"wds/{pack.shards()}", "wds", id="wds/"),
        pytest.param(lambda pack: f"wds/any-name:{pack.shards()}", "wds", id="wds/name:root"),
    ],
)
def test_ways_of_writing_and_of_asking(pets, pack, packing, kind):
    packed = open_dataset(packing(pack))
    assert (packed.kind, *_counts(packed)) == (kind, 7, 3, ("cat", "dog"))
    assert take_fingerprint(packed).dataset_id == _id(pets)


def test_files_of_any_packing_are_known_by_their_pixels_too(pack, packing):
    assert take_fingerprint(open_dataset(packing(pack))).nameless[1] == _id(pack.npz())


def test_the_same_pixels_are_the_same_dataset(pack, torch_datasets):
    arrays = tuple(pack.arrays().values())
    for source in (pack.npz(), arrays, torch_datasets(arrays)):
        packed = open_dataset(source)
        assert _counts(packed) == (7, 3, ("0", "1"))
        assert take_fingerprint(packed).dataset_id == _id(arrays)


@pytest.fixture
def torch_datasets():
    """Makes Datasets of torch, which keep no files, of arrays."""
    torch = pytest.importorskip("torch")

    def make(parts):
        return tuple(torch.utils.data.TensorDataset(*map(torch.from_numpy, part)) for part in parts)

    return make


def test_datasets_of_torch_that_keep_files_are_the_dataset_of_these(pets):
    folder = pytest.importorskip("torchvision.datasets").ImageFolder
    source = (folder(str(pets / "train")), folder(str(pets / "val")))
    assert _id(source) == _id(pets)


def test_the_hook_is_asked_first(monkeypatch, pets):
    class Opener:
        @hookimpl
        def advisor_open_dataset(self, source):
            return open_dataset(pets) if source == "mine://pets" else None

    plugins = Plugins("none")
    plugins.register(Opener(), "mine")
    monkeypatch.setattr(advisor.describe.sources.opening, "get_plugins", lambda: plugins)
    assert open_dataset("mine://pets").n_train == 7
    with pytest.raises(DatasetError, match="there is no dataset"):
        open_dataset("other://pets")


@pytest.mark.parametrize("source", ["", "wds/", "hfds/"])
def test_an_empty_name_is_not_the_folder_one_is_in(source, pets, monkeypatch):
    monkeypatch.chdir(pets)
    with pytest.raises(DatasetError, match="the dataset has no name"):
        open_dataset(source)


@pytest.mark.parametrize("source", [None, 3, {"a": 1}, [1, 2]])
def test_things_that_are_no_source(source):
    with pytest.raises(DatasetError, match="is no dataset"):
        open_dataset(source)


def test_a_single_image_file_is_no_dataset(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "one.png")
    with pytest.raises(DatasetError, match="is a file that holds no dataset"):
        open_dataset(tmp_path / "one.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", ["pets.csv", "pets.zip", "pets.npz", "pets.parquet", "pets"])
def test_what_is_neither_a_folder_nor_a_file_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match="neither a folder nor a regular file"):
        open_dataset(tmp_path / name)


def test_a_link_that_leads_nowhere_is_called_that(tmp_path):
    (tmp_path / "pets").symlink_to(tmp_path / "pets")
    with pytest.raises(DatasetError, match="a link that leads nowhere"):
        open_dataset(tmp_path / "pets")


def test_a_torchvision_name_with_its_root(tmp_path):
    pytest.importorskip("timm")
    root = tmp_path / "root" / "MNIST" / "raw"
    root.mkdir(parents=True)
    for part, n in (("train", 20), ("t10k", 10)):
        images = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
        header = b"".join(int(v).to_bytes(4, "big") for v in (2051, n, 28, 28))
        (root / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = b"".join(int(v).to_bytes(4, "big") for v in (2049, n))
        (root / f"{part}-labels-idx1-ubyte").write_bytes(header + bytes(i % 10 for i in range(n)))
    dataset = open_dataset(f"torch/mnist:{tmp_path / 'root'}")
    assert (dataset.name, dataset.n_train, dataset.n_eval, dataset.n_classes) == ("mnist", 20, 10, 10)
    assert dataset.classes[3] == "3 - three"


def test_a_torchvision_name_that_is_not_there(tmp_path):
    pytest.importorskip("timm")
    with pytest.raises(DatasetError, match="cannot be opened below"):
        open_dataset(f"torch/cifar10:{tmp_path}")


def test_the_page_has_every_packing_and_what_it_is_known_by(pack_of, packing):
    """docs/datasets.md is a table of what is read and how."""
    kind = open_dataset(packing(pack_of({"train/cat": 2, "train/dog": 2}))).kind
    assert (kind, "files") in _page()


def test_the_page_has_what_is_known_by_its_pixels(pack, torch_datasets):
    arrays = tuple(pack.arrays().values())
    kinds = {open_dataset(source).kind for source in (pack.npz(), arrays, torch_datasets(arrays))}
    assert {kind for kind, known_by in _page() if known_by == "pixels"} == kinds


def _page() -> set[tuple[str, str]]:
    """Return the kinds of the page's table and what each is known by."""
    lines = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    heading, *rows = cells
    return {(row[heading.index("kind")], row[heading.index("known by")]) for row in rows}
