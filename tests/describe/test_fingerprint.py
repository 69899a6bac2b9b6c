"""The identity of a dataset is its content, not where it lies or how it is listed."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.describe import fingerprint
from advisor.describe.dataset import open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.describe.sources.images import ImageDataset, ListedSplit

COUNTS = {"train/cat": 4, "train/dog": 3, "val/cat": 2, "val/dog": 1}


@pytest.fixture
def pets(make_folder):
    return make_folder(COUNTS)


def test_a_copy_elsewhere_under_another_name_is_the_same(pets, tmp_path):
    shutil.copytree(pets, tmp_path / "far" / "animals")
    assert _id(open_dataset(tmp_path / "far" / "animals")) == _id(open_dataset(pets))


def test_another_name_of_the_split_or_of_a_file_is_the_same(pets):
    before = _id(open_dataset(pets))
    (pets / "val").rename(pets / "validation")
    (pets / "train" / "cat" / "000.png").rename(pets / "train" / "cat" / "zzz.png")
    assert _id(open_dataset(pets)) == before


def _change_a_byte(pets):
    path = pets / "train" / "cat" / "001.png"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda pets: (pets / "train" / "cat").rename(pets / "train" / "kitten"),
        lambda pets: (pets / "train" / "cat" / "001.png").unlink(),
        lambda pets: shutil.copy(pets / "train" / "cat" / "001.png", pets / "train" / "cat" / "again.png"),
        lambda pets: (pets / "train" / "cat" / "001.png").rename(pets / "train" / "dog" / "moved.png"),
        lambda pets: (pets / "train" / "cat" / "001.png").rename(pets / "val" / "cat" / "moved.png"),
        _change_a_byte,
    ],
    ids=["class", "less", "more", "relabelled", "resplit", "content"],
)
def test_other_content_is_another_dataset(pets, change):
    before = _id(open_dataset(pets))
    change(pets)
    assert _id(open_dataset(pets)) != before


def _id(dataset: ImageDataset) -> str:
    return take_fingerprint(dataset).dataset_id


def _in_memory(order: list[int]) -> ImageDataset:
    pixels = np.arange(12 * 64, dtype=np.uint8).reshape(12, 8, 8)
    labels = np.array([i % 3 for i in order], dtype=np.int32)

    def opener(index: int):
        from PIL import Image

        return Image.fromarray(pixels[order[index]])

    split = ListedSplit(labels, ("a", "b", "c"), [f"{i}" for i in order], opener)
    return ImageDataset(name="x", root=None, kind="arrays", classes=("a", "b", "c"), train=split)


@settings(max_examples=30, deadline=None)
@given(st.permutations(list(range(12))))
def test_order_does_not_matter(order):
    assert _id(_in_memory(list(order))) == _id(_in_memory(list(range(12))))


def test_composed_and_decomposed_names_are_the_same_class(make_folder):
    composed, decomposed = make_folder({"\u00e9": 2, "b": 2}, "one"), make_folder({"e\u0301": 2, "b": 2}, "two")
    assert _id(open_dataset(composed)) == _id(open_dataset(decomposed))


def test_repeats_conflicts_and_leaks_are_counted(pets):
    cat = pets / "train" / "cat"
    shutil.copy(cat / "000.png", cat / "again.png")
    shutil.copy(cat / "001.png", pets / "train" / "dog" / "wrong.png")
    shutil.copy(cat / "002.png", pets / "val" / "cat" / "leaked.png")
    found = take_fingerprint(open_dataset(pets))
    assert (found.duplicates, found.conflicts, found.leaked, found.n_read) == (2, 1, 1, 13)


def test_above_the_limit_a_sample_and_exact_counts_decide(pets, tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprint, "MAX_FILES", 5)
    found = take_fingerprint(open_dataset(pets))
    assert found.n_read == 4  # of seven and three files a share of five each, rounded down
    shutil.copytree(pets, tmp_path / "copy")
    assert _id(open_dataset(tmp_path / "copy")) == found.dataset_id
    shutil.copy(pets / "train" / "cat" / "000.png", pets / "train" / "cat" / "one-more.png")
    assert _id(open_dataset(pets)) != found.dataset_id


def test_a_file_that_vanishes_does_not_end_it(pets):
    dataset = open_dataset(pets)
    (pets / "train" / "cat" / "000.png").unlink()
    assert len(_id(dataset)) == 32
