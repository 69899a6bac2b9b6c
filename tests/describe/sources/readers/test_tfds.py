"""A dataset of tensorflow-datasets, where that is installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from advisor.describe.dataset import open_dataset
from advisor.errors import DatasetError


@pytest.mark.skipif(find_spec("tensorflow_datasets") is not None, reason="asks what is said without it")
def test_tensorflow_datasets_that_is_not_installed_is_named():
    with pytest.raises(DatasetError) as caught:
        open_dataset("tfds/mnist")
    assert "tensorflow-datasets" in caught.value.hint
