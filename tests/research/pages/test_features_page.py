"""The page on features is the one the code writes."""

from __future__ import annotations

from pathlib import Path

from advisor.describe.features.compute import all_features
from research.pages.features_page import GROUPS, page

PAGE = Path(__file__).parents[3] / "docs" / "features.md"


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make docs"


def test_every_feature_and_group_is_on_it():
    assert {feature.group for feature in all_features()} == set(GROUPS)
    for feature in all_features():
        assert f"| `{feature.name}` |" in page()
