"""A folder without a validation split is split by links: the same way each time, every class in both, nothing moved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from advisor.describe.dataset import describe
from advisor.describe.sources.validation_split import validation_split
from advisor.errors import DatasetError


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}


@pytest.fixture
def photos(image_folder: Path, tmp_path: Path) -> Path:
    """Three classes of 40 images."""
    return shutil.copytree(image_folder, tmp_path / "my photos")


def test_a_fifth_of_each_class_is_kept_and_nothing_moved(photos: Path, tmp_path: Path) -> None:
    before = files(photos)
    made = validation_split(photos, tmp_path / "cache").make()
    assert files(photos) == before
    train, kept = files(made / "train"), files(made / "validation")
    assert train | kept == before
    assert not train & kept
    assert {name: sum(path.startswith(name) for path in kept) for name in ("class-0", "class-1", "class-2")} == {
        "class-0": 8, "class-1": 8, "class-2": 8
    }  # fmt: skip
    assert all(path.is_symlink() and path.resolve().parent.parent == photos for path in made.rglob("*.png"))
    assert (made.parent / "validation.txt").read_text().splitlines() == sorted(kept)


def test_it_is_described_as_any_folder_with_both_splits_and_called_as_the_folder_is(photos: Path, tmp_path) -> None:
    dataset = describe(validation_split(photos, tmp_path / "cache").make()).dataset
    assert (dataset.name, dataset.n_train, dataset.n_eval, dataset.n_classes) == ("my photos", 96, 24, 3)


def test_the_same_images_are_split_the_same_way_also_elsewhere(photos: Path, tmp_path: Path) -> None:
    split = validation_split(photos, tmp_path / "cache")
    made = split.make()
    again = validation_split(photos, tmp_path / "cache")
    assert again.is_made
    assert again.make() == made
    copy = shutil.copytree(photos, tmp_path / "copy" / "my photos")
    other = validation_split(copy, tmp_path / "cache").make()
    assert other != made
    assert files(other / "validation") == files(made / "validation")


def test_another_image_leaves_the_others_where_they_were(photos: Path, tmp_path: Path) -> None:
    kept = files(validation_split(photos, tmp_path / "cache").make() / "validation")
    shutil.copy(photos / "class-0" / "0.png", photos / "class-0" / "new.png")
    split = validation_split(photos, tmp_path / "cache")
    assert not split.is_made
    assert len(kept ^ files(split.make() / "validation")) <= 2


def test_of_a_folder_with_training_images_these_are_split(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "with train").mkdir()
    photos.rename(tmp_path / "with train" / "train")
    made = validation_split(tmp_path / "with train", tmp_path / "cache").make()
    assert (len(files(made / "train")), len(files(made / "validation"))) == (96, 24)
    assert made.name == "with train"


def test_timm_reads_both_with_the_same_classes(photos: Path, tmp_path: Path) -> None:
    data = pytest.importorskip("timm.data")
    made = validation_split(photos, tmp_path / "cache").make()
    train, kept = (data.create_dataset("", root=str(made), split=split) for split in ("train", "validation"))
    assert (len(train), len(kept)) == (96, 24)
    assert train.reader.class_to_idx == kept.reader.class_to_idx


def test_a_class_of_one_image_cannot_be_in_both_unless_it_is_not_trained_on(photos: Path, tmp_path: Path) -> None:
    (photos / "rare").mkdir()
    shutil.copy(photos / "class-0" / "0.png", photos / "rare")
    split = validation_split(photos, tmp_path / "cache")
    with pytest.raises(DatasetError, match="'rare' has one image"):
        split.make()
    assert not split.is_made
    assert split.make(["class-0", "class-1"]).is_dir()


def test_where_no_links_can_be_made_nothing_is_left(photos: Path, tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(OSError, match="privilege"):
        validation_split(photos, tmp_path / "cache").make()
    assert not [*(tmp_path / "cache" / "splits").iterdir()]
