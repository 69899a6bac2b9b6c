"""Every folder of shared records in the repository is what its schema allows; contributions are checked by this."""

from pathlib import Path

import pytest

from advisor.describe.model import model_names
from advisor.records.sharing.pool import read_pool

POOL = Path(__file__).parents[2] / "meta_data" / "pool"
FOLDERS = sorted(path for path in POOL.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_contribution_is_valid(folder):
    pool = read_pool(folder)
    assert pool.runs
    assert {row.model.partition(".")[0] for row in pool.runs} <= set(model_names())
    assert {path.name for path in folder.iterdir()} <= {*pool.texts(), "README.md"}


def test_the_page_says_how_to_contribute():
    text = (POOL / "README.md").read_text(encoding="utf-8")
    assert "advisor records export --share meta_data/pool/" in text
