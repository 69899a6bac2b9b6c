"""A range test's learning rate is looked up among what was recorded in its case."""

from dataclasses import replace

import pytest

from advisor.describe.model import model_features
from advisor.evaluate.pool import pools
from advisor.evaluate.range_tests import COLUMNS, RANGE_TESTS, follow_range_test, read_range_tests
from advisor.learn.table import build_table

LITE0 = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def evidence(fine_tuning_evidence):
    return fine_tuning_evidence()


@pytest.fixture(scope="module")
def pool(evidence):
    table = build_table(evidence.runs, evidence.datasets, model_features)
    return next(pool for pool in pools(table) if pool.case.opt == "adamw" and pool.case.model == LITE0)


def recorded(evidence, folder, *rows):
    lines = [COLUMNS, *rows]
    (folder / RANGE_TESTS).write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
    return read_range_tests(replace(evidence, folder=folder))


@pytest.mark.parametrize("lr", [3e-3, 1e-3, 3e-4, 1e-4])
def test_the_usual_configuration_with_the_suggested_rate_is_picked(evidence, pool, tmp_path, lr):
    name = next(d.name for d in evidence.datasets if d.dataset_id == pool.case.dataset_id)
    tests = recorded(evidence, tmp_path, (name, LITE0, "adamw", "none", 64, lr * 1.04, 32, 60, 2.0))
    pick = follow_range_test(tests, pool)
    assert {key: column[pick] for key, column in pool.hparams.items()} == {
        "lr": lr,
        "batch_size": 32,
        "epochs": pool.max_epochs,
        "dropout": 0,
        "weight_decay": 0.05,
    }


@pytest.mark.parametrize(
    "other", [{"model": "resnet18"}, {"opt": "sgd"}, {"augment": "timm"}, {"img_size": 96}, {"dataset_name": "else"}]
)
def test_a_test_of_another_case_says_nothing(evidence, pool, tmp_path, other):
    name = next(d.name for d in evidence.datasets if d.dataset_id == pool.case.dataset_id)
    made = dict(zip(COLUMNS, (name, LITE0, "adamw", "none", 64, 1e-3, 32, 60, 2.0), strict=True))
    assert follow_range_test(recorded(evidence, tmp_path, {**made, **other}.values()), pool) is None


def test_evidence_without_tests_has_none(evidence, tmp_path):
    assert read_range_tests(replace(evidence, folder=tmp_path)) == {}
