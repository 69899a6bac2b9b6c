"""Runs come to know the dataset they were trained on, where it is still the one they saw."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from advisor.describe.dataset import describe
from advisor.describe.recorded import describe_recorded
from advisor.records.schema import Run, Source, new_id
from advisor.records.store.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'records.db'}")
    yield store
    store.close()


def run_on(folder, n_train, **extra):
    extra = extra if folder is None else {"dataset_root": str(folder), **extra}
    return Run(run_id=new_id(), source=Source.TIMM_HOOK, n_train=n_train, extra=extra)


def test_runs_on_one_folder_are_described_once_and_for_all(store, image_folder):
    dataset = describe(image_folder).dataset
    runs = [run_on(image_folder, dataset.n_train), run_on(image_folder, dataset.n_train), run_on(None, 5)]
    store.add_runs(runs)
    report = describe_recorded(store)
    assert (report.runs, report.left_out) == (2, {})
    assert [store.run(run.run_id).dataset_id for run in runs] == [dataset.dataset_id, dataset.dataset_id, None]
    assert store.dataset(dataset.dataset_id) == dataset
    assert describe_recorded(store).runs == 0


def test_a_folder_that_changed_since_is_not_what_was_trained_on(store, image_folder):
    run = run_on(image_folder, 7)
    store.add_runs([run])
    report = describe_recorded(store)
    assert "not what was trained on" in report.left_out[str(image_folder)]
    assert store.run(run.run_id).dataset_id is None


def test_folders_that_are_gone_or_hold_nothing_are_named(store, image_folder, tmp_path):
    gone, empty, no_path = tmp_path / "gone", tmp_path / "empty", "/" + "x" * 5000
    shutil.copytree(image_folder, gone)
    store.add_runs([run_on(gone, 120), run_on(empty, 1), run_on(no_path, 1)])
    shutil.rmtree(gone)
    empty.mkdir()
    report = describe_recorded(store)
    assert report.runs == 0
    assert "no such folder" in report.left_out[str(gone)]
    assert "no such folder" in report.left_out[no_path]
    assert str(empty) in report.left_out


def test_a_folder_that_holds_the_home_folder_is_not_listed(store, image_folder, monkeypatch):
    """Arguments that were cut or are a container's name ``/``; listing that never ends."""
    monkeypatch.setenv("HOME", str(image_folder / "class-0"))
    monkeypatch.setenv("USERPROFILE", str(image_folder / "class-0"))
    store.add_runs([run_on(image_folder, 120), run_on("/", 120)])
    report = describe_recorded(store)
    assert report.runs == 0
    assert all("holds your home folder" in report.left_out[folder] for folder in ("/", str(image_folder)))


def test_a_class_map_leaves_the_images_of_its_classes(store, image_folder, tmp_path):
    """As timm's train.py reads them: the others are not looked at, and the folder has not changed."""
    class_map = tmp_path / "map.txt"
    class_map.write_text("class-0\nclass-2\n")
    whole, part = run_on(image_folder, 120), run_on(image_folder, 80, class_map=str(class_map))
    store.add_runs([whole, part])
    report = describe_recorded(store)
    assert (report.runs, report.left_out) == (2, {})
    whole, part = (store.dataset(store.run(run.run_id).dataset_id) for run in (whole, part))
    assert (whole.n_train, whole.n_classes) == (120, 3)
    assert (part.n_train, part.n_classes) == (80, 2)
    assert part.dataset_id != whole.dataset_id
    shutil.copytree(image_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("class-1"))
    assert describe(tmp_path / "copy").dataset.dataset_id == part.dataset_id


@pytest.mark.parametrize(
    ("name", "said"),
    [("gone.txt", "gone.txt cannot be read"), ("one.txt", "one class only"), ("x" * 5000, "cannot be read")],
)
def test_a_class_map_that_tells_nothing_is_named(store, image_folder, tmp_path, name, said):
    (tmp_path / "one.txt").write_text("class-1\n")
    store.add_runs([run_on(image_folder, 80, class_map=str(tmp_path / name))])
    report = describe_recorded(store)
    assert said in report.left_out[str(image_folder)]
    assert "which is not what was trained on" not in report.left_out[str(image_folder)]


def test_a_loop_that_does_not_count_its_images_is_believed(store, image_folder):
    run = run_on(image_folder, None)
    store.add_runs([run])
    assert describe_recorded(store).runs == 1
    assert (store.run(run.run_id).n_classes, store.run(run.run_id).n_train) == (3, None)


@pytest.mark.parametrize(
    ("splits", "folders", "marked"),
    [
        ({}, (), True),
        ({}, ("train",), True),
        ({}, ("train", "val"), False),
        ({"train_split": "train", "eval_split": "holdout"}, ("train", "holdout"), False),
        ({"train_split": "train", "eval_split": "test"}, ("train", "test"), False),
        ({}, ("train", "test"), True),  # timm looks at all of the folder, as test is for --val-split test
    ],
)
def test_an_imported_run_that_was_scored_on_its_training_images_is_marked(
    store, image_folder, tmp_path, splits, folders, marked
):
    root = tmp_path / "photos"
    for name in folders or ("",):
        shutil.copytree(image_folder, root / name)
    run = dataclasses.replace(run_on(root, None, **splits), source=Source.TIMM_OUTPUT)
    own = run_on(root, None)  # a hook looked at both sets of images itself
    store.add_runs([run, own])
    assert describe_recorded(store).runs == 2
    assert store.run(run.run_id).scored_on_training_images is marked
    assert store.run(run.run_id).extra["dataset_root"] == str(root)
    assert not store.run(own.run_id).scored_on_training_images
