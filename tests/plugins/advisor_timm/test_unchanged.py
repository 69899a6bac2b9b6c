"""Whatever fails in recording, a training writes the same files, bit for bit, and ends the same way."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from train_in_process import ARGUMENTS, SCRIPTS, execute

import advisor_timm.attach
from advisor import hookimpl
from advisor.plugins import Plugins
from advisor.records.recorder import Recorder
from advisor_timm.capture import Capture

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning:timm")  # timm leaves image files to be collected
CURRENT = SCRIPTS / "train_current.py"
OPTIONS = [*ARGUMENTS, "--model-ema", "--model-ema-decay", "0.5", "--mixup", "0.2"]


@pytest.fixture(autouse=True)
def as_for_users(monkeypatch):
    """Elsewhere in the tests a failure in recording is raised, here it must be contained."""
    monkeypatch.delenv("ADVISOR_TESTING", raising=False)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def untouched(digits, tmp_path_factory):
    """The files that the training writes without us, and what it prints."""
    folder = tmp_path_factory.mktemp("untouched")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        error, output = execute(CURRENT, ["--data-dir", str(digits), *OPTIONS])
    assert error is None
    files = digests(folder)
    assert {"out/run/summary.csv", "out/run/args.yaml", "out/run/last.pth.tar"} <= files.keys()
    return files, output


@pytest.fixture
def train_in(digits, tmp_path, monkeypatch):
    def train(recorder: Recorder) -> tuple[dict[str, str], str]:
        work = tmp_path / "work"
        work.mkdir()
        monkeypatch.chdir(work)
        recorder.attach()
        try:
            error, output = execute(CURRENT, ["--data-dir", str(digits), *OPTIONS])
            recorder.end_run(error=error)
        finally:
            recorder.detach()
        assert error is None
        return digests(work), output

    return train


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
    warnings = [record.getMessage() for record in caplog.records if record.name == "advisor.timm"]
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
    monkeypatch.setattr("advisor.records.recorder.ActiveRun", None)
    assert train_in(recorder) == untouched
