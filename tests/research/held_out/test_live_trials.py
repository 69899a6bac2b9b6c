"""Live trials after the advice, on a response surface whose optimum is known."""

import json
import sys
from pathlib import Path

import pytest

from advisor.errors import MissingExtraError
from research.held_out.live_trials import (
    ADVICE,
    RANDOM,
    SHOWN,
    TPE,
    compare,
    follow_advice,
    page,
    random_scores,
    tree_of_parzen_estimators,
)


@pytest.fixture(scope="module")
def compared(new_surface, held_out):
    return compare(held_out, new_surface())


def test_every_trial_is_another_one_and_the_runs_before_it_are_used(new_surface, held_out):
    surface = new_surface()
    scores = follow_advice(held_out, surface, 6)
    tried = [configuration for configuration, _ in surface.asked]
    assert len(set(tried)) == 6
    assert all(configuration.epochs <= held_out.case.space.max_epochs for configuration in tried)
    assert tried[0] == held_out.advise().best.configuration
    with_own = held_out.advise([held_out.own_run(*pair) for pair in zip(tried[:1], scores, strict=False)])
    assert any("uses one run of yours" in warning for warning in with_own.warnings)
    assert max(scores) >= scores[0]


def test_baselines_draw_at_the_most_epochs_within_the_space(new_surface, held_out):
    surface, space = new_surface(), held_out.case.space
    tree_of_parzen_estimators(held_out.case, surface, 0, 4)
    random_scores(held_out.case, surface, 4)
    low, high = space.learning_rates
    for configuration, _ in surface.asked:
        assert configuration.epochs == space.max_epochs
        assert low <= configuration.lr <= high
        assert configuration.batch_size <= space.max_batch_size


def test_seeds_of_tpe_try_other_points(new_surface, held_out):
    first, second = new_surface(), new_surface()
    tree_of_parzen_estimators(held_out.case, first, 0, 3)
    tree_of_parzen_estimators(held_out.case, second, 1, 3)
    assert {c for c, _ in first.asked}.isdisjoint({c for c, _ in second.asked})


def test_regret_never_rises_and_advice_starts_ahead(compared):
    for method in (ADVICE, TPE, RANDOM):
        values = list(compared["regret"][method].values())
        assert len(values) == len(SHOWN)
        assert values == sorted(values, reverse=True)
        assert values[-1] >= -1e-9
    assert compared["regret"][ADVICE]["0"] < compared["regret"][RANDOM]["0"]


def test_the_page_says_whether_the_target_is_met(compared):
    text = page({"cases": [compared]})
    assert "| trials | 0 | 1 | 3 | 5 | 10 | 20 | 25 |" in text
    at_10 = {method: compared["regret"][method]["10"] for method in (ADVICE, TPE, RANDOM)}
    for baseline in (TPE, RANDOM):
        verdict = "met" if at_10[ADVICE] <= at_10[baseline] / 2 else "missed"
        assert f"{at_10[baseline]:.3f} of {baseline} (at most half: {verdict})" in text


def test_the_shipped_page_is_that_of_its_figures():
    docs = Path(__file__).parents[3] / "docs"
    found = json.loads((docs / "live-trials.json").read_text(encoding="utf-8"))
    assert page(found) == (docs / "live-trials.md").read_text(encoding="utf-8"), "make -C research live-trials"
    assert len({case["group"] for case in found["cases"]}) >= 3


def test_without_optuna_it_is_said_how_to_get_it(new_surface, held_out, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match="optuna"):
        tree_of_parzen_estimators(held_out.case, new_surface(), 0, 1)
