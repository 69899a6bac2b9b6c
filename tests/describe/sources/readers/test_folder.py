"""Folders are read the way timm reads them, whatever they hold."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from advisor.describe.dataset import draw_sample, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.describe.sources.images import printable
from advisor.errors import DatasetError


def test_class_folders(make_folder):
    dataset = open_dataset(make_folder({"cat": 3, "dog": 2}))
    assert (dataset.n_train, dataset.n_eval, dataset.classes) == (5, 0, ("cat", "dog"))
    assert dataset.train[0] == ("cat/000.png", "cat")
    assert [entry.label for entry in dataset.train] == ["cat"] * 3 + ["dog"] * 2
    assert dataset.train[3:] == [("dog/000.png", "dog"), ("dog/001.png", "dog")]


@pytest.mark.parametrize("train", ["train", "training"])
@pytest.mark.parametrize("held_out", ["val", "valid", "validation", "eval", "evaluation", "test"])
def test_splits_under_the_names_timm_knows(make_folder, train, held_out):
    dataset = open_dataset(make_folder({f"{train}/a": 2, f"{train}/b": 2, f"{held_out}/a": 1, f"{held_out}/b": 1}))
    assert (dataset.n_train, dataset.n_eval) == (4, 2)
    assert dataset.eval is not None
    assert dataset.eval[0] == (f"{held_out}/a/000.png", "a")


def test_agrees_with_timm(make_folder):
    timm_data = pytest.importorskip("timm.data")
    root = make_folder({"train/a/inner": 2, "train/b/inner": 1, "train/.c": 2, "train/d.png": 1, "val/a": 1})
    (root / "train" / "b" / "notes.txt").write_text("no image")
    (root / "train" / "b" / "UPPER.JPEG").write_bytes((root / "train" / ".c" / "000.png").read_bytes())
    ours = open_dataset(root)
    theirs = timm_data.create_dataset("", str(root), split="train").reader
    names = {index: name for name, index in theirs.class_to_idx.items()}
    assert sorted(ours.train) == sorted((os.path.relpath(p, root), names[label]) for p, label in theirs.samples)
    assert ours.n_classes == len(names)


@pytest.mark.parametrize(
    ("make", "problem", "hint"),
    [
        (lambda folder: folder / "nowhere", "there is no dataset", "ls "),
        (lambda folder: _file(folder / "notes.txt"), "is a file that holds no dataset", "one subfolder of images"),
        (lambda folder: _directory(folder / "empty"), "holds no training images", "one subfolder of images"),
        (lambda folder: _directory(folder / "e" / "cat").parent, "holds no training images", "one subfolder"),
    ],
)
def test_refusals(tmp_path, make, problem, hint):
    with pytest.raises(DatasetError) as caught:
        open_dataset(make(tmp_path))
    assert problem in caught.value.problem
    assert caught.value.cause
    assert hint in caught.value.hint


def _file(path: Path) -> Path:
    path.write_text("hello")
    return path


def _directory(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_one_class_is_refused_by_name(make_folder):
    with pytest.raises(DatasetError, match=r"one class only.*'cat'"):
        open_dataset(make_folder({"cat": 3}))


def test_images_without_class_folders_are_refused(make_folder):
    with pytest.raises(DatasetError, match="no class folder"):
        open_dataset(make_folder({".": 3}))


def test_only_other_formats_are_named(make_folder):
    root = make_folder({"a": 1, "b": 1})
    for label in "ab":
        (root / label / "000.png").rename(root / label / "x.webp")
    with pytest.raises(DatasetError, match=r"not a/x\.webp"):
        open_dataset(root)


def test_an_empty_class_does_not_count(make_folder):
    root = make_folder({"a": 1, "b": 1})
    (root / "c").mkdir()
    assert open_dataset(root).classes == ("a", "b")


def test_what_timm_passes_over_is_named(make_folder):
    root = make_folder({"a": 2, "b": 2})
    shutil.copy(root / "a" / "000.png", root / "a" / "moving.gif")
    assert open_dataset(root).skipped == ("a/moving.gif",)


def test_oddities_are_noted(make_folder):
    dataset = open_dataset(make_folder({"x/cat": 1, "y/cat": 1, "dog": 1, ".ipynb_checkpoints": 1, ".": 1}))
    notes = " ".join(dataset.notes)
    assert "share a name and become one class in timm: cat" in notes
    assert "Hidden folders in the folder count as classes in timm: .ipynb_checkpoints" in notes
    assert "directly in the folder" in notes


def test_symlink_loops_end_and_links_are_followed(make_folder, tmp_path):
    root = make_folder({"a": 2, "b": 2})
    elsewhere = make_folder({"c": 3}, name="elsewhere")
    (root / "b" / "loop").symlink_to(root, target_is_directory=True)
    (root / "c").symlink_to(elsewhere / "c", target_is_directory=True)
    dataset = open_dataset(root)
    assert dict(zip(dataset.classes, dataset.train.counts().tolist(), strict=True)) == {"a": 2, "b": 2, "c": 3}
    assert any("lead back into a parent were left out: b/loop" in note for note in dataset.notes)


def test_a_link_that_leads_to_itself_costs_no_other_image(make_folder):
    root = make_folder({"train/a": 3, "train/b": 3})
    for place in (root / "train" / "a" / "loop.png", root / "val"):
        place.symlink_to(place)
    dataset = open_dataset(root)
    assert (dataset.n_train, dataset.classes) == (7, ("a", "b"))
    assert [path for path, _ in draw_sample(dataset).unreadable] == ["train/a/loop.png"]


@pytest.mark.parametrize("name", ["猫", "کتاب", "кошка", "new\nline", "tab\there", "é", "🐈", "a b", "'; rm -rf"])
def test_names_in_any_script(make_folder, name):
    dataset = open_dataset(make_folder({name: 2, "other": 2}))
    assert set(dataset.classes) == {name, "other"}
    assert len(printable(name).splitlines()) == 1
    printable(name).encode("utf-8")


def test_names_that_are_no_unicode(tmp_path):
    root = os.fsencode(tmp_path / "raw")
    for label in (b"\xff\xfe", b"plain"):
        os.makedirs(os.path.join(root, label))
        with open(os.path.join(root, label, b"\xe9.png"), "wb") as file:
            file.write(b"no image")
    dataset = open_dataset(os.fsdecode(root))
    assert dataset.n_train == 2
    assert printable(dataset.classes[0]).encode("utf-8")
    assert len(take_fingerprint(dataset).dataset_id) == 32


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can list every folder")
def test_a_folder_that_may_not_be_listed_is_left_out(make_folder):
    root = make_folder({"a": 2, "b": 2, "secret": 2})
    (root / "secret").chmod(0)
    try:
        dataset = open_dataset(root)
    finally:
        (root / "secret").chmod(0o700)
    assert dataset.classes == ("a", "b")
    assert any("secret" in note for note in dataset.notes)


def test_a_null_byte_in_a_path_is_explained():
    with pytest.raises(DatasetError, match="there is no dataset"):
        open_dataset("a\0b")
