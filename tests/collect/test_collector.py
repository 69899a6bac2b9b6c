"""A whole collection: planned, trained through the recorder, killed, resumed, exported and read again."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from advisor.collect.collector import Collection, recorded_runs
from advisor.collect.datasets import prepare
from advisor.collect.planning.plan import Plan, expand, read_plan
from advisor.collect.shipping.export import export
from advisor.config import Config
from advisor.errors import AdvisorError, UsageError
from advisor.records.evidence import load_evidence
from advisor.records.schema import Source, Status
from advisor.records.store.store import Store
from advisor.records.store.sync import sync

pytest.importorskip("timm")

PLAN = """
name: tiny
budget: {caps: [2], typical: 100}
blocks:
  - datasets: [grey, absent]
    models: [test_vit]
    contexts: [{opt: adamw}]
    design: {sobol: 2, repeat_best: 1, repeat_seeds: 1, noise_share: 0}
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(PLAN)
    return path


def collection(plan, data_dir, store, **kwargs):
    prepared = prepare(read_plan(plan).dataset_names(), data_dir, store, None)
    assert prepared.missing == ["absent"]
    return Collection(read_plan(plan), prepared.datasets, prepared.dataset_ids, store, Config()["spool_dir"], **kwargs)


def test_a_plan_is_trained_once_and_its_best_again(in_this_process, quiet, plan, data_dir, store):
    first = collection(plan, data_dir, store)
    assert first.outline()["runs_outstanding"] == first.outline()["runs"] >= 8
    engine = in_this_process()
    summary = first.run(engine, quiet)
    assert summary.trained == summary.planned == len(engine.given)
    assert sum(summary.statuses.values()) == summary.planned
    assert set(summary.statuses) <= {"FINISHED", "DIVERGED"}

    runs = list(recorded_runs(store).values())
    assert len(runs) == summary.planned
    for job in engine.given:
        run = recorded_runs(store)[job.point_id]
        hparams = job.training.configuration.as_dict()
        assert {name: getattr(run, name) for name in hparams} == hparams
        assert (run.model, run.opt, run.img_size, run.seed) == ("test_vit", "adamw", 16, job.training.seed)
        assert (run.augment, run.pretrained, run.label_smoothing, run.device) == ("none", False, 0.1, "cpu")
        assert run.num_params
        if run.status is Status.FINISHED:
            epochs = store.epochs(run.run_id)
            assert [e.epoch for e in epochs] == list(range(run.epochs))
            assert run.final_metric == epochs[-1].eval_top1
    kinds = Counter(run.extra["kind"] for run in runs)
    assert kinds["repeat"] == 1
    for repeat in (run for run in runs if run.extra["kind"] == "repeat"):
        baselines = [r for r in runs if r.dataset_name == repeat.dataset_name and r.extra["kind"] != "repeat"]
        best = max(r.final_metric for r in baselines if r.status is Status.FINISHED)
        assert any(
            r.final_metric == best and (r.lr, r.batch_size, r.epochs) == (repeat.lr, repeat.batch_size, repeat.epochs)
            for r in baselines
        )
        assert repeat.seed == 1

    again = in_this_process()
    assert collection(plan, data_dir, store).run(again, quiet).trained == 0
    assert again.given == []


def test_a_run_that_was_lost_is_reported_and_trained_the_next_time(in_this_process, quiet, plan, data_dir, store):
    summary = collection(plan, data_dir, store).run(in_this_process(lose=[1]), quiet)
    assert len(summary.died) == 1
    assert summary.trained == summary.planned - 1
    again = in_this_process()
    collection(plan, data_dir, store).run(again, quiet)
    assert set(summary.died) <= {job.point_id for job in again.given}


def test_a_failed_run_is_recorded_and_not_retried_unless_asked(
    in_this_process, quiet, plan, data_dir, store, monkeypatch
):
    import advisor.collect.training.worker as worker

    def broken(training, images, weights):
        raise RuntimeError("no memory left")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(worker, "train", broken)
        summary = collection(plan, data_dir, store).run(in_this_process(), quiet)
    assert set(summary.statuses) == {"FAILED"}
    assert {run.error for run in recorded_runs(store).values()} == {"RuntimeError: no memory left"}
    assert collection(plan, data_dir, store).run(in_this_process(), quiet).trained == 0
    retried = collection(plan, data_dir, store, retry_failed=True).run(in_this_process(), quiet)
    assert retried.trained >= summary.planned
    assert "FAILED" not in retried.statuses


def test_a_diverged_run_is_marked_and_keeps_its_epochs(in_this_process, quiet, plan, data_dir, store, monkeypatch):
    import advisor.collect.training.worker as worker
    from advisor.collect.training.trainer import Diverged

    honest = worker.train

    def diverging(training, images, weights):
        yield next(honest(training, images))
        raise Diverged("the training loss was nan in epoch 1")

    monkeypatch.setattr(worker, "train", diverging)
    collection(plan, data_dir, store).run(in_this_process(), quiet)
    for run in recorded_runs(store).values():
        assert (run.status, run.epochs_done) == (Status.DIVERGED, 1)
        assert run.error == "the training loss was nan in epoch 1"


def test_evidence_is_exported_the_same_each_time_and_reads_back(
    in_this_process, quiet, plan, data_dir, store, tmp_path
):
    with pytest.raises(AdvisorError, match="no collected run"):
        export(store, data_dir, tmp_path / "out")
    collection(plan, data_dir, store).run(in_this_process(), quiet)
    done = export(store, data_dir, tmp_path / "out")
    export(store, data_dir, tmp_path / "again")
    for file in (tmp_path / "out").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()

    evidence = load_evidence(tmp_path / "out")
    stored = {run.run_id: run for run in recorded_runs(store).values()}
    assert len(evidence.runs) == done.runs == len(stored)
    for run in evidence.runs:
        original = stored[run.run_id]
        for name in ("dataset_id", "n_train", "n_classes", "model", "status", "lr", "batch_size", "epochs", "sched"):
            assert getattr(run, name) == getattr(original, name), name
        for name in ("final_metric", "dropout", "weight_decay"):
            assert getattr(run, name) == pytest.approx(getattr(original, name), rel=1e-4), name
        assert run.extra["point"] == original.extra["point"]
    assert len(evidence.epochs) == done.epochs == sum(run.epochs_done for run in stored.values())
    assert {d.name: d.group for d in evidence.datasets} == {"grey": "greys"}
    assert all(d.features for d in evidence.datasets)

    (tmp_path / "out" / "manifest.json").write_text("{}")
    with pytest.raises(AdvisorError, match="cannot be read"):
        load_evidence(tmp_path / "out")


# The command line, as a process that kills itself when the second run has come back and the third is in training.
KILLED_ON_THE_WAY = """
import os, signal, sys
from advisor.cli.collect import ProgressLine, collect

def advance(self, cost):
    self._done += 1
    if self._done == 2:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    ProgressLine.advance = advance
    collect(sys.argv[1:])
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_killed_collection_goes_on_where_it_was(plan, data_dir, tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED_ON_THE_WAY)
    arguments = [str(plan), "--data", str(data_dir), "--workers", "1", "--format", "json"]
    # It returns when the last process that holds its output has ended: the workers too.
    killed = subprocess.run([sys.executable, str(script), *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    store, spool = Store(Config()["store"]), Path(Config()["spool_dir"])
    sync(store, spool)
    before = recorded_runs(store)
    assert len(before) >= 2

    command = [sys.executable, "-m", "advisor", "collect", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["recorded_before"] == len(before)
    assert summary["trained"] + summary["recorded_before"] == summary["planned"]
    assert "runs to train" in done.stderr
    ended_runs = [run for run in store.runs(source=Source.COLLECT) if run.status in (Status.FINISHED, Status.DIVERGED)]
    assert len(ended_runs) == len({run.extra["point"] for run in ended_runs}) == summary["planned"]
    assert {run.run_id for run in before.values()} <= {run.run_id for run in ended_runs}


def test_two_collections_at_once_are_refused(in_this_process, quiet, plan, data_dir, store):
    class Second(in_this_process):
        def run(self, function, tasks):
            with pytest.raises(AdvisorError, match="another collection"):
                collection(plan, data_dir, store).run(in_this_process(), quiet)
            return iter(())

    collection(plan, data_dir, store).run(Second(), quiet)


def test_a_plan_takes_groups_in_turn_and_has_stable_ids(plan, data_dir, store):
    prepared = prepare(["grey", "other"], data_dir, store, None)
    wanted = Plan.model_validate(
        {
            "name": "two",
            "blocks": [
                {"datasets": ["grey", "other"], "models": ["test_vit", "test_resnet"], "contexts": [{"opt": "adamw"}]}
            ],
        }
    )
    [cases] = expand(wanted, prepared.datasets)
    assert [case.dataset.group for case in cases] == ["greys", "others", "greys", "others"]
    points = cases[0].points()
    assert len({point.point_id for point in points}) == len(points) >= 24
    assert points[0].point_id == "6e155b8c1c37", "recorded runs are found again by this id"


def test_a_block_may_have_a_budget_of_its_own(data_dir, store):
    prepared = prepare(["grey"], data_dir, store, None)
    block = {"datasets": ["grey"], "contexts": [{"opt": "adamw"}]}
    blocks = [{**block, "models": ["test_vit"]}, {**block, "models": ["test_resnet"], "budget": {"caps": [3]}}]
    wanted = Plan.model_validate({"name": "two", "budget": {"caps": [2]}, "blocks": blocks})
    assert [case.space.max_epochs for [case] in expand(wanted, prepared.datasets)] == [2, 3]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("name: x", "blocks"),
        ("name: x\nblocks: [{datasets: [a], models: [m], contexts: [{opt: adamw, augment: wild}]}]", "augment"),
        ("name: x\nblocks: [{datasets: [a], models: [m], contexts: [{}], desing: {}}]", "desing"),
        ("[1, 2", "expected"),
        ("\x00", "special characters"),
    ],
)
def test_a_wrong_plan_is_explained(tmp_path, text, cause):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_plan(path)
    assert cause in caught.value.cause
    with pytest.raises(UsageError):
        read_plan(tmp_path / "nowhere.yaml")
