"""``advisor train``: the shipped evidence and the user's own runs become the meta-model that advises."""

from dataclasses import replace

import pytest

import advisor.evaluate.training
from advisor.api import Advisor
from advisor.cli.root import main
from advisor.config import Config
from advisor.learn.artefact import MANIFEST, Artefact
from advisor.records.evidence import load_evidence
from advisor.records.schema import Source
from advisor.records.sharing.pool import make_pool, write_pool
from advisor.records.store.store import Store


@pytest.fixture
def _shipped(records, monkeypatch):
    """A shipped evidence of few runs, which is fitted and judged in seconds."""
    runs, datasets = records(n_groups=3, runs_per_case=30)
    shipped = replace(load_evidence(), runs=runs, datasets=datasets)
    tuned = replace(shipped, runs=[replace(run, run_id=f"tuned{run.run_id}", pretrained=True) for run in runs])
    monkeypatch.setattr(advisor.evaluate.training, "load_evidence", lambda: shipped)
    monkeypatch.setattr(advisor.evaluate.training, "load_fine_tuning", lambda: tuned)


@pytest.fixture
def record(records):
    """Puts runs of the user on other datasets into the store."""

    def put(change=lambda run: run, n_groups=1):
        runs, datasets = records(n_groups=n_groups, runs_per_case=30, seed=1)
        store = Store(Config()["store"])
        for dataset in datasets:
            store.put_dataset(replace(dataset, dataset_id="own" + dataset.dataset_id, group="own" + dataset.group))
        mine = [replace(run, run_id="own" + run.run_id, dataset_id="own" + str(run.dataset_id)) for run in runs]
        store.add_runs([change(replace(run, source=Source.API)) for run in mine])

    return put


def train(*options):
    with pytest.raises(SystemExit) as end:
        main(["train", *options])
    return end.value.code


@pytest.mark.usefixtures("_shipped")
def test_own_runs_are_learned_from_and_the_result_advises(record, capsys):
    record()
    assert not train()
    out = capsys.readouterr().out
    assert "60 of your 60 runs are among them (60 api)" in out
    assert "Mean regret on 4 sources left out" in out
    own = Artefact.load(Config()["metamodel_dir"])
    assert own.runs == 3 * 60 + 60
    assert own.evaluation["judged"]
    assert own.evaluation["groups"] == 4
    assert Advisor().artefact.version == own.version


@pytest.mark.usefixtures("_shipped")
def test_a_model_that_does_worse_is_not_used_unless_forced(record, capsys):
    record(lambda run: replace(run, final_metric=100 - run.final_metric, extra={}), n_groups=6)
    assert train() == 1
    told = capsys.readouterr().err
    assert "does worse on sources it has not seen, and is not used" in told
    assert "that of the shipped model" in told
    assert "advisor train --force" in told
    assert not (Config()["metamodel_dir"] / MANIFEST).exists()

    assert not train("--force")
    assert "used all the same" in capsys.readouterr().err
    assert Advisor().artefact.version == Artefact.load(Config()["metamodel_dir"]).version


@pytest.mark.usefixtures("_shipped")
def test_shared_folders_are_learned_from_and_the_gate_decides(record, records, tmp_path, capsys):
    runs, datasets = records(n_groups=1, runs_per_case=30, seed=1)
    by_id = {one.dataset_id: replace(one, dataset_id=f"far{one.dataset_id}", group="far") for one in datasets}
    theirs = [replace(run, run_id=f"far{run.run_id}", dataset_id=by_id[run.dataset_id].dataset_id) for run in runs]
    far = {one.dataset_id: one for one in by_id.values()}
    good, bad = tmp_path / "good", tmp_path / "bad"
    write_pool(make_pool(theirs, far, {run.model for run in theirs}), good)

    assert not train("--add", str(good))
    out = capsys.readouterr().out
    assert "60 of 60 further runs from --add and 0 of your 0 runs are among them" in out
    assert "Mean regret on 3 sources left out" in out

    turned = [replace(run, run_id=f"bad{run.run_id}", final_metric=100 - run.final_metric) for run in runs]
    many = [
        replace(run, run_id=f"{group}{run.run_id}", dataset_id=f"{group}{run.dataset_id}")
        for group in range(6)
        for run in turned
    ]
    described = {
        f"{group}{one.dataset_id}": replace(one, dataset_id=f"{group}{one.dataset_id}", group=f"bad-{group}")
        for group in range(6)
        for one in datasets
    }
    write_pool(make_pool(many, described, {run.model for run in many}), bad)
    before = Artefact.load(Config()["metamodel_dir"]).version
    assert train("--add", str(bad)) == 1
    assert "leave out what you added with --add" in capsys.readouterr().err
    assert Artefact.load(Config()["metamodel_dir"]).version == before


def test_a_folder_that_is_no_pool_is_refused_before_anything_is_fitted(tmp_path, capsys):
    assert train("--add", str(tmp_path)) == 1
    assert "is no pool of shared records" in capsys.readouterr().err
