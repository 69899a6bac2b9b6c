import numpy as np
import pytest

from advisor.cli.evaluate import _print_adaptive
from advisor.evaluate.adaptive import adaptive_regret, adaptive_table, replay
from advisor.evaluate.pool import pools
from advisor.learn.table import build_table

SCALE = 15.0
"""Points between the best and the median of the recorded scores."""


@pytest.fixture(scope="module")
def pool(describe_model, records):
    table = build_table(*records(n_groups=1, runs_per_case=60), describe_model)
    return next(pools(table))


def misled(pool):
    """A meta-model that takes the best learning rate to be thirty times too high."""
    return 10 * np.abs(np.log10(pool.hparams["lr"] / 0.1))


def test_a_replay_tries_each_configuration_once(pool):
    tried = replay(pool, misled(pool), noise=0.5, scale=SCALE, trials=100)
    assert sorted(tried) == list(range(len(pool.score)))


def test_own_runs_correct_a_meta_model_that_is_wrong(pool):
    found = adaptive_regret(pool, misled(pool), noise=0.5, scale=SCALE)
    assert found["advice"][0] > 1
    assert found["advice"][10] < 0.25
    assert found["advice"][10] < found["random from the same start"][10]


def test_more_runs_never_leave_more_regret(pool):
    for values in adaptive_regret(pool, misled(pool), noise=0.5, scale=SCALE).values():
        assert list(values.values()) == sorted(values.values(), reverse=True)


def test_the_table_compares_the_same_cases(pool):
    found = adaptive_regret(pool, misled(pool), noise=0.5, scale=SCALE)
    short = {method: {k: v for k, v in values.items() if k < 3} for method, values in found.items()}
    rows = adaptive_table([("a", found), ("a", found), ("b", short)])
    assert [(row["own_runs"], row["cases"]) for row in rows] == [(0, 3), (1, 3), (3, 2), (5, 2), (10, 2), (25, 2)]


def test_numbers_of_own_runs_that_no_case_reaches_are_said(pool, capsys):
    found = adaptive_regret(pool, misled(pool), noise=0.5, scale=SCALE)
    rows = adaptive_table(
        [("a", {method: {k: v for k, v in values.items() if k < 10} for method, values in found.items()})]
    )
    _print_adaptive(rows)
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()[1:]] == ["0", "1", "3", "5", "10", "25"]
    assert "25 own runs: no recorded case has the 26 random configurations that the baselines need" in printed
