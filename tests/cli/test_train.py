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


@pytest.fixture
def shared(records, tmp_path):
    """Writes runs on other datasets, of a group each, as someone else has shared them."""

    def write(change, n_groups):
        runs, datasets = records(n_groups=1, runs_per_case=30, seed=1)
        kinds = [f"far{number}" for number in range(n_groups)]
        theirs = {
            kind + one.dataset_id: replace(one, dataset_id=kind + one.dataset_id, group=kind)
            for kind in kinds
            for one in datasets
        }
        trained = [
            replace(change(run), run_id=kind + run.run_id, dataset_id=kind + str(run.dataset_id))
            for kind in kinds
            for run in runs
        ]
        write_pool(make_pool(trained, theirs, {run.model for run in runs}), tmp_path / "shared")
        return str(tmp_path / "shared")

    return write


@pytest.mark.usefixtures("_shipped")
def test_shared_folders_are_learned_from(shared, capsys):
    assert not train("--add", shared(lambda run: run, 1))
    out = capsys.readouterr().out
    assert "60 of 60 further runs from --add and 0 of your 0 runs are among them" in out
    assert Artefact.load(Config()["metamodel_dir"]).runs == 3 * 60 + 60


@pytest.mark.usefixtures("_shipped")
def test_the_gate_decides_about_shared_folders(shared, capsys):
    assert train("--add", shared(lambda run: replace(run, final_metric=100 - run.final_metric), 6)) == 1
    assert "leave out what you added with --add" in capsys.readouterr().err
    assert not (Config()["metamodel_dir"] / MANIFEST).exists()


def test_a_folder_that_is_no_pool_is_refused_before_anything_is_fitted(tmp_path, capsys):
    assert train("--add", str(tmp_path)) == 1
    assert "is no pool of shared records" in capsys.readouterr().err
