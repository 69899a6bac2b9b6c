import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.evaluate.pool import equivalent_trials, expected_best, expected_best_of_mixture, pools
from advisor.learn.table import build_table

SCORES = st.lists(st.floats(0, 100), min_size=2, max_size=7).map(np.array)


@given(SCORES, st.integers(1, 7))
def test_expected_best_is_the_mean_over_all_draws(scores, k):
    k = min(k, len(scores))
    draws = [max(draw) for draw in combinations(scores, k)]
    assert expected_best(scores, k) == pytest.approx(np.mean(draws), abs=1e-9)


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=20, unique=True).map(np.array), st.data())
def test_equivalent_trials_inverts_expected_best(scores, data):
    k = data.draw(st.integers(1, len(scores)))
    curve = np.array([expected_best(scores, n) for n in range(1, len(scores) + 1)])
    assert equivalent_trials(curve, curve[k - 1]) == pytest.approx(k, abs=1e-6)


def test_equivalent_trials_is_cut_at_both_ends():
    curve = np.array([1.0, 2.0, 3.0])
    assert equivalent_trials(curve, 0.0) == 0
    assert equivalent_trials(curve, 2.5) == 2.5
    assert equivalent_trials(curve, 99.0) == 3


@given(SCORES, SCORES, st.integers(1, 4))
def test_the_best_of_a_mixture_is_the_mean_over_all_draws(at_cap, free, k):
    k = min(k, len(at_cap))
    total = 0.0
    for kinds in product((True, False), repeat=k):
        capped, others = combinations(at_cap, sum(kinds)), list(product(free, repeat=k - sum(kinds)))
        total += np.mean([max((*a, *b)) for a in capped for b in others]) / 2**k
    assert expected_best_of_mixture(at_cap, free, k) == pytest.approx(total, abs=1e-6)


def test_a_pool_averages_seeds_and_takes_the_best_from_repeated_ones(records, describe_model):
    from dataclasses import replace

    runs, datasets = records(n_groups=1, runs_per_case=20)
    best = max((r for r in runs if r.model == "test_resnet"), key=lambda r: r.final_metric)
    again = replace(best, run_id="again", seed=1, final_metric=best.final_metric - 4, extra={"kind": "repeat"})
    table = build_table([*runs, again], datasets, describe_model)
    pool = next(p for p in pools(table) if p.case.model == "test_resnet")
    assert len(pool.score) == 20
    assert pool.best == pytest.approx(best.final_metric - 2)
    assert pool.regret(pool.median) == pytest.approx(1)
    assert pool.regret(pool.best) == 0
    hparams = {name: float(column[7]) for name, column in pool.hparams.items()}
    assert pool.nearest(hparams) == 7
    assert pool.at_cap().sum() == 10


def test_a_case_with_few_random_points_is_not_judged(describe_model, records):
    assert not list(pools(build_table(*records(n_groups=1, runs_per_case=5), describe_model)))


def test_expected_best_never_falls_with_more_draws():
    scores = np.random.default_rng(0).uniform(size=30)
    curve = [expected_best(scores, k) for k in range(1, 31)]
    assert curve == sorted(curve)
    assert math.isclose(curve[-1], scores.max())
