"""Runs of related cases help where the same error is made in all of them, and cannot where none is made."""

from dataclasses import replace

import numpy as np
import pytest

from advisor.advise.search.related_runs import OTHER_MODEL
from advisor.evaluate.pool import pools
from advisor.learn.table import build_table
from advisor.records.schema import Pretraining
from research.ablations.forecasts import Forecast, forecast
from research.ablations.related_runs import KINDS, TRIALS, UNLEARNED_KINDS, Comparison, as_published


@pytest.fixture(scope="module")
def evidence(describe_model, records):
    runs, datasets = records(n_groups=3, runs_per_case=30)
    return build_table(runs, datasets, describe_model), datasets


def expecting(table, best_lr):
    """Cases whose best learning rate is expected at ``best_lr``; it is at 10 ** -2.5."""
    return [
        Forecast(pool, 10 * np.abs(np.log10(pool.hparams["lr"]) - np.log10(best_lr))[None], noise=0.5, scale=15.0)
        for pool in pools(table)
    ]


def test_an_error_that_is_common_to_models_is_learned_from_another(evidence):
    table, datasets = evidence
    (row,) = [row for row in Comparison(expecting(table, 0.3), datasets).rows() if row["kind"] == OTHER_MODEL]
    assert row["cases"] == 6
    assert row["groups"] == 3
    assert row["0"]["with"] < row["0"]["without"]
    for use in ("with", "without"):
        falling = [row[str(k)][use] for k in TRIALS]
        assert falling == sorted(falling, reverse=True)


def test_kinds_that_no_case_has_make_no_row(evidence):
    table, datasets = evidence
    names = [row["kind"] for row in Comparison(expecting(table, 3e-3), datasets).rows()]
    assert names == [OTHER_MODEL, KINDS[-1].name]
    assert KINDS[-1] not in UNLEARNED_KINDS


def test_what_is_published_expects_its_own_values_to_be_best(evidence):
    table, _ = evidence
    (case, *_) = expecting(table, 3e-3)
    published = as_published(case)
    assert published.short.min() >= 0
    assert published.short.max() <= 2 * published.scale
    which = replace(case.pool, case=case.pool.case._replace(pretraining=Pretraining.OTHER))
    assert as_published(replace(case, pool=which)) is None


def test_a_forecast_is_made_for_every_case(evidence):
    table, _ = evidence
    cases = forecast(table)
    assert len(cases) == 6
    assert all(case.members.shape[1] == len(case.pool.score) for case in cases)
