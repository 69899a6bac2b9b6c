"""Advice on fine-tuning is judged on what it has not seen, against what people type."""

from dataclasses import replace

import numpy as np
import pytest

import advisor.evaluate.finetuning as finetuning
from advisor.describe.model import model_features
from advisor.evaluate.finetuning import MODEL_UNSEEN, RECIPES, USUAL, AtBatch, behind, evaluate_fine_tuning
from advisor.evaluate.pool import pools
from advisor.evaluate.protocol import ADVICE, Outcome
from advisor.evaluate.range_tests import COLUMNS, RANGE_TEST, RANGE_TESTS
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import build_table
from advisor.records.schema import Pretraining

LITE2 = "tf_efficientnet_lite2"
MAX_EPOCHS = 10


@pytest.fixture(scope="module")
def evidence(fine_tuning_evidence):
    return fine_tuning_evidence()


@pytest.fixture(scope="module")
def quick_model():
    """Few and small members: what is looked at is who sees what, and who is compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            finetuning, "meta_model_for", lambda _: MetaModel(2, 10, ranker="process", target="regret"), raising=True
        )
        patch.setattr(finetuning, "FEW_GROUPS", 2)
        yield


@pytest.fixture(scope="module")
def fitted_to(quick_model):
    """What each fit saw: its sources and its models."""
    seen = []
    fit_regret = MetaModel.fit_regret

    def spy(self, table, *args):
        models = {table.cases[case].model for case in set(table.case_of)}
        seen.append((frozenset(map(str, set(table.group_of))), frozenset(models)))
        return fit_regret(self, table, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MetaModel, "fit_regret", spy)
        yield seen


@pytest.fixture(scope="module")
def evaluation(evidence, fitted_to):
    return evaluate_fine_tuning(evidence, workers=1)


@pytest.fixture(scope="module")
def judged_pools(evidence):
    table = build_table(evidence.runs, evidence.datasets, model_features)
    return list(pools(table))


def row(rows, method):
    return next(row for row in rows if row["method"] == method)


def test_cases_start_from_imagenet(judged_pools):
    assert {pool.case.pretraining for pool in judged_pools} == {Pretraining.IMAGENET}
    assert len(judged_pools) == 4 + 2 + 3


@pytest.mark.usefixtures("evaluation")
def test_no_source_sees_itself_and_the_held_out_model_not_itself_either(evidence, fitted_to):
    groups = frozenset(dataset.group for dataset in evidence.datasets)
    whole = [sources for sources, models in fitted_to if LITE2 in models]
    # With one source held out there is lite2 elsewhere; each source is left out once.
    assert sorted(map(sorted, whole)) == sorted(sorted(groups - {group}) for group in groups)
    unseen = [sources for sources, models in fitted_to if LITE2 not in models]
    of_lite2 = {"group-0", "group-1"}
    assert sorted(map(sorted, unseen)) == sorted(sorted(groups - {group}) for group in of_lite2)


def test_every_method_meets_the_cases_it_has_values_for(evaluation):
    rows = evaluation["methods"]
    assert row(rows, ADVICE)["cases"] == row(rows, RECIPES)["cases"] == row(rows, "best on average")["cases"] == 9
    assert row(rows, "lr 0.001")["cases"] == 9
    assert row(rows, "lr 3e-05")["cases"] == 6  # AdamW's only
    assert row(rows, "lr 0.01")["cases"] == 3  # SGD's only
    assert row(rows, "random search, 5")["cases"] == 9
    assert row(rows, "random search, 10")["cases"] == 7  # two have 8 draws
    assert row(rows, "oracle")["mean_regret"] == pytest.approx(0)
    assert not any("batch" in each["method"] for each in rows)


def test_the_row_of_the_held_out_model_is_of_its_cases_only(evaluation):
    assert row(evaluation["methods"], MODEL_UNSEEN)["cases"] == 2
    named = {name for name, rows in evaluation["contexts"].items() if any(r["method"] == MODEL_UNSEEN for r in rows)}
    assert LITE2 in named
    assert not {"sgd", "tf_efficientnet_lite0"} & named


def test_parts_are_by_optimizer_model_side_and_images(evaluation):
    assert list(evaluation["contexts"])[:5] == ["adamw", "sgd", "tf_efficientnet_lite0", LITE2, "64 pixels"]
    sizes = [name for name in evaluation["contexts"] if "training images" in name]
    assert sum(row(evaluation["contexts"][name], ADVICE)["cases"] for name in sizes) == 9


def test_sgd_is_judged_at_each_batch_size_that_was_tried(evaluation):
    assert set(evaluation["sgd_batches"]) == {"8", "32", "128"}
    for found in evaluation["sgd_batches"].values():
        assert found["cases"] == 3
        assert found["best_rate"] == 0.03


def test_points_lost_to_the_best_fixed_rate_of_sgd_are_a_mean_over_cases():
    found = [AtBatch(8, 70.0, {0.01: 72.0, 0.03: 60.0}), AtBatch(8, 50.0, {0.01: 50.0, 0.03: 58.0})]
    assert finetuning.sgd_at_batches(found) == {"8": {"cases": 2, "best_rate": 0.01, "points_lost": 1.0}}


def test_points_lost_within_a_range_of_batch_sizes_are_to_the_best_recorded_there(judged_pools):
    pool = judged_pools[0]
    exact = finetuning._within_batches(pool, -pool.score)
    assert [each.points_lost for each in exact] == [0.0] * len(exact)
    worst = finetuning._within_batches(pool, pool.score)
    assert len(worst) == len(exact) > 1
    for each in worst:
        inside = pool.score[(pool.hparams["batch_size"] >= each.low) & (pool.hparams["batch_size"] <= each.high)]
        assert each.points_lost == inside.max() - inside.min() > 0


def test_batches_are_judged_by_optimizer(evaluation):
    rows = evaluation["batches"]
    assert {(row["opt"], *row["batch_size"]) for row in rows} == {
        (opt, *found) for opt in ("adamw", "sgd") for found in ((8, 16), (17, 64), (65, 256))
    }
    assert all(row["mean"] >= 0 and row["cases"] > 1 for row in rows)


def test_a_range_test_is_judged_where_one_was_made(evidence, tmp_path, quick_model):
    dataset = evidence.datasets[0]
    path = tmp_path / RANGE_TESTS
    row_of_test = (dataset.name, LITE2, "adamw", "none", 64, 3e-4, 32, 60, 1.5)
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(map(str, row_of_test)) + "\n")
    rows = evaluate_fine_tuning(replace(evidence, folder=tmp_path), workers=1)["methods"]
    assert row(rows, RANGE_TEST)["cases"] == 1


def test_only_cases_of_adamw_that_fall_far_behind_are_named(judged_pools):
    adamw, other = [pool for pool in judged_pools if pool.case.opt == "adamw"][:2]
    sgd = next(pool for pool in judged_pools if pool.case.opt == "sgd")
    reached = ((adamw, 60.0, 63.5), (other, 60.0, 62.5), (sgd, 10.0, 70.0))
    outcomes = [
        Outcome(method, pool, score)
        for pool, *two in reached
        for method, score in zip((ADVICE, USUAL), two, strict=True)
    ]
    (named,) = behind(outcomes)
    assert (named["group"], named["model"], named["advice"], named["usual"]) == (
        adamw.group,
        adamw.case.model,
        60,
        63.5,
    )


def test_trials_are_cut_off_where_no_more_were_recorded(judged_pools):
    pool = judged_pools[-1]
    best, median = pool.score.max(), float(np.median(pool.score[pool.random]))
    found = finetuning.trials([Outcome(ADVICE, pool, best)])
    assert (found["median"], found["cut_off"], found["cut_off_at"]) == (10, 1, 10)
    assert 1 < finetuning.trials([Outcome(ADVICE, pool, median + 1)])["median"] < 10


def test_heads_alone_say_nothing_of_whole_networks(evidence):
    head = tuple(replace(run, extra={**run.extra, "trainable": "head"}) for run in evidence.runs)
    table = build_table(head, evidence.datasets, model_features)
    assert len(table) == 0


def test_recipes_advise_without_the_evidence(judged_pools):
    for pool in judged_pools:
        for with_public_runs in (False, True):
            picks = finetuning._published_picks(pool, with_public_runs=with_public_runs, count=2)
            assert 1 <= len(picks) <= 2
            assert (pool.hparams["epochs"][picks] <= MAX_EPOCHS).all()
            assert (pool.hparams["lr"][picks] < 3e-2).all()


def test_where_too_few_sources_were_seen_advice_is_what_is_published(judged_pools, evidence, monkeypatch):
    monkeypatch.setattr(finetuning, "FEW_GROUPS", 100)
    table = build_table(evidence.runs, evidence.datasets, model_features)
    outcomes, within, at_batches = finetuning._held_out(table, judged_pools, judged_pools[0].group, {})
    assert not within
    assert not at_batches
    for outcome in (outcome for outcome in outcomes if outcome.method == ADVICE):
        (pick, *_) = finetuning._published_picks(outcome.pool, with_public_runs=True, count=3)
        assert outcome.score == outcome.pool.score[pick]
        assert outcome.expected is None
