from dataclasses import replace

import numpy as np
import pytest

from advisor.evaluate.pool import pools
from advisor.learn.table import build_table
from advisor.records.schema import Pretraining, Run, Source, Status
from research.quicktune.joint_runs import joint_runs
from research.quicktune.other_evidence import judge_recipes, with_joint_runs


@pytest.fixture(scope="module")
def table(describe_model, records):
    return build_table(*records(n_groups=4, runs_per_case=32), describe_model)


@pytest.fixture(scope="module")
def public():
    """Runs on two datasets, cut off by time, of two models."""
    return joint_runs(
        [
            Run(
                run_id=f"q{dataset}{i}",
                source=Source.QUICKTUNE,
                status=Status.INTERRUPTED,
                dataset_name=dataset,
                n_train=1024,
                n_classes=8,
                model=("test_vit", "test_resnet")[i % 2],
                pretrained=True,
                opt="adamw",
                lr=0.001 * (i + 1),
                batch_size=16,
                epochs=50,
                dropout=0.0,
                weight_decay=0.0,
                metric="eval_top1",
                best_metric=50.0 + i,
                final_metric=10.0,
                epochs_done=20,
            )
            for dataset in ("BTS", "CRS")
            for i in range(10)
        ]
    )


def test_recipes_are_judged_by_the_configuration_nearest_to_what_they_advise(table):
    judged = list(pools(table))
    found = judge_recipes(judged)
    for i, pool in enumerate(judged):
        assert found["first"][i] in pool.regret(pool.score)
        assert found["best of 3"][i] <= found["first"][i]


def test_recipes_are_judged_where_runs_were_tuned_from_weights_that_timm_does_not_have(table):
    pool = next(iter(pools(table)))
    tuned = replace(pool, case=pool.case._replace(model="test_mambaout", pretraining=Pretraining.IMAGENET))
    assert judge_recipes([tuned])["first"][0] in pool.regret(pool.score)


def test_public_runs_are_a_case_and_a_source_a_dataset(table, public):
    joined = with_joint_runs(table, public)
    added = joined.take(np.arange(len(table), len(joined)))
    assert joined.columns == table.columns
    assert set(added.group_of) == {"quicktune:BTS", "quicktune:CRS"}
    assert [joined.cases[i].dataset_id for i in np.unique(added.case_of)] == ["quicktune:BTS", "quicktune:CRS"]
    # Whatever the model, and by the best of the curve.
    assert sorted(added.score[added.group_of == "quicktune:BTS"]) == [50.0 + i for i in range(10)]
    assert (added.x[:, joined.columns.index("data:log_n_train")] == 10).all()


def test_public_runs_are_learned_from_and_never_judged(table, public):
    joined = with_joint_runs(table, public)
    assert [pool.case for pool in pools(joined)] == [pool.case for pool in pools(table)]
    assert np.array_equal(joined.x[: len(table)], table.x, equal_nan=True)
