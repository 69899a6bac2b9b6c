"""docs/tuning-evidence.md shows the tables of what was replayed."""

import json
from pathlib import Path

from research.tuning.__main__ import tables

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_has_the_tables_of_the_replay():
    found = json.loads((DOCS / "tuning-replay.json").read_text(encoding="utf-8"))
    assert tables(found["cases"]) in (DOCS / "tuning-evidence.md").read_text(encoding="utf-8")
