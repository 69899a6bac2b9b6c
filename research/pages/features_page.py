"""Writes the page on features: ``python -m research.pages.features_page > docs/features.md``."""

from __future__ import annotations

from advisor.describe.features.compute import all_features
from advisor.describe.features.spec import FEATURES_VERSION
from research.pages.rendering import render

GROUPS = ("size", "images", "structure", "probe")


def page() -> str:
    """Return the page as Markdown: a table for each group."""
    by_group = {
        group: [(f"`{f.name}`", f.formula, f.range, f.cost, f.why) for f in all_features() if f.group == group]
        for group in GROUPS
    }
    return render("features", version=FEATURES_VERSION, by_group=by_group)


if __name__ == "__main__":
    print(page(), end="")
