"""The option that writes the expected answers again, and the two folders of images that requests are about."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-answers", action="store_true", help="write tests/answers/expected.json again")


@pytest.fixture(scope="session")
def grey(write_images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 training and 30 validation images of three classes told apart by their brightness."""
    return write_images(tmp_path_factory.mktemp("answers") / "grey")


@pytest.fixture(scope="session")
def many(write_images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 training and 60 validation images of six classes told apart by their brightness."""
    return write_images(tmp_path_factory.mktemp("answers") / "many", n_train=300, n_eval=60, classes=6, pixels=24)
