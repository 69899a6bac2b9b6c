"""The advice, random search and TPE start from the same configuration and choose among the same."""

import numpy as np
import pytest

from advisor.evaluate.pool import pools
from advisor.learn.table import build_table
from research.ablations.forecasts import Forecast
from research.ablations.own_trials import TRIALS, follow_tpe, rows


@pytest.fixture(scope="module")
def cases(describe_model, records):
    """Cases whose best learning rate is expected ten times too high."""
    table = build_table(*records(n_groups=2, runs_per_case=14), describe_model)
    return [
        Forecast(pool, 10 * np.abs(np.log10(pool.hparams["lr"]) + 1.5)[None], noise=0.5, scale=15.0)
        for pool in pools(table)
    ]


def test_tpe_tries_each_configuration_once_from_the_start_given(cases):
    pytest.importorskip("optuna")
    pool = cases[0].pool
    tried = follow_tpe(pool, 3, seed=0, trials=100)
    assert tried[0] == 3
    assert sorted(tried) == list(range(len(pool.score)))
    assert follow_tpe(pool, 3, seed=0, trials=6) == tried[:6]


def test_all_start_at_the_same_regret_and_none_rises(cases):
    pytest.importorskip("optuna")
    table = rows(cases)
    assert [row["own_runs"] for row in table] == list(TRIALS)
    assert len({round(one["mean"], 9) for one in table[0]["methods"]}) == 1
    for method in range(3):
        means = [row["methods"][method]["mean"] for row in table]
        assert means == sorted(means, reverse=True)
