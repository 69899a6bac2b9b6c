from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.learn.table import build_table
from advisor.learn.usable_runs import is_comparable, is_evidence, score_of
from advisor.records.schema import Status


@pytest.fixture(scope="module")
def evidence(records):
    return records(n_groups=3, runs_per_case=10)


def test_every_run_that_is_evidence_becomes_a_row_of_its_case(describe_model, evidence):
    runs, datasets = evidence
    table = build_table(runs, datasets, describe_model)
    assert len(table) == len(runs)
    assert len(table.cases) == 6
    for i, run in enumerate(runs):
        case = table.cases[table.case_of[i]]
        assert (case.dataset_id, case.model) == (run.dataset_id, run.model)
        assert table.hparams["lr"][i] == run.lr
        assert table.score[i] == run.final_metric


def test_derived_columns_mean_what_they_say(describe_model, evidence):
    runs, datasets = evidence
    table = build_table(runs, datasets, describe_model)
    column = {name: table.x[:, i] for i, name in enumerate(table.columns)}
    steps = np.array([r.n_train // r.batch_size * r.epochs for r in runs])
    np.testing.assert_allclose(2 ** column["log_steps"], steps)
    np.testing.assert_allclose(column["log_lr_steps"], np.log2([r.lr for r in runs]) + np.log2(steps))
    np.testing.assert_allclose(2 ** column["log_samples_seen"], steps * [r.batch_size for r in runs])
    np.testing.assert_allclose(
        column["data:nn_top1"], [datasets[int(r.dataset_id[1:])].features["nn_top1"] for r in runs]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.INTERRUPTED},
        {"status": Status.STALE},
        {"status": Status.FAILED},
        {"epochs_done": 0},
        {"lr": None},
        {"dataset_id": None},
        {"out_of_memory": True},
        {"extra": {"scored_on_training_images": True}},
        {"metric": "loss"},
        {"final_metric": None},
        {"final_metric": 100.5},
        {"final_metric": float("nan")},
        {"metric": None},
        {"metric": "eval_map", "status": Status.DIVERGED},
    ],
)
def test_runs_that_say_nothing_about_their_configuration_are_no_evidence(evidence, change):
    run = evidence[0][0]
    assert is_evidence(run)
    assert not is_evidence(replace(run, **change))


@pytest.mark.parametrize("change", [{"n_classes": 7}, {"n_eval": 250}])
def test_runs_that_were_judged_by_other_classes_or_images_are_not_mixed_in(evidence, change):
    run, dataset = evidence[0][0], evidence[1][0]
    assert is_comparable(run, dataset)
    assert not is_comparable(replace(run, **change), dataset)
    assert is_comparable(replace(run, **dict.fromkeys(change)), dataset)


SPOILT = [
    {"out_of_memory": True, "status": Status.FAILED},
    {"out_of_memory": True},
    {"status": Status.DIVERGED, "out_of_memory": True, "final_metric": None},
    {"status": Status.INTERRUPTED},
    {"metric": "eval_loss", "final_metric": 0.7},
    {"metric": "eval_map", "status": Status.DIVERGED},
    {"n_classes": 3},
    {"n_eval": 17},
    {"final_metric": -1.0},
]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 59), st.sampled_from(SPOILT), st.floats(0, 100)), max_size=20))
def test_what_ran_out_of_memory_or_was_judged_otherwise_moves_nothing(describe_model, evidence, spoilt):
    runs, datasets = evidence
    others = [replace(runs[i], **{"final_metric": score, **change}) for i, change, score in spoilt]
    plain, mixed = build_table(runs, datasets, describe_model), build_table([*others, *runs], datasets, describe_model)
    assert plain.columns == mixed.columns
    for name in ("x", "score", "case_of", "group_of", "n_eval"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(mixed, name))


def test_a_diverged_run_counts_as_chance(evidence):
    run = replace(evidence[0][0], status=Status.DIVERGED, final_metric=None)
    assert is_evidence(run)
    assert score_of(run, n_classes=20) == 5.0


def test_a_run_on_an_undescribed_dataset_is_left_out(describe_model, evidence):
    runs, datasets = evidence
    table = build_table(runs, datasets[1:], describe_model)
    assert {table.cases[i].dataset_id for i in table.case_of} == {"d1", "d2"}


def test_take_keeps_rows_aligned(describe_model, evidence):
    table = build_table(*evidence, describe_model)
    part = table.take(table.group_of != "group-0")
    assert len(part) == 40
    assert "group-0" not in part.group_of
    assert all(part.cases[i].dataset_id != "d0" for i in part.case_of)


def test_nothing_recorded_is_an_empty_table(describe_model):
    assert len(build_table([], [], describe_model)) == 0


def test_the_probe_is_a_column_only_where_it_is_judged(records, describe_model):
    from dataclasses import replace

    runs, datasets = records(n_groups=2)
    probed = [replace(dataset, features={**dataset.features, "probe_skill": 0.5}) for dataset in datasets]
    assert "data:probe_skill" not in build_table(runs, probed, describe_model).columns
    assert "data:probe_skill" in build_table(runs, probed, describe_model, with_probe=True).columns


def test_runs_that_differ_in_their_seed_become_one_row_of_their_mean(records, describe_model):
    runs, datasets = records(n_groups=2, runs_per_case=4)
    again = [replace(run, run_id=f"{run.run_id}-2", seed=1, final_metric=run.final_metric / 2) for run in runs[:3]]
    once = build_table(runs, datasets, describe_model)
    table = build_table([*runs, *again], datasets, describe_model)
    rows, means = table.means_over_seeds()
    assert len(rows) == len(means) == len(once) == len(runs)
    mean = {run.run_id: run.final_metric * (0.75 if run in runs[:3] else 1) for run in runs}
    of_row = dict(zip(rows.tolist(), means.tolist(), strict=True))
    assert {run.run_id: of_row[i] for i, run in enumerate(runs)} == pytest.approx(mean)
