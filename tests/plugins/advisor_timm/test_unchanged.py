"""Whatever fails in recording, a training writes the same files, bit for bit, and ends the same way."""

from __future__ import annotations

import hashlib
import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import advisor_timm.attach
from advisor import hookimpl
from advisor.plugins import Plugins
from advisor.records.recording.active import ActiveRun
from advisor.records.recording.recorder import Recorder
from advisor.records.schema import Status
from advisor.records.store.store import Store
from advisor.records.store.sync import sync
from advisor_timm.capture import Capture

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning:timm")  # timm leaves image files to be collected


@pytest.fixture(autouse=True)
def as_for_users(monkeypatch):
    """Elsewhere in the tests a failure in recording is raised, here it must be contained."""
    monkeypatch.delenv("ADVISOR_TESTING", raising=False)


@pytest.fixture(scope="session")
def train(execute, scripts, arguments, digits):
    """Trains in the current folder; returns what the script raised and what it printed."""
    options = ["--data-dir", str(digits), *arguments, "--model-ema", "--model-ema-decay", "0.5", "--mixup", "0.2"]
    return lambda *further: execute(scripts / "train_current.py", [*options, *further])


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def untouched(train, tmp_path_factory):
    """The files that the training writes without us, and what it prints."""
    folder = tmp_path_factory.mktemp("untouched")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        error, output = train()
    assert error is None
    files = digests(folder)
    assert {"out/run/summary.csv", "out/run/args.yaml", "out/run/last.pth.tar"} <= files.keys()
    return files, output


@pytest.fixture
def train_in(train, tmp_path, monkeypatch):
    def run(recorder: Recorder, *further: str) -> tuple[dict[str, str], str]:
        work = tmp_path / "work"
        work.mkdir()
        monkeypatch.chdir(work)
        recorder.attach()
        try:
            error, output = train(*further)
            recorder.end_run(error=error)
        finally:
            recorder.detach()
        assert error is None
        return digests(work), output

    return run


def test_recorded(untouched, train_in, recorder):
    assert train_in(recorder) == untouched


def test_every_handler_fails(untouched, train_in, recorder, monkeypatch, caplog):
    called = set()

    def failing(name):
        def handler(capture, call):
            called.add(name)
            raise RuntimeError(f"{name} is broken")

        handler.__name__ = name
        return handler

    watched = {
        package: {name: failing(name) for name in names} for package, names in advisor_timm.attach.WATCHED.items()
    }
    functions = {name: failing(name) for name in advisor_timm.attach.SCRIPT_FUNCTIONS}
    monkeypatch.setattr(advisor_timm.attach, "WATCHED", watched)
    monkeypatch.setattr(advisor_timm.attach, "SCRIPT_FUNCTIONS", functions)
    monkeypatch.setattr(Capture, "arguments_parsed", failing("arguments_parsed"))
    monkeypatch.setattr(Capture, "finish", lambda self: 1 / 0)
    assert train_in(recorder) == untouched
    everything = {name for names in watched.values() for name in names} | set(functions) | {"arguments_parsed"}
    not_in_this_script = {
        "create_naflex_loader",
        "create_scheduler",
        "evaluate",
        "reduce_tensor",
        "LabelSmoothingCrossEntropy.__init__",
        "PlateauLRScheduler.step",
        "ModelEma.__init__",
        "ModelEmaV2.__init__",
    }
    assert called == everything - not_in_this_script
    warnings = [record.getMessage() for record in caplog.records if record.name == "advisor.records"]
    assert sum("create_model is broken" in text for text in warnings) == 1
    assert sum("accuracy is broken" in text for text in warnings) == 1


class BrokenPlugin:
    @hookimpl
    def advisor_attach(self, recorder):
        raise ImportError("no framework")

    @hookimpl
    def advisor_run_start(self, run):
        raise ValueError("start")

    @hookimpl
    def advisor_epoch_end(self, run, epoch):
        raise ValueError("epoch")

    @hookimpl
    def advisor_run_end(self, run):
        raise SystemExit("end")


def test_another_plugin_fails(untouched, train_in, tmp_path):
    plugins = Plugins("timm")
    plugins.register(BrokenPlugin(), "broken")
    recorder = Recorder(spool_dir=tmp_path / "spool", plugins=plugins)
    assert train_in(recorder) == untouched
    assert list((tmp_path / "spool").glob("*.jsonl"))


def test_spool_cannot_be_written(untouched, train_in, tmp_path):
    (tmp_path / "spool").write_text("a file where the folder should be")
    assert train_in(Recorder(spool_dir=tmp_path / "spool", plugins=Plugins("timm"))) == untouched


def test_run_cannot_begin(untouched, train_in, recorder, monkeypatch):
    monkeypatch.setattr("advisor.records.recording.recorder.ActiveRun", None)
    assert train_in(recorder) == untouched


@pytest.fixture
def before_epoch(monkeypatch):
    """Have something happen to the machine in the middle of the training, before an epoch is recorded."""

    def happens(number, event):
        log_epoch = ActiveRun.log_epoch

        def event_first(run, epoch=None, **metrics):
            if epoch == number:
                event()
            log_epoch(run, epoch, **metrics)

        monkeypatch.setattr(ActiveRun, "log_epoch", event_first)

    return happens


def recorded_in(spool: Path) -> list[tuple[Status, list[int]]]:
    """The runs that a new store takes from the spools, each as its status and its epochs."""
    store = Store("sqlite://")
    sync(store, spool)
    runs = [(run.status, [epoch.epoch for epoch in store.epochs(run.run_id)]) for run in store.runs()]
    store.close()
    return runs


def test_spool_vanishes(untouched, train_in, recorder, before_epoch, tmp_path):
    def vanish():
        assert list((tmp_path / "spool").glob("*.jsonl"))
        shutil.rmtree(tmp_path / "spool")

    before_epoch(1, vanish)
    assert train_in(recorder) == untouched
    assert recorded_in(tmp_path / "spool") == [(Status.FINISHED, [0, 1])]


@pytest.mark.parametrize("space_comes_back", [True, False])
def test_disk_is_full(untouched, train_in, small_disk, before_epoch, space_comes_back):
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="space"):
        ballast.write_bytes(bytes(1 << 20))
    if space_comes_back:
        before_epoch(1, ballast.unlink)
    assert train_in(Recorder(spool_dir=small_disk / "spool", plugins=Plugins("timm"))) == untouched
    assert recorded_in(small_disk / "spool") == ([(Status.FINISHED, [0, 1])] if space_comes_back else [])


def test_clock_jumps(untouched, train_in, recorder, before_epoch, tmp_path, monkeypatch):
    class Jumping(datetime):
        by = timedelta(0)

        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + cls.by

    def jump():
        Jumping.by = timedelta(days=-400)
        monkeypatch.setattr(time, "time", lambda: 0.0)

    for module in ("active", "writer"):
        monkeypatch.setattr(f"advisor.records.recording.{module}.datetime", Jumping)
    before_epoch(1, jump)
    assert train_in(recorder) == untouched
    monkeypatch.undo()
    assert recorded_in(tmp_path / "spool") == [(Status.FINISHED, [0, 1])]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_loader_with_forked_workers(train, train_in, recorder, tmp_path, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("untouched")
    monkeypatch.chdir(folder)
    error, output = train("--workers", "2")
    assert error is None
    assert train_in(recorder, "--workers", "2") == (digests(folder), output)
    assert recorded_in(tmp_path / "spool") == [(Status.FINISHED, [0, 1])]
