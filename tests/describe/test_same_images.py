"""The same images as files and as arrays are one dataset, whichever was described first."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from advisor.config import Config
from advisor.describe.cache import Cache
from advisor.describe.dataset import describe, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.describe.same_images import FOLDER, other_identities, runs_on
from advisor.describe.sources import pixels
from advisor.describe.sources.pixels import digest_of_classes
from advisor.records.schema import Run, Source, Status
from advisor.records.store.store import Store

COUNTS = {"train/cat": 6, "train/dog": 5, "val/cat": 2, "val/dog": 2}


@pytest.fixture
def folder(make_folder):
    return make_folder(COUNTS)


@pytest.fixture
def arrays(folder):
    """The images of the folder, decoded."""
    return _decoded(folder)


def _decoded(folder, mode="RGB"):
    def part(split):
        files = sorted((folder / split).rglob("*.*"))
        images = np.stack([np.asarray(Image.open(file).convert(mode)) for file in files])
        return images, np.array([1 if file.parent.name == "cat" else 0 for file in files])

    return part("train"), part("val")


def test_arrays_have_the_identity_of_the_files_that_were_described_before(folder, arrays, tmp_path):
    of_files = describe(folder, cache_dir=tmp_path / "cache").dataset
    of_arrays = describe(arrays, cache_dir=tmp_path / "cache").dataset
    assert of_arrays.dataset_id == of_files.dataset_id
    assert (of_arrays.n_train, of_arrays.n_eval, of_arrays.features) == (11, 4, of_files.features)


def test_files_keep_their_identity_and_know_that_of_the_arrays_that_came_first(folder, arrays, tmp_path):
    of_arrays = describe(arrays, cache_dir=tmp_path / "cache").dataset
    of_files = describe(folder, cache_dir=tmp_path / "cache").dataset
    assert of_files.dataset_id == describe(folder, cache_dir=tmp_path / "none").dataset.dataset_id
    assert other_identities(of_files.dataset_id, tmp_path / "cache") == (of_arrays.dataset_id,)
    assert other_identities(of_arrays.dataset_id, tmp_path / "cache") == ()
    assert describe(arrays, cache_dir=tmp_path / "cache").dataset.dataset_id == of_files.dataset_id


def test_runs_on_the_arrays_count_as_runs_on_the_files(folder, arrays, tmp_path):
    store, cache = Store(f"sqlite:///{tmp_path / 'records.db'}"), Config()["cache_dir"]
    of_arrays = describe(arrays, cache_dir=cache).dataset.dataset_id
    of_files = describe(folder, cache_dir=cache).dataset.dataset_id
    known = {"source": Source.API, "status": Status.FINISHED, "started_at": datetime.now(timezone.utc)}
    store.add_runs(
        Run(run_id=str(i), dataset_id=one, **known) for i, one in enumerate((of_arrays, of_files, "another"))
    )
    assert {run.run_id: run.dataset_id for run in runs_on(store, of_files, cache)} == {"0": of_files, "1": of_files}
    assert [run.run_id for run in runs_on(store, "another", cache)] == ["2"]


def test_files_in_classes_without_names_are_those_in_named_ones(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "MAX_PIXELS", 0)  # the files alone tell
    cache = tmp_path / "cache"
    rows = [(f"{file.relative_to(folder)}", file.parent.name, file.parent.parent.name) for file in _files(folder)]
    for name, numbers in (("named.csv", {"cat": "cat", "dog": "dog"}), ("numbered.csv", {"cat": "1", "dog": "0"})):
        lines = ["path,label,split", *(f"{path},{numbers[label]},{split}" for path, label, split in rows)]
        (folder / name).write_text("\n".join(lines))
    alone = describe(folder / "numbered.csv", cache_dir=tmp_path / "none").dataset.dataset_id
    assert describe(folder / "numbered.csv", cache_dir=cache).dataset.dataset_id == alone
    named = describe(folder / "named.csv", cache_dir=cache).dataset.dataset_id
    assert describe(folder, cache_dir=tmp_path / "none").dataset.dataset_id == named != alone
    assert other_identities(named, cache) == (alone,)
    assert describe(folder / "numbered.csv", cache_dir=cache).dataset.dataset_id == named


def _files(folder):
    return sorted(folder.rglob("*.png"))


def test_of_two_encodings_of_the_same_pixels_arrays_keep_the_first(folder, arrays, tmp_path):
    first = describe(folder, cache_dir=tmp_path / "cache").dataset.dataset_id
    for file in folder.rglob("*.png"):
        Image.open(file).save(file, compress_level=0)
    assert describe(folder, cache_dir=tmp_path / "cache").dataset.dataset_id != first
    assert describe(arrays, cache_dir=tmp_path / "cache").dataset.dataset_id == first


@pytest.mark.parametrize(("suffix", "mode"), [(".jpg", "RGB"), (".png", "L"), (".jpg", "L")])
def test_photographs_and_grey_images_are_known_by_their_pixels(folder, suffix, mode):
    for file in folder.rglob("*.png"):
        image = Image.open(file).convert(mode)
        file.unlink()
        image.save(file.with_suffix(suffix))
    found = take_fingerprint(open_dataset(folder))
    assert take_fingerprint(open_dataset(_decoded(folder, mode))).dataset_id == found.nameless[1] != found.dataset_id


def test_one_changed_pixel_is_another_dataset(folder, arrays):
    arrays[0][0][0, 0, 0, 0] ^= 1
    assert take_fingerprint(open_dataset(arrays)).dataset_id not in take_fingerprint(open_dataset(folder)).nameless


def test_pixels_are_not_counted_where_that_takes_long(folder, arrays, tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "MAX_PIXELS", 14 * 24 * 24)
    assert len(take_fingerprint(open_dataset(folder)).nameless) == 1
    of_files = describe(folder, cache_dir=tmp_path / "cache").dataset
    of_arrays = describe(arrays, cache_dir=tmp_path / "cache").dataset
    assert of_files.dataset_id != of_arrays.dataset_id


def test_a_cache_that_was_cleared_is_none(tmp_path):
    Cache(tmp_path / FOLDER).put("another", {})
    assert other_identities("unknown", tmp_path) == ()


IMAGES = st.lists(st.tuples(st.integers(0, 3), st.binary(min_size=2, max_size=2)), min_size=1, max_size=8)


@given(IMAGES, IMAGES, st.permutations(range(4)), st.randoms())
def test_neither_order_nor_the_names_of_classes_count(train, evaluation, names, random):
    def named(part):
        return random.sample([(names[label], digest) for label, digest in part], len(part))

    assert digest_of_classes([train, evaluation]) == digest_of_classes([named(train), named(evaluation)])


@given(IMAGES, IMAGES)
def test_an_image_of_another_class_or_split_counts(train, evaluation):
    whole = digest_of_classes([train, evaluation])
    (label, digest), *rest = train
    if [one for one, _ in (*rest, *evaluation)].count(label):
        assert digest_of_classes([[(9, digest), *rest], evaluation]) != whole
    assert digest_of_classes([rest, [*evaluation, (label, digest)]]) != whole
