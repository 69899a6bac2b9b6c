"""Validation on the training images is told from where both sets of images are read, and marked in the record."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from timm.data import create_dataset
from timm.data.dataset import AugMixDataset
from torch.utils.data import Subset, TensorDataset
from torchvision.datasets import ImageFolder

from advisor_timm.image_source import image_source

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning:timm")


def folder(root: Path, split: str):
    return image_source(create_dataset("", root=str(root), split=split), "", split)


def test_a_folder_with_both_splits_is_validated_on_other_images(digits: Path) -> None:
    train, evaluation = folder(digits, "train"), folder(digits, "validation")
    assert not evaluation.holds(train)
    assert folder(digits, "train").holds(train)


def test_without_a_validation_split_timm_reads_the_whole_folder(digits: Path, tmp_path: Path) -> None:
    shutil.copytree(digits, tmp_path / "photos")
    shutil.rmtree(tmp_path / "photos" / "validation")
    assert folder(tmp_path / "photos", "validation").holds(folder(tmp_path / "photos", "train"))
    assert folder(digits / "train", "validation").holds(folder(digits / "train", "train"))


def test_parts_of_a_set_are_told_apart_and_wrappers_looked_into(digits: Path) -> None:
    whole = ImageFolder(str(digits / "train"))
    first, rest = (image_source(Subset(whole, indices)) for indices in ([0, 1, 2], [3, 4]))
    assert not rest.holds(first)
    assert first.holds(image_source(Subset(whole, torch.arange(3))))
    assert image_source(whole).holds(first)
    assert image_source(AugMixDataset(whole)).holds(image_source(whole))


def test_what_is_no_folder_is_told_by_its_name_and_split_or_is_only_like_itself() -> None:
    tensors = TensorDataset(torch.zeros(4, 3, 8, 8), torch.zeros(4))
    assert image_source(tensors).holds(image_source(tensors))
    assert not image_source(TensorDataset(torch.zeros(4))).holds(image_source(tensors))
    assert image_source(tensors, "hfds/pets", "train") == image_source(object(), "hfds/pets", "train")
    assert image_source(tensors, "hfds/pets", "train") != image_source(tensors, "hfds/pets", "test")


@pytest.mark.parametrize("options", [["--val-split", "train"], []])
def test_the_record_says_so(record, digits: Path, options: list[str]) -> None:
    recorded = record("train_v1.py", *options)
    assert recorded.error is None
    assert recorded.run.scored_on_training_images is bool(options)
    assert recorded.run.extra.get("scored_on_training_images") == (True if options else None)
