"""Arrays in files: read in order, never all at a time; what is damaged or something else is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.describe.dataset import describe, draw_sample, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.errors import DatasetError


def test_as_medmnist_and_as_keras_write_it(pack_of):
    pack = pack_of({"train/a": 3, "train/b": 2, "val/a": 1, "val/b": 2, "test/a": 1, "test/b": 1})
    sources = [pack.npz("medmnist"), pack.npz("keras")]
    of_arrays = take_fingerprint(open_dataset(tuple(pack.arrays()[split] for split in ("train", "val"))))
    for source in sources:
        dataset = open_dataset(source)
        assert (dataset.kind, dataset.n_train, dataset.n_eval, dataset.classes) == ("npz", 5, 3, ("0", "1"))
        assert take_fingerprint(dataset).dataset_id == of_arrays.dataset_id
        assert len(draw_sample(dataset).train) == 5


def test_keras_has_train_and_test(pack_of):
    dataset = open_dataset(pack_of({"train/a": 3, "train/b": 2, "test/a": 1, "test/b": 2}).npz("keras"))
    assert (dataset.n_train, dataset.n_eval) == (5, 3)


@pytest.mark.parametrize("names", [("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "target")])
def test_one_split(tmp_path, names):
    images = np.random.default_rng(0).integers(0, 256, (600, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "one.npz", **dict(zip(names, (images, np.arange(600) % 3), strict=True)))
    dataset = open_dataset(tmp_path / "one.npz")
    assert (dataset.n_train, dataset.n_eval) == (600, 0)
    for row in (599, 0, 300, 299):  # forth and back
        assert np.array_equal(np.asarray(dataset.train.open(row)), images[row])


def test_columns_first(tmp_path):
    images = np.asfortranarray(np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8))
    np.savez(tmp_path / "one.npz", images=images, labels=np.arange(6) % 2)
    assert np.array_equal(np.asarray(open_dataset(tmp_path / "one.npz").train.open(4)), images[4])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "it holds no array"),
        ({"arr_0": np.zeros((3, 4, 4)), "arr_1": np.arange(3)}, "its arrays are arr_0 3x4x4, arr_1 3"),
        ({"features": np.zeros((3, 4)), "labels": np.arange(3)}, "its arrays are features 3x4, labels 3"),
        ({"images": np.zeros((3, 4, 4)), "labels": np.arange(4)}, "3 images and 4 labels do not fit"),
        ({"images": np.zeros((3, 4, 4)), "labels": np.eye(3)[:, ::-1] * 2}, "several labels"),
        ({"images": np.zeros((4, 4, 4)), "labels": np.array(["a", {}, 1, 2], dtype=object)}, "Object arrays cannot"),
        ({"test_images": np.zeros((4, 4, 4)), "test_labels": np.arange(4) % 2}, "the names of its arrays holds test"),
        ({"train_images": np.zeros((4, 4, 4)), "train_labels": np.arange(4) / 3}, "measurements"),
    ],
)
def test_what_is_refused(tmp_path, arrays, said):
    np.savez(tmp_path / "odd.npz", **arrays)
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path / "odd.npz")
    assert said in str(caught.value)


def test_a_file_that_lacks_its_beginning_is_refused_as_that(tmp_path):
    np.savez(tmp_path / "cut.npz", x=np.zeros((6, 8, 8), np.uint8), y=np.arange(6) % 2)
    content = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[100:])
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path / "cut.npz")
    assert caught.value.cause == "bytes before its directory are missing"


def test_a_file_that_ends_too_early_is_refused(pack):
    path = pack.npz()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match="cannot read"):
        open_dataset(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), compressed=st.booleans())
def test_any_damage_ends_in_a_dataset_or_a_refusal(tmp_path, data, compressed):
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)
    (np.savez_compressed if compressed else np.savez)(tmp_path / "any.npz", x=images, y=np.arange(6) % 2)
    content = bytearray((tmp_path / "any.npz").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "any.npz").write_bytes(content)
    try:
        describe(tmp_path / "any.npz")
    except DatasetError as error:
        assert error.cause  # noqa: PT017 - either outcome is right
