"""A small meta-model of an invented response surface, whose answers are good and fast."""

import pytest

from advisor.learn.artefact import Artefact
from advisor.records.schema import Dataset


@pytest.fixture(scope="session")
def artefact(records, quick, fitted) -> Artefact:
    """Six sources of data, AdamW from scratch at 32 pixels; the best learning rate is 3e-3."""
    runs, datasets = records(n_groups=6)
    return quick(fitted(runs, datasets), runs, datasets)


@pytest.fixture(scope="session")
def dataset(artefact: Artefact) -> Dataset:
    """One of the six."""
    return artefact.known[2].dataset
