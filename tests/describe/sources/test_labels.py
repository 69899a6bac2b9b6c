"""Labels: one for each image, told from lists of several."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from advisor.describe.sources.labels import class_indices, have_labels
from advisor.errors import DatasetError


@pytest.mark.parametrize(
    ("labels", "refused"),
    [
        (["cat|dog", "cat", "dog"], True),
        (["cat|dog", "dog|emu", "cat|emu"], True),
        (["cat, dog", "dog, emu", "cat"], True),
        (["cock, rooster", "hen", "missile", "projectile, missile", "skunk, polecat", "polecat, fitch"], False),
        (["red, round", "red, square", "blue, round", "blue, square"], False),
    ],
)
def test_lists_of_labels_are_told_from_names_with_commas(labels, refused):
    if refused:
        with pytest.raises(DatasetError, match="several labels"):
            class_indices(labels, "pets")
    else:
        assert len(class_indices(labels, "pets")[1]) == len(labels)


@pytest.mark.parametrize(
    "values",
    [
        [[3], [5], [3]],
        [(3,), (5,), (3,)],
        list(np.array([[3], [5], [3]], dtype=np.uint8)),
        [np.int64(3), 5.0, "3"],
        ["[3]", "[5]", "[3]"],
    ],
)
def test_one_label_is_one_label_however_it_is_held(values):
    indices, classes = class_indices(values, "pets")
    assert (indices.tolist(), [name.strip("[]") for name in classes]) == ([0, 1, 0], ["3", "5"])


@pytest.mark.parametrize(
    ("values", "of_training", "labelled"),
    [
        ([-1, -1], [0, 1], False),
        (["-1", ""], ["0", "1"], False),
        ([[-1], None], [[0], [1]], False),
        ([float("nan"), " "], ["a"], False),
        ([-1, -1], [-1, 1], True),
        ([-1, 0], [0, 1], True),
        ([], [0], False),
    ],
)
def test_labels_that_are_kept_secret(values, of_training, labelled):
    assert have_labels(values, of_training) is labelled


@pytest.mark.parametrize("value", [datetime(2020, 1, 1), object()])
def test_labels_that_are_no_classes(value):
    with pytest.raises(DatasetError, match="neither text nor a whole number"):
        class_indices([value, value], "pets")


def test_nan_is_a_word_too():
    assert class_indices(["1", "2", "nan"], "pets")[1] == ("1", "2", "nan")
