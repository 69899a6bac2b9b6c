"""Trainings that an evaluation asks for: each once, and never one that is recorded."""

import json
from pathlib import Path

import pytest

from advisor.collect.planning.design import Budget
from advisor.collect.planning.plan import Design, PlannedCase, PlannedContext, PlannedDataset
from advisor.collect.training.images import measure
from advisor.errors import AdvisorError
from advisor.records.schema import Run, Source, Status
from advisor.space.configuration import Configuration
from research.held_out.trained_runs import TrainedRuns

ONE = Configuration(1e-3, 8, 2, 0.0, 0.05)


@pytest.fixture
def case(write_images, tmp_path):
    path = write_images(tmp_path / "grey", n_train=24, n_eval=12, pixels=16)
    return PlannedCase(
        PlannedDataset("grey", path, "greys", measure(path)), "test_resnet", PlannedContext(), Design(), Budget()
    )


def test_a_run_is_trained_once_even_by_another_process(case, tmp_path):
    path = tmp_path / "runs.csv"
    runs = TrainedRuns(path)
    first = runs.score(case, ONE, 0)
    assert 0 <= first <= 100
    assert runs.score(case, ONE, 0) == first
    assert runs.score(case, ONE, 1) >= 0
    assert runs.trained == 2
    later = TrainedRuns(path)
    assert later.score(case, ONE, 0) == first
    assert later.trained == 0
    assert len(path.read_text().splitlines()) == 3


def test_what_the_evidence_holds_is_not_trained(case, tmp_path):
    point = next(point for point in case.points() if point.label == "sane")
    recorded = Run(
        run_id="r", source=Source.COLLECT, status=Status.FINISHED, dataset_id="d", n_classes=3, model="test_resnet",
        opt="adamw", metric="eval_top1", final_metric=77.0, epochs_done=5, extra={"point": point.point_id},
        **point.training.configuration.as_dict(),
    )  # fmt: skip
    runs = TrainedRuns(tmp_path / "runs.csv", [recorded])
    assert runs.score(case, point.training.configuration, 0) == 77.0
    assert runs.trained == 0
    assert not (tmp_path / "runs.csv").exists()


def test_a_diverged_run_is_chance_and_is_kept(case, tmp_path):
    path = tmp_path / "runs.csv"
    score = TrainedRuns(path).score(case, Configuration(1e30, 8, 2, 0.0, 0.0), 0)
    assert score == pytest.approx(100 / 3, abs=0.01)
    assert TrainedRuns(path).score(case, Configuration(1e30, 8, 2, 0.0, 0.0), 0) == score


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("point,top1\nabc,much\n")
    with pytest.raises(AdvisorError, match=r"runs\.csv cannot be read"):
        TrainedRuns(path)


def test_plans_of_trainings_hold_a_source_each():
    from advisor._meta_data.sources import list_datasets
    from advisor.collect.planning.plan import read_plan

    group_of = {spec.name: spec.group for spec in list_datasets()}
    for name, least in (("held-out-trainings", 6), ("live-trials", 3)):
        plan = read_plan(Path(__file__).parents[3] / "meta_data" / "plans" / f"{name}.yaml")
        groups = [group_of[dataset] for dataset in plan.dataset_names()]
        assert len(groups) == len(set(groups)) >= least, json.dumps(groups)
