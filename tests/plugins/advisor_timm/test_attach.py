"""Watching leaves functions as they are, comes off again, and sees what was imported before."""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import os
import sys
from importlib.machinery import PathFinder

import pytest
import timm
import timm.data
import timm.models
import timm.optim
import timm.scheduler
import timm.utils

import advisor
from advisor.plugins import Plugins
from advisor.records.recording.recorder import Recorder
from advisor.records.schema import Status
from advisor_timm.watching import is_watchable

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning:timm")

WATCHED = [
    (timm, "create_model"),
    (timm.models, "create_model"),
    (timm.data, "create_dataset"),
    (timm.data, "create_loader"),
    (timm.optim, "create_optimizer_v2"),
    (timm.scheduler, "create_scheduler_v2"),
    (timm.utils, "accuracy"),
    (timm.utils, "update_summary"),
    (timm.utils.CheckpointSaver, "save_checkpoint"),
    (timm.scheduler.scheduler.Scheduler, "step"),
    (argparse.ArgumentParser, "parse_known_args"),
]


def codes():
    return [vars(owner)[name].__code__ for owner, name in WATCHED]


def test_everything_is_watched_and_left_again(recorder):
    originals, finders = codes(), list(sys.meta_path)
    recorder.attach()
    assert all(now is not before for now, before in zip(codes(), originals, strict=True))
    watched = codes()
    recorder.attach()
    assert codes() == watched
    recorder.detach()
    assert codes() == originals
    assert sys.meta_path == finders
    recorder.detach()


def test_a_second_recorder_does_not_watch_again(recorder, tmp_path):
    recorder.attach()
    watched = codes()
    second = Recorder(spool_dir=tmp_path / "second", plugins=Plugins("timm"))
    second.attach()
    assert codes() == watched
    second.detach()
    assert codes() == watched


def test_watched_functions_look_as_before(recorder):
    def look(function):
        return function, inspect.signature(function), inspect.getsource(function), function.__name__, vars(function)

    before = [look(vars(owner)[name]) for owner, name in WATCHED]
    recorder.attach()
    assert [look(vars(owner)[name]) for owner, name in WATCHED] == before


def test_errors_pass_through_untouched(recorder):
    recorder.attach()
    with pytest.raises(RuntimeError, match="Unknown model") as raised:
        timm.create_model("no_such_model")
    assert raised.value.__cause__ is None
    with pytest.raises(TypeError):
        timm.create_model()


def test_references_taken_before_are_seen(recorder):
    make = functools.partial(timm.create_model)
    recorder.attach()
    train(make=make)
    assert recorder.active.snapshot().model == "test_resnet"


def test_what_someone_put_in_its_place_after_us_stays(recorder, monkeypatch):
    ours = timm.utils.accuracy
    recorder.attach()

    def theirs(*args, **kwargs):
        return ours(*args, **kwargs)

    monkeypatch.setattr(timm.utils, "accuracy", theirs)
    recorder.detach()
    assert timm.utils.accuracy is theirs
    assert is_watchable(ours)


@pytest.mark.parametrize("recorders", [1, 2])
def test_modules_are_wrapped_as_they_load(recorder, monkeypatch, tmp_path, recorders):
    """Another finder that itself asks all finders must not make ours recur, nor the finders of two recorders fail."""

    class Asking:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if not name.startswith("timm.scheduler"):
                return None
            for finder in sys.meta_path:
                if finder is not Asking:
                    spec = finder.find_spec(name, path, target)
                    if spec is not None:
                        return spec
            return None

    loaded = {name: sys.modules[name] for name in list(sys.modules) if name.split(".")[:2] == ["timm", "scheduler"]}
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(timm, "scheduler", timm.scheduler)
    recorder.attach()
    second = Recorder(spool_dir=tmp_path / "second", plugins=Plugins("timm"))
    if recorders == 2:
        second.attach()
    with monkeypatch.context() as patch:  # undone before detaching, which takes the finder out of the list itself
        patch.setattr(sys, "meta_path", [sys.meta_path[0], Asking, *sys.meta_path[1:]])
        fresh = importlib.import_module("timm.scheduler")
    assert fresh is not loaded["timm.scheduler"]
    assert not is_watchable(fresh.create_scheduler_v2)
    second.detach()
    assert "exec_module" not in vars(fresh.__spec__.loader)
    assert PathFinder in sys.meta_path


def train(opt="adamw", lr=0.01, epochs=1, log=None, make=timm.create_model):
    """Train three times nothing with timm's factories."""
    import torch

    model = make("test_resnet", num_classes=4)
    optimizer = timm.optim.create_optimizer_v2(model, opt=opt, lr=lr)
    scheduler, planned = timm.scheduler.create_scheduler_v2(optimizer, num_epochs=epochs)
    for epoch in range(planned):
        model.train()
        torch.nn.functional.cross_entropy(model(torch.zeros(4, 3, 32, 32)), torch.arange(4)).backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            timm.utils.accuracy(model(torch.zeros(4, 3, 32, 32)), torch.arange(4))
        scheduler.step(epoch + 1)
        if log is not None:
            log(epoch)


def ended(recorder):
    """Collect a copy of every run as it ends."""
    runs = []
    recorder.before_end.append(lambda: runs.append(recorder.active.snapshot()))
    return runs


def test_two_trainings_in_one_process_are_two_runs(recorder):
    recorder.attach()
    runs = ended(recorder)
    train(lr=0.01)
    train(lr=0.02, opt="sgd", epochs=2)
    recorder.end_run()
    assert [(run.lr, run.opt, run.epochs) for run in runs] == [(0.01, "adamw", 1), (0.02, "sgd", 2)]


def test_no_run_without_a_training(recorder):
    recorder.attach()
    timm.create_model("test_resnet", num_classes=4)
    assert recorder.active is None


def test_epochs_of_ones_own_count_go_before_guesses(recorder):
    recorder.attach()
    train(epochs=2, log=lambda epoch: recorder.active.log_epoch(epoch + 1, eval_top1=10.0 * (epoch + 1)))
    run = recorder.active
    recorder.end_run()
    assert {number: fields["eval_top1"] for number, fields in run._epochs.items()} == {1: 10.0, 2: 20.0}


def test_record_run_takes_over_the_run_that_a_script_has_begun():
    recorder = advisor.autolog()
    try:
        model = timm.create_model("test_resnet", num_classes=4, drop_rate=0.3)
        timm.optim.create_optimizer_v2(model, opt="adamw", lr=0.5)
        begun = recorder.active
        with advisor.record_run(name="mine", batch_size=8) as run:
            assert run is begun
            run.log_epoch(eval_top1=50.0)
        record = run.snapshot()
        assert (record.name, record.lr, record.dropout, record.batch_size) == ("mine", 0.5, 0.3, 8)
        assert (record.status, record.epochs_done, record.source.value) == (Status.FINISHED, 1, "api")
        assert recorder.active is None
    finally:
        recorder.detach()


def test_forked_child_reports_nothing(recorder):
    recorder.attach()
    train()
    before = recorder.active.epochs_reported
    child = os.fork()
    if child == 0:
        try:
            train(epochs=2)
            os._exit(0 if recorder.active.epochs_reported == before else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("name", ["RANK", "SLURM_PROCID", "PMI_RANK", "OMPI_COMM_WORLD_RANK"])
def test_only_the_first_process_records(recorder, monkeypatch, name):
    recorder.attach()
    monkeypatch.setenv(name, "1")
    train()
    assert recorder.active is None
    monkeypatch.setenv(name, "0")
    train()
    assert recorder.active is not None


def test_torchruns_rank_goes_before_that_of_the_cluster(recorder, monkeypatch):
    recorder.attach()
    monkeypatch.setenv("SLURM_PROCID", "1")
    monkeypatch.setenv("RANK", "0")
    train()
    assert recorder.active is not None


def test_untested_version_is_tried_with_a_warning(recorder, monkeypatch, caplog):
    monkeypatch.setattr(timm, "__version__", "2.3.4")
    recorder.attach()
    train()
    assert recorder.active is not None
    assert "tested with timm 0.6.13 to 1.0.x, this is 2.3.4" in caplog.text
