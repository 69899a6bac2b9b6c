"""Folders that are laid out otherwise than timm reads them, on disk and in archives alike."""

from __future__ import annotations

import os
import zipfile

import pytest

from advisor.describe.dataset import describe, open_dataset
from advisor.errors import DatasetError


@pytest.fixture(params=["folder", "zip"])
def laid_out(request, make_folder, tmp_path):
    """Makes images in folders, on the disk or in an archive."""

    def make(counts):
        root = make_folder(counts)
        if request.param == "folder":
            return root
        with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
            for folder, _, files in os.walk(root):
                for name in files:
                    path = os.path.join(folder, name)
                    archive.write(path, os.path.relpath(path, root))
        return tmp_path / "pets.zip"

    return make


@pytest.mark.parametrize("split", ["val", "eval"])
@pytest.mark.parametrize("inside", ["", "/images"])
def test_validation_images_in_no_class_folder(laid_out, split, inside):
    described = describe(laid_out({"train/a": 3, "train/b": 3, f"{split}{inside}": 4}))
    assert (described.dataset.n_train, described.dataset.n_eval, sorted(described.class_counts)) == (6, 0, ["a", "b"])
    warnings = " ".join(described.warnings)
    assert f"The 4 images of {split} lie in no class folder: timm gives them all one class; sort them" in warnings
    assert "Nothing with labels is set apart" in warnings
    assert "--class-map" not in warnings
    assert "timm would validate on the training images" not in warnings


def test_test_images_in_no_class_folder_are_no_validation_split(laid_out):
    dataset = open_dataset(laid_out({"train/a": 3, "train/b": 3, "test": 4}))
    assert (dataset.n_eval, dataset.unlabelled) == (0, ("test",))
    assert "The 4 images of test lie in no class folder: it is no validation split." in dataset.notes


def test_what_has_labels_is_taken_for_validation(laid_out):
    dataset = open_dataset(laid_out({"train/a": 3, "train/b": 3, "val": 4, "test/a": 1, "test/b": 1}))
    assert (dataset.n_eval, dataset.unlabelled, dataset.classes) == (2, ("val",), ("a", "b"))


def test_other_classes_in_validation_are_classes(laid_out):
    described = describe(laid_out({"train/a": 3, "train/b": 3, "val/a": 1, "val/c": 1}))
    assert described.eval_counts == {"a": 1, "b": 0, "c": 1}
    assert "The splits have different classes" in " ".join(described.warnings)


def test_folders_that_timm_does_not_look_at(laid_out):
    dataset = open_dataset(laid_out({"train/a": 3, "train/b": 3, "dev/a": 1, "Val/a": 1}))
    assert "Beside train, timm does not look at Val, dev; the splits it knows are train, training," in dataset.notes[0]


def test_a_class_that_is_called_train(laid_out):
    with pytest.raises(DatasetError, match=r"in no class folder. Beside train, timm does not look at bus, tram"):
        open_dataset(laid_out({"train": 3, "bus": 3, "tram": 3}))


@pytest.mark.parametrize("names", [("Train", "Val"), ("train2017", "val2017"), ("train_images", "test_images")])
def test_splits_under_other_names(laid_out, names):
    train, held_out = names
    dataset = open_dataset(laid_out({f"{train}/a": 3, f"{train}/b": 3, f"{held_out}/a": 1}))
    assert (dataset.n_train, dataset.n_eval) == (7, 0)
    assert f"The folders {', '.join(sorted(names))} look like splits" in dataset.notes[0]
    assert "it knows train, training, validation, val, valid, eval, evaluation, test, in lower case" in dataset.notes[0]


def test_splits_further_down(make_folder):
    root = make_folder({"data/img/train/a": 3, "data/img/train/b": 3, "data/img/val": 2, "data/img/test": 2})
    dataset = open_dataset(root)
    assert dataset.classes == ("a", "b", "test", "val")
    note = next(note for note in dataset.notes if "look like splits" in note)
    assert "The folders test, train, val in data/img look like splits" in note
    asked_for = note.rpartition("--dataset ")[2].removesuffix(".")
    assert open_dataset(asked_for).classes == ("a", "b")


def test_splits_in_a_folder_inside_an_archive_are_splits(laid_out, tmp_path):
    laid_out({"data/img/train/a": 3, "data/img/train/b": 3, "data/img/val/a": 2})
    if (tmp_path / "pets.zip").exists():
        assert (open_dataset(tmp_path / "pets.zip").n_train, open_dataset(tmp_path / "pets.zip").n_eval) == (6, 2)


@pytest.mark.parametrize("names", [("train", "val"), ("train", "valid", "test"), ("Train", "Test")])
@pytest.mark.parametrize("above", ["images/", ""])
def test_splits_without_classes(laid_out, names, above):
    with pytest.raises(DatasetError) as caught:
        open_dataset(laid_out({f"{above}{name}": 3 for name in names}))
    assert "no class folder" in caught.value.cause


def test_classes_whose_names_only_begin_like_a_split_are_classes(laid_out):
    dataset = open_dataset(laid_out({"trainer": 3, "valley": 3, "testament": 3}))
    assert (dataset.classes, dataset.notes) == (("testament", "trainer", "valley"), ())


def test_a_class_called_test_is_a_class(laid_out):
    assert open_dataset(laid_out({"quiz": 3, "test": 3})).notes == ()
