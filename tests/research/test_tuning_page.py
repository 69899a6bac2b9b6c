"""docs/tuning-evidence.md shows the tables of what was replayed."""

import json
from pathlib import Path

import numpy as np

from research.tuning.__main__ import tables
from research.tuning.live.table import in_hand, table
from research.tuning.live.tuners import OURS, TUNERS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_has_the_tables_of_the_replay():
    found = json.loads((DOCS / "tuning-replay.json").read_text(encoding="utf-8"))
    assert tables(found["cases"]) in (DOCS / "tuning-evidence.md").read_text(encoding="utf-8")


def test_the_page_has_the_table_of_what_was_tuned_live():
    found = json.loads((DOCS / "tuning-live.json").read_text(encoding="utf-8"))
    page = (DOCS / "tuning-evidence.md").read_text(encoding="utf-8")
    assert table(found) in page

    def reached(tuner, dataset):
        budget = found["budget_seconds"]
        runs = [run for run in found["runs"] if (run["tuner"], run["dataset"]) == (tuner, dataset)]
        assert len({run["seed"] for run in runs}) == 3
        return np.mean([in_hand(run, budget) for run in runs])

    for dataset in {run["dataset"] for run in found["runs"]}:
        assert reached(OURS, dataset) == max(reached(tuner, dataset) for tuner in TUNERS)
    seconds = np.mean([run["seconds"] for run in found["runs"] if run["tuner"] == OURS])
    assert f"ended after {seconds:.0f} seconds on average" in page
