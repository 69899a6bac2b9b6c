import pytest

from advisor.evaluate.goals import CLEAR, Goal, fine_tuning_goals, goals


def row(method, regret, **values):
    shares = dict.fromkeys(("advice_better", "advice_much_worse", "p_value"))
    return {"method": method, "mean_regret": regret, "median_regret": regret, **shares, **values}


def a_summary(regret=0.04, free=30.0, average=0.7):
    rows = [
        row("advice", regret),
        row("advice, best of 3", 0.03),
        row("timm's train.py defaults", 1.0, advice_better=0.96),
        row("sane default", 0.3, advice_better=0.8, advice_much_worse=0.05),
        row("best on average", 0.2, advice_better=average, p_value=0.2),
    ]
    return {
        "methods": rows,
        "contexts": {"at most 5 epochs": [row("advice", 0.06)], "adamw from scratch": [row("advice", 9.0)]},
        "trials": {"free": free, "at_cap": None, "by_cap": {"5": {"free": 3.0, "at_cap": 2.0}}},
        "trials_unseen": {"free": None, "at_cap": None, "by_cap": {}},
        "intervals": {"advice": {"coverage": 0.9}},
        "adaptive": [{"own_runs": 3, "advice": 0.1, "random search": 0.1}],
    }


def by_name(summary):
    return {found["goal"]: found for found in goals(summary)}


def test_bounds_themselves_are_met_and_misses_are_misses():
    found = by_name(a_summary())
    assert found["mean regret of the first suggestion"]["met"] is True
    assert found["mean regret of the best of three"]["met"] is False
    assert found["cases better than the sane default"]["met"] is True
    assert found["cases much worse than the sane default"]["met"] is True
    assert found["p of no better than best on average"]["met"] is False
    assert found["outcomes held by their 80 % intervals, at least"]["met"] is True
    assert found["outcomes held by their 80 % intervals, at most"]["met"] is False


def test_what_was_not_measured_is_neither_met_nor_missed():
    found = by_name(a_summary())
    for name in (
        "the same, every trial at the most epochs",
        "equivalent random trials, model family unseen",
        "regret after ten own runs, as a share of random search's",
    ):
        assert (found[name]["value"], found[name]["met"]) == (None, None)


def test_figures_are_given_under_each_limit_of_epochs():
    found = by_name(a_summary())
    assert found["mean regret of the first suggestion"]["by_cap"] == {"5": 0.06}
    assert found["mean regret of the best of three"]["by_cap"] == {"5": None}
    assert found["equivalent random trials, median reference case"]["by_cap"] == {"5": 3.0}
    assert found["the same, every trial at the most epochs"]["by_cap"] == {"5": 2.0}


@pytest.mark.parametrize(("at_most", "value", "met"), [(True, 1.1, False), (False, 1.1, True), (True, None, None)])
def test_a_goal_knows_its_direction(at_most, value, met):
    assert Goal("of a test", 1.0, at_most).is_met(value) is met


def fine_tuning_row(method, regret, cases=20):
    return {"method": method, "cases": cases, "mean_regret": regret, "median_regret": regret}


def test_goals_of_fine_tuning_compare_with_the_best_fixed_rate_of_the_same_cases():
    adamw = [
        fine_tuning_row("advice", 0.09),
        fine_tuning_row("lr 0.003", 0.12),
        fine_tuning_row("lr 0.001", 0.4),
        fine_tuning_row("lr 0.01", 0.01, cases=3),
        fine_tuning_row("lr range test", 0.02),
    ]
    summary = {
        "methods": [fine_tuning_row("advice", 0.12)],
        "contexts": {"adamw": adamw, CLEAR: [fine_tuning_row("advice", 0.1)]},
        "trials": {"median": 8.0},
        "behind": [{"n_eval": 126}, {"n_eval": 400}],
        "sgd_batches": {"8": {"points_lost": 0.0}, "32": {"points_lost": 2.9}},
    }
    found = {goal["goal"]: goal for goal in fine_tuning_goals(summary)}
    mean = found["mean regret of the first suggestion"]
    assert (mean["value"], mean["met"], mean["clear"]) == (0.12, False, 0.1)
    above = found["adamw: mean regret above that of the best fixed learning rate"]
    assert (above["value"], above["met"]) == (pytest.approx(-0.03), True)
    assert found["sgd: mean regret above that of the best fixed learning rate"]["met"] is None
    behind = found["cases of 200 evaluation images or more that end over 3 points behind AdamW at 1e-3"]
    assert (behind["value"], behind["met"]) == (1, False)
    assert [found[f"sgd at batch {batch}: points lost to the best fixed rate"]["met"] for batch in (8, 32)] == [
        True,
        False,
    ]
