"""Real trainings of the advice: what is asked for, and how it is shown; the trainings themselves are invented."""

import json
from pathlib import Path

import pytest

from research.held_out.trainings import BASELINES, BEST_OF_3, SEEDS, SUGGESTIONS, page, summarise, train_case

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def surface(new_surface):
    return new_surface()


@pytest.fixture(scope="module")
def case(held_out, surface):
    return train_case(held_out, surface)


def test_suggestions_and_baselines_are_trained_with_every_seed(case, surface):
    assert set(case["methods"]) == {*SUGGESTIONS, *BASELINES.values(), BEST_OF_3}
    for one in case["methods"].values():
        assert len(one["scores"]) == len(SEEDS)
    assert {seed for _, seed in surface.asked} == set(SEEDS)


def test_the_best_of_the_three_is_that_of_each_seed(case):
    by_seed = zip(*(case["methods"][name]["scores"] for name in SUGGESTIONS), strict=True)
    assert case["methods"][BEST_OF_3]["scores"] == [max(scores) for scores in by_seed]


def test_regret_is_against_what_was_recorded(case):
    for one in case["methods"].values():
        span = case["best_recorded"] - case["median_recorded"]
        assert one["regret"] == pytest.approx((case["best_recorded"] - one["mean"]) / span, abs=1e-3)
        assert one["points_lost"] == pytest.approx(case["best_recorded"] - one["mean"], abs=2e-3)


def test_the_page_has_a_line_a_method_and_counts_intervals(case):
    text = page({"cases": [case]})
    for row in summarise([case]):
        assert f"| {row['method']} | {row['top1']:.1f} | {row['mean_regret']:.3f} |" in text
    low, high = case["expected"]["low"], case["expected"]["high"]
    held = low <= case["methods"][SUGGESTIONS[0]]["mean"] <= high
    assert f"80% interval in {int(held)} of 1 cases" in text


def test_the_shipped_page_is_that_of_its_figures():
    found = json.loads((DOCS / "held-out-trainings.json").read_text(encoding="utf-8"))
    assert page(found) == (DOCS / "held-out-trainings.md").read_text(encoding="utf-8"), (
        "make -C research held-out-trainings"
    )
    assert len({case["group"] for case in found["cases"]}) >= 6
