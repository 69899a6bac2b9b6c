"""What is told about a dataset: counts, warnings, unreadable files; and what is kept for the next time."""

from __future__ import annotations

import json
import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

import advisor.describe.dataset as module
from advisor import hookimpl
from advisor.describe.dataset import describe, draw_sample, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.errors import DatasetError
from advisor.plugins import Plugins

COUNTS = {"train/cat": 6, "train/dog": 5, "val/cat": 3, "val/dog": 2}


@pytest.fixture
def pets(make_folder):
    return make_folder(COUNTS)


def test_the_record(pets):
    described = describe(pets)
    record = described.dataset
    assert (record.name, record.group) == ("pets", "pets")
    assert (record.n_train, record.n_eval, record.n_classes) == (11, 5, 2)
    assert record.dataset_id == take_fingerprint(open_dataset(pets)).dataset_id
    assert described.class_counts == {"cat": 6, "dog": 5}
    assert described.eval_counts == {"cat": 3, "dog": 2}
    assert json.loads(json.dumps(described.to_json()))["features"] == record.features


def test_nothing_is_written_into_the_dataset(pets):
    before = sorted(str(p) for p in pets.rglob("*"))
    describe(pets)
    assert sorted(str(p) for p in pets.rglob("*")) == before


def test_broken_files_are_counted_named_and_passed_over(pets):
    cat = pets / "train" / "cat"
    (cat / "empty.jpg").write_bytes(b"")
    (cat / "text.jpg").write_text("no image")
    (cat / "cut.png").write_bytes((cat / "000.png").read_bytes()[:200])
    (cat / "gone.png").symlink_to(cat / "nowhere.png")
    os.mkfifo(cat / "pipe.png")
    described = describe(pets)
    assert described.dataset.n_train == 16
    reasons = dict(line.split(": ", 1) for line in described.unreadable)
    assert set(reasons) == {f"train/cat/{n}" for n in ("empty.jpg", "text.jpg", "cut.png", "gone.png", "pipe.png")}
    assert reasons["train/cat/empty.jpg"] == "the file is empty"
    assert reasons["train/cat/gone.png"] == "No such file or directory"
    assert reasons["train/cat/pipe.png"] == "not a regular file"
    assert "5 of 21 images that were tried cannot be decoded." in described.warnings
    assert "4 of 21 files are empty, cannot be opened or are no images." in described.warnings


def test_no_readable_image_is_refused(make_folder):
    root = make_folder({"a": 2, "b": 2})
    for path in root.rglob("*.png"):
        path.write_text("no image")
    with pytest.raises(DatasetError, match=r"has no readable image.*4 images were tried"):
        describe(root)


def test_readable_images_in_one_class_only_are_refused(make_folder):
    root = make_folder({"a": 2, "b": 2})
    for path in (root / "b").iterdir():
        path.write_text("no image")
    with pytest.raises(DatasetError, match="in one class only"):
        describe(root)


def _warnings(root) -> str:
    return " ".join(describe(root).warnings)


def test_imbalance_and_tiny_classes(make_folder):
    found = _warnings(make_folder({"a": 60, "b": 4, "c": 3}))
    assert "Classes are imbalanced: 3 to 60 images a class; always answering the largest scores 90 %." in found
    assert "2 classes have fewer than 10 training images: b, c." in found


def test_no_validation_split(make_folder):
    assert "Nothing is set apart for validation" in _warnings(make_folder({"a": 12, "b": 12}))


def test_few_validation_images(pets):
    assert "Validation has 5 images: a measured accuracy is uncertain by up to 22.4 points." in _warnings(pets)


def test_classes_that_differ_between_splits(make_folder):
    found = _warnings(make_folder({"train/a": 12, "train/b": 12, "train/c": 12, "val/a": 3, "val/d": 3}))
    assert "missing from validation: b, c; missing from training: d" in found
    assert "--class-map" in found


def test_duplicates_conflicts_and_leakage(pets):
    shutil.copy(pets / "train/cat/000.png", pets / "train/cat/again.png")
    shutil.copy(pets / "train/cat/001.png", pets / "train/dog/wrong.png")
    shutil.copy(pets / "train/cat/002.png", pets / "val/cat/leaked.png")
    found = _warnings(pets)
    assert "2 training files repeat another one byte for byte." in found
    assert "1 training files also appear under another class." in found
    assert "1 validation files are also training files" in found


def test_near_duplicates_across_the_splits(make_folder):
    root = make_folder({"train/a": 12, "train/b": 12, "val/a": 4, "val/b": 4})
    for i in range(4):
        image = Image.open(root / "train" / "a" / f"{i:03d}.png")
        image.save(root / "val" / "a" / f"{i:03d}.png", compress_level=1)
    found = _warnings(root)
    assert "50 % of the validation images look almost like a training image" in found


def test_mixed_sizes_and_rotations(picture, make_folder):
    root = make_folder({"a": 12, "b": 12})
    exif = Image.Exif()
    exif[0x0112] = 3
    for i in range(12):
        picture(i, 200).save(root / "a" / f"{i:03d}.png")
        picture(i, 24).save(root / "b" / f"{i:03d}.jpg", exif=exif)
    found = _warnings(root)
    assert "Image sizes are mixed" in found
    assert "ask to be rotated (EXIF)" in found


def test_formats_that_timm_passes_over(picture, make_folder):
    root = make_folder({"a": 12, "b": 12})
    picture(0).save(root / "a" / "x.webp")
    described = describe(root)
    assert described.skipped == ("a/x.webp",)
    assert "1 files are images that timm does not read by default (.webp)." in described.warnings


def test_the_second_time_nothing_is_decoded(pets, monkeypatch):
    first = describe(pets)
    monkeypatch.setattr(module, "draw_sample", None)
    monkeypatch.setattr(module, "take_fingerprint", None)
    assert describe(pets) == first


def test_the_same_content_elsewhere_is_not_decoded_again(pets, tmp_path, monkeypatch):
    first = describe(pets)
    shutil.copytree(pets, tmp_path / "copy" / "animals")
    monkeypatch.setattr(module, "draw_sample", None)
    again = describe(tmp_path / "copy" / "animals")
    assert again.dataset.features == first.dataset.features
    assert again.dataset.name == "animals"


def test_a_changed_file_is_noticed(picture, pets):
    first = describe(pets)
    time.sleep(0.01)
    picture(99).save(pets / "train" / "cat" / "000.png")
    assert describe(pets).dataset.dataset_id != first.dataset.dataset_id


def test_a_folder_that_changes_while_it_is_read_is_not_remembered(pets, monkeypatch):
    def draw_and_change(dataset, **options):
        sample = draw_sample(dataset, **options)
        (pets / "train" / "cat" / "000.png").unlink()
        return sample

    monkeypatch.setattr(module, "draw_sample", draw_and_change)
    described = describe(pets)
    assert described.dataset.n_train == 11
    monkeypatch.undo()
    os.environ["ADVISOR_CACHE_DIR"] = str(pets.parent / "cache")
    assert describe(pets).dataset.n_train == 10


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"dataset_id": 1}', b"{}"])
def test_a_damaged_cache_is_ignored(pets, tmp_path, content):
    first = describe(pets, cache_dir=tmp_path / "cache")
    for path in (tmp_path / "cache").rglob("*.json"):
        path.write_bytes(content)
    assert describe(pets, cache_dir=tmp_path / "cache") == first


def test_an_unwritable_cache_costs_only_time(pets, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert describe(pets, cache_dir=tmp_path / "file" / "cache").dataset.n_train == 11


def test_the_sample_is_bounded_and_counts_are_exact():
    images = np.zeros((5000, 4, 4), np.uint8)
    images[:] = np.arange(5000)[:, None, None] % 251
    labels = np.arange(5000) % 150
    sample = draw_sample(open_dataset(((images, labels), (images[:1000], labels[:1000]))))
    assert len(sample.train) == 1600
    assert len(sample.eval) == 400
    assert len(np.unique(sample.train.labels)) == 100
    assert sample.counts.sum() == 5000


def test_progress_is_told(pets):
    told = []
    describe(pets, progress=lambda stage, done, total: told.append((stage, done, total)))
    assert [step for step in told if step[0] == "decoding"][-1] == ("decoding", 16, 16)


def test_features_of_plugins_carry_their_name(pets, monkeypatch):
    class Mine:
        @hookimpl
        def advisor_meta_features(self, sample):
            return {"images": len(sample.train), "nothing": float("nan"), "text": "no number"}

    class Faulty:
        @hookimpl
        def advisor_meta_features(self, sample):
            raise RuntimeError("broken")

    without = describe(pets).dataset.features
    plugins = Plugins("none")
    plugins.register(Mine(), "mine")
    plugins.register(Faulty(), "faulty")
    monkeypatch.setattr(module, "get_plugins", lambda: plugins)
    assert describe(pets).dataset.features == {**without, "mine.images": 11.0}
