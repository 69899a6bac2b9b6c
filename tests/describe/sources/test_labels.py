"""Labels: one for each image, told from lists of several."""

from __future__ import annotations

import pytest

from advisor.describe.sources.labels import class_indices
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
