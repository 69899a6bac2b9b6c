"""Cases of held-out sources: nothing of the source is in the adviser, and what is trained on is what was recorded."""

import json
from dataclasses import replace

import pytest

from advisor.describe.dataset import describe
from advisor.errors import AdvisorError
from advisor.records.evidence import Evidence
from research.held_out.advice import held_out_cases

PLAN = """
name: test
blocks: [{datasets: [grey], models: [test_resnet], contexts: [{opt: adamw}]}]
budget: {caps: [%d]}
"""


@pytest.fixture(scope="module")
def data_dir(write_images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_images(folder / "grey", n_train=30, n_eval=12)
    (folder / "grey.json").write_text(json.dumps({"name": "grey", "group": "group-1", "licence": "CC0"}))
    return folder


@pytest.fixture(scope="module")
def evidence(records, data_dir):
    runs, datasets = records(n_groups=7, runs_per_case=24)
    found = describe(data_dir / "grey").dataset.dataset_id
    datasets[1] = replace(datasets[1], name="grey", dataset_id=found)
    runs = [replace(run, dataset_id=found) if run.dataset_id == "d1" else run for run in runs]
    return Evidence(tuple(runs), tuple(datasets), {}, data_dir)


@pytest.fixture
def plan(tmp_path):
    def write(cap=20):
        path = tmp_path / "plan.yaml"
        path.write_text(PLAN % cap)
        return path

    return write


def test_the_adviser_knows_nothing_of_the_source(plan, data_dir, evidence):
    (held_out,) = held_out_cases(plan(), data_dir, evidence)
    assert {known.dataset.group for known in held_out.artefact.known} == {f"group-{i}" for i in (0, 2, 3, 4, 5, 6)}
    assert held_out.pool.case.dataset_id == held_out.dataset.dataset_id
    assert held_out.pool.case.model == held_out.case.model == "test_resnet"
    suggestion = held_out.advise()
    assert len(suggestion.suggestions) == 3
    assert suggestion.best.epochs <= 20
    assert {"sane default", "fixed rule", "timm's train.py defaults", "best on average", "oracle"} <= set(
        held_out.baselines
    )


def test_own_runs_are_those_of_the_case(plan, data_dir, evidence):
    (held_out,) = held_out_cases(plan(), data_dir, evidence)
    run = held_out.own_run(held_out.baselines["oracle"], 99.0)
    assert any("uses one run of yours" in text for text in held_out.advise([run]).warnings)


def test_a_dataset_that_is_not_there_is_built_or_named(plan, evidence, tmp_path):
    built = []
    with pytest.raises(AdvisorError, match="the dataset grey is not there"):
        list(held_out_cases(plan(), tmp_path, evidence, built.append))
    assert built == ["grey"]


def test_other_images_under_the_name_are_refused(write_images, plan, evidence, tmp_path):
    write_images(tmp_path / "grey", n_train=33, n_eval=12)
    with pytest.raises(AdvisorError, match="is not the dataset that was recorded as grey"):
        list(held_out_cases(plan(), tmp_path, evidence))


def test_a_case_recorded_under_another_cap_cannot_be_judged(plan, data_dir, evidence):
    with pytest.raises(AdvisorError, match="cannot be judged"):
        list(held_out_cases(plan(cap=40), data_dir, evidence))
