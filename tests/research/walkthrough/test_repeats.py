"""Second runs that ended below the first are told from bad luck."""

import json
from dataclasses import asdict

from research.walkthrough.repeats import Repeats, fallen
from research.walkthrough.walkthrough import SETS, Walkthrough, with_table


def finished(folder, name, seed, first, second):
    home = folder / f"{name}-{seed}-look-0.2"
    home.mkdir()
    one = Walkthrough(name, "", seed, first, second, (3, 8), "nothing wrong: as advised now")
    (home / "walkthrough.json").write_text(json.dumps(asdict(one)), encoding="utf-8")
    return home


def test_the_worst_walkthrough_of_each_set_that_fell_is_repeated(tmp_path):
    rose, fell, *_ = (what.name for what in SETS)
    finished(tmp_path, rose, 0, 50.0, 60.0)
    finished(tmp_path, fell, 0, 50.0, 60.0)
    finished(tmp_path, fell, 1, 50.0, 49.0)
    worst = finished(tmp_path, fell, 2, 50.0, 41.0)
    assert [(what.name, home, fall) for what, home, fall in fallen(tmp_path)] == [(fell, worst, 9.0)]


def test_a_row_has_means_and_what_varies_between_seeds():
    row = Repeats("set", (3, 8), first=[50.0, 52.0, 54.0], second=[55.0, 51.0, 62.0], fall=4.0).row
    assert row == "| set | 3 | 3 | 52.0 ± 2.0 | 8 | 56.0 ± 5.6 | 4.0 ± 4.6 | -4.0 |"


def test_each_table_has_its_place_on_the_page():
    mark = "<!-- repeats: made by `make -C research walkthroughs` -->\n"
    page = f"before\n{mark}old\n<!-- /repeats -->\nafter\n"
    assert with_table(page, "repeats", "new\n") == page.replace("old", "new")
