"""One rule for splits, whatever the images are packed in."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.describe.dataset import open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.describe.sources.splits import EVAL_NAMES, TRAIN_NAMES, Roles, assign, notes_on, split_of_file

TRAIN = {"train/cat": 4, "train/dog": 3}
VALIDATION = {"validation/cat": 2, "validation/dog": 1}
TEST = {"test/cat": 1, "test/dog": 1}


@pytest.mark.parametrize(
    ("counts", "same_as", "n_eval", "unlabelled", "noted"),
    [
        pytest.param({**TRAIN, **VALIDATION, **TEST}, "validation", 3, (), None, id="test is kept apart"),
        pytest.param({**TRAIN, **TEST}, "test", 2, (), None, id="test alone"),
        pytest.param({**TRAIN, **VALIDATION, "test": 5}, "validation", 3, (), None, id="test without labels"),
        pytest.param({**TRAIN, "test": 5}, None, 0, ("test",), "The 5 images of test", id="nothing but that"),
        pytest.param({**TRAIN, "val": 5, **TEST}, "test", 2, ("val",), "The 5 images of val", id="val without labels"),
        pytest.param({**TRAIN, **VALIDATION, "dev/cat": 2}, "validation", 3, (), "dev", id="a name unknown to timm"),
    ],
)
def test_the_same_splits_are_the_same_dataset_in_every_packing(
    pack_of, make_folder, packing, counts, same_as, n_eval, unlabelled, noted
):
    dataset = open_dataset(packing(pack_of(counts)))
    assert (dataset.n_train, dataset.n_eval, dataset.n_classes) == (7, n_eval, 2)
    assert (dataset.classes, dataset.unlabelled) == (("cat", "dog"), unlabelled)
    assert (noted in " ".join(dataset.notes)) if noted else not dataset.notes
    assert take_fingerprint(dataset).dataset_id == _id_of_pairs(make_folder, counts, same_as)


def _id_of_pairs(make_folder, counts, eval_name) -> str:
    """Return the identity of the images as a folder that has nothing but what is used."""
    whole = make_folder(counts, name="whole")
    used = make_folder({}, name="used")
    used.mkdir()
    for split, name in (("train", "train"), (eval_name, "val")):
        if split is not None:
            (whole / split).rename(used / name)
    return take_fingerprint(open_dataset(used)).dataset_id


NAMES = st.sampled_from(
    ["", "train", "Train ", "training", "train2017", "train_small", "VAL", "validation", "val-clean", "test", "Testing",
     "evaluation", "dev", "heldout", "0", "1", "extra", "trainval", "test_train"]
)  # fmt: skip


@given(st.lists(NAMES), st.sets(NAMES), st.booleans())
def test_every_split_has_one_role_at_most(names, labelled, exact):
    roles = assign(names, lambda name: name in labelled, exact=exact)
    used = Counter(name for part in roles for name in part)
    assert set(used) <= set(names)
    assert all(times == 1 for times in used.values())
    assert set(roles.eval) <= labelled
    assert not set(roles.unlabelled) & labelled
    # What is not said to be left out has a role, or is another of timm's names.
    silent = set(names) - set(used)
    assert all(name.strip().lower() in (*TRAIN_NAMES, *EVAL_NAMES) for name in silent)


@given(st.lists(NAMES), st.sets(NAMES))
def test_the_order_of_the_names_decides_nothing(names, labelled):
    def sets(given_names):
        return [set(part) for part in assign(given_names, lambda name: name in labelled)]

    assert sets(names) == sets(names[::-1])


@pytest.mark.parametrize(
    ("names", "train", "evaluation", "left_out"),
    [
        (["train", "training", "valid", "val"], ["train"], ["val"], []),
        (["TRAIN", "VALIDATION", "TEST"], ["TRAIN"], ["VALIDATION"], []),
        (["train2017", "val2017"], ["train2017"], ["val2017"], []),
        (["train", "train_small", "test"], ["train"], ["test"], ["train_small"]),
        (["", "test"], [""], ["test"], []),
        (["", "train"], ["train"], [], [""]),
        (["0", "1", "2"], [], [], ["0", "1", "2"]),
    ],
)
def test_names_of_splits(names, train, evaluation, left_out):
    roles = assign(names)
    assert [sorted(roles.train), sorted(roles.eval), sorted(roles.left_out)] == [train, evaluation, left_out]


def test_folders_have_to_be_called_as_timm_calls_them():
    assert assign(["Train", "val", "train_images"], exact=True) == Roles((), ("val",), (), ("Train", "train_images"))


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("data/train-00000-of-00002.parquet", "train"),
        ("validation/data-00000-of-00001.arrow", "validation"),
        ("imagenet-1k-test-00003-of-00028.arrow", "test"),
        ("x/y/0001.tar", ""),
        ("train_small-00000-of-00001.parquet", "train_small"),
        ("val2017.parquet", "val2017"),
        ("cifar10/partial-train/0000.parquet", "train"),
        ("trainval.parquet", ""),
    ],
)
def test_the_split_that_a_file_speaks_of(path, split):
    assert split_of_file(PurePath(path)) == split


@pytest.mark.parametrize("packed", ["parquet_shards", "shards"])
def test_files_whose_names_tell_no_split_are_pointed_out(pack_of, packed):
    dataset = open_dataset(getattr(pack_of({"fold1/cat": 4, "fold2/dog": 3, "fold3/cat": 2}), packed)())
    assert (dataset.n_train, dataset.n_eval) == (9, 0)
    assert "tell no split, so all 9 images are for training" in dataset.notes[0]
    assert "fold1" in dataset.notes[0]


def test_what_is_left_out_is_counted():
    roles = Roles(("train",), (), ("val",), ("dev", ""))
    notes = notes_on(roles, {"train": 9, "val": 2, "dev": 3, "": 4})
    assert notes[0] == "The 2 images of val have no label and are left out."
    assert notes[1].startswith(
        "7 images are left out: dev (3), of no split (4); splits that are understood are train, "
    )
