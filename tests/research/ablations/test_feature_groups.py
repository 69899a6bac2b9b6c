from dataclasses import replace

import numpy as np
import pytest

from advisor.learn.metamodel import MetaModel
from advisor.learn.table import build_table
from research.ablations import feature_groups
from research.ablations.feature_groups import (
    ablations,
    compare,
    correlations,
    most_alike,
    page,
    separation,
    with_groups,
)


@pytest.fixture(scope="module")
def described(records):
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


def test_only_the_kept_groups_stay_known(describe_model, described):
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


def test_what_follows_the_difficulty_correlates_with_the_best_accuracy(describe_model, described):
    runs, datasets = described
    found = correlations(build_table(runs, datasets, describe_model), datasets)
    assert found["knn_skill"]["best accuracy"] > 0.9


def test_features_that_say_the_same_are_named(described):
    rng = np.random.default_rng(1)
    values = rng.normal(size=20)
    features = [
        {"contrast": v, "brightness": -(v**3), "log_side": float(rng.normal()), "grey_share": 0.0} for v in values
    ]
    found = most_alike([replace(described[1][0], features=one) for one in features])
    assert found["contrast"][0] == "brightness"
    assert found["brightness"] == ("contrast", pytest.approx(-1))
    assert "grey_share" not in found


def test_the_page_has_a_row_a_set_of_groups_with_its_interval_and_seconds(records, describe_model, monkeypatch):
    monkeypatch.setattr(
        feature_groups,
        "_small",
        lambda: MetaModel(n_members=2, n_estimators=10, ranking_features=feature_groups.GROUPS, blind_share=0.0),
    )  # a small cut: what is asked is whether the figures are there, not what they are
    runs, datasets = records(n_groups=8, runs_per_case=16)
    named = [
        replace(d, features={"knn_skill": d.features["nn_top1"], "probe_skill": -i * i / 64})
        for i, d in enumerate(datasets)
    ]
    table = build_table(runs, named, describe_model, with_probe=True)
    rows = compare(table)
    assert [row["features"] for row in rows] == list(ablations())
    for row in rows:
        for what in ("regret", "points"):
            low, high = row[f"{what}_interval"]
            assert low <= row[f"{what}_difference"] <= high
    assert rows[0]["regret_interval"] == (0, 0)
    text = page(table, named, rows, {"size": 0.25, "images": 0.5, "structure": 2.0, "probe": 10.0})
    cells = {
        line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1] for line in text.splitlines() if " | " in line
    }
    assert (cells["none"], cells["all"], cells["probe alone"], cells["all but probe"]) == ("0.0", "12.8", "10.0", "2.8")
    assert "`probe_skill` +1.00" in text
