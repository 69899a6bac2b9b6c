import pytest

from advisor.evaluate.goals import Goal, goals


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
