from dataclasses import replace

import numpy as np
import pytest
from synthetic import describe_model, records

from advisor.evaluate.feature_groups import correlations, separation, with_groups
from advisor.learn.table import build_table


@pytest.fixture(scope="module")
def described():
    """Datasets under the names of real features: one follows the difficulty, one the source, one nothing."""
    runs, datasets = records(n_groups=10, runs_per_case=24)
    rng = np.random.default_rng(0)
    named = [
        replace(
            d, group=f"source-{i // 2}",
            features={"knn_skill": d.features["nn_top1"], "contrast": float(i // 2), "log_side": float(rng.normal())},
        )
        for i, d in enumerate(datasets)
    ]  # fmt: skip
    return runs, named


def test_only_the_kept_groups_stay_known(described):
    table = build_table(*described, describe_model)
    kept = with_groups(table, ("images",))
    unknown = {name for i, name in enumerate(table.columns) if np.isnan(kept.x[:, i]).all()}
    assert unknown - {name for i, name in enumerate(table.columns) if np.isnan(table.x[:, i]).all()} == {
        "data:knn_skill"
    }


def test_a_feature_that_is_the_source_separates_them_wholly(described):
    between = separation(described[1])
    assert between["contrast"] == pytest.approx(1)
    assert between["log_side"] < 0.95


def test_what_follows_the_difficulty_correlates_with_the_best_accuracy(described):
    runs, datasets = described
    found = correlations(build_table(runs, datasets, describe_model), datasets)
    assert found["knn_skill"]["best accuracy"] > 0.9
