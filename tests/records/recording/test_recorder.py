"""Recording never hurts the training: it raises nothing, delays nothing, and keeps what it was told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.plugins import Plugins
from advisor.records.recording import spool
from advisor.records.recording.recorder import Recorder
from advisor.records.schema import Source, Status


class Unconvertible:
    """A value that no field takes and no text tells."""

    def __float__(self):
        raise RuntimeError("on the meta device")

    __int__ = __float__

    def __str__(self):
        raise RuntimeError("on the meta device")


def test_a_run_from_start_to_end(told, recorder, folder):
    recorder.defaults["name"] = "mine"
    active = recorder.start_run(Source.API, lr=0.1, epochs=2, color_jitter=0.4)
    active.log_epoch(train_loss=1, eval_top1=50)
    active.log_epoch(train_loss=0.5, eval_top1=60, f1=0.7)
    recorder.end_run()
    run, epochs = told(folder)
    assert (run["run_id"], run["name"], run["source"], run["status"]) == (active.run_id, "mine", "api", "FINISHED")
    assert (run["lr"], run["epochs"], run["epochs_done"], run["best_metric"]) == (0.1, 2, 2, 60.0)
    assert run["extra"] == {"color_jitter": 0.4, "f1": 0.7}
    assert run["pid"] == os.getpid()
    assert run["versions"]["python"]
    assert epochs == {
        0: {"epoch": 0, "train_loss": 1.0, "eval_top1": 50.0},
        1: {"epoch": 1, "train_loss": 0.5, "eval_top1": 60.0},
    }
    assert recorder.active is None


def test_reporting_an_epoch_again_adds_to_it(told, recorder, folder):
    active = recorder.start_run()
    active.log_epoch(3, train_loss=1.0)
    active.log_epoch(3, eval_top1=50.0)
    active.log_epoch(eval_top1=None)
    recorder.end_run()
    assert told(folder)[1] == {3: {"epoch": 3, "train_loss": 1.0, "eval_top1": 50.0}, 4: {"epoch": 4}}


def test_unknown_names_and_values_that_do_not_fit_are_kept_beside(told, recorder, folder):
    active = recorder.start_run(epochs="many", batch_size=12.5, unheard_of=Path("/x"), lr=None)
    active.update(run_id="other", pid=1, started_at=None, status=None, source=None)
    active.log_epoch(eval_top1="n/a", train_loss=1.0, strange=Unconvertible())
    active.update(lr=Unconvertible())
    recorder.end_run()
    run, epochs = told(folder)
    assert run["run_id"] == active.run_id
    assert run["pid"] == os.getpid()
    assert run["started_at"]
    assert run["source"] == "timm-hook"
    assert run["status"] == "FINISHED"
    assert run["extra"] == {
        "epochs": "many",
        "batch_size": 12.5,
        "unheard_of": "/x",
        "eval_top1": "n/a",
        "strange": "<Unconvertible>",
        "lr": "<Unconvertible>",
    }
    assert epochs == {0: {"epoch": 0, "train_loss": 1.0}}


@pytest.mark.parametrize("status", ["FINISHED", Status.FINISHED, "RUNNING", "DONE", None])
def test_status_that_was_reported(told, recorder, folder, status):
    active = recorder.start_run()
    active.update(status=status)
    assert isinstance(active.snapshot().status, Status)
    active.end(status=status if status == "DONE" else None)
    assert told(folder)[0]["status"] == ("FINISHED" if status == "FINISHED" else "INTERRUPTED")


def test_only_what_changed_is_written(lines, recorder, folder):
    active = recorder.start_run(lr=0.1)
    for _ in range(5):
        active.update(lr=0.1, extra={"a": 1})
    active.update(lr=0.2, extra={"a": 1, "b": 2})
    recorder.end_run()
    updates = [line.data for line in lines(folder) if line.type == "run"]
    assert updates[1:] == [{"extra": {"a": 1}}, {"lr": 0.2, "extra": {"b": 2}}]


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (None, "FINISHED", None),
        (SystemExit(0), "FINISHED", None),
        (SystemExit(3), "FAILED", "SystemExit: 3"),
        (KeyboardInterrupt(), "INTERRUPTED", "KeyboardInterrupt"),
        (ValueError("bad\nbatch"), "FAILED", "ValueError: bad batch"),
        (RuntimeError("CUDA out of memory"), "FAILED", "RuntimeError: CUDA out of memory"),
    ],
)
def test_how_exceptions_end_a_run(told, recorder, folder, error, status, message):
    recorder.start_run().log_epoch(eval_top1=1)
    recorder.end_run(error=error)
    run, _ = told(folder)
    assert (run["status"], run.get("error")) == (status, message)
    assert bool(run.get("out_of_memory")) is ("memory" in (message or ""))


def test_nothing_counts_after_the_end(lines, recorder, folder):
    active = recorder.start_run()
    active.end()
    before = lines(folder)
    active.update(lr=1.0)
    active.log_epoch(eval_top1=1.0)
    active.end(Status.FAILED)
    assert lines(folder) == before


def test_a_second_run_ends_the_first(recorder, folder):
    first = recorder.start_run()
    second = recorder.start_run()
    recorder.end_run()
    ends = {path.stem: [line.type for line in spool.read(path).lines].count("end") for path in folder.glob("*.jsonl")}
    assert ends == {first.run_id: 1, second.run_id: 1}


def test_secrets_and_private_paths_never_reach_the_disk(told, folder, monkeypatch):
    monkeypatch.setenv("ADVISOR_PRIVATE_PATHS", "/home/alice:/mnt/lab")
    recorder = Recorder(folder, Plugins("none"))
    active = recorder.start_run(
        name="https://alice:hunter2@host/x",
        extra={"wandb_api_key": "hunter2", "deep": [{"password": "hunter2"}], "argv": ["--hf-token", "hunter2"]},
        data_dir="/home/alice/pets",
        others=["/home/alice2/x", "/data/home/alice", "--out=/mnt/lab/y"],
        versions={"token": "hunter2"},
        dataset_name="/home/alice/pets",
    )
    active.update(auth_token="hunter2", note="x?token=hunter2", notes="log in as alice, password: hunter2")
    active.log_epoch(eval_top1=1, secret="hunter2")
    recorder.end_run(error=ValueError("cannot read /home/alice/pets/1.png from s3://key:hunter2@bucket"))
    [path] = folder.glob("*.jsonl")
    content = path.read_text()
    assert "hunter2" not in content
    run, _ = told(folder)
    assert run["error"] == "ValueError: cannot read ~/pets/1.png from s3://***@bucket"
    assert run["dataset_name"] == run["extra"]["data_dir"] == "~/pets"
    assert run["extra"]["others"] == ["/home/alice2/x", "/data/home/alice", "--out=~/y"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_forked_children_report_nothing(told, recorder, folder):
    active = recorder.start_run()
    child = os.fork()
    if not child:
        active.update(lr=1.0)
        active.log_epoch(eval_top1=1.0)
        recorder.end_run()
        os._exit(0 if recorder.active is active else 1)
    assert os.waitpid(child, 0)[1] == 0
    recorder.end_run()
    run, epochs = told(folder)
    assert "lr" not in run
    assert not epochs


SCRIPT = """
import os, signal, sys, time
import advisor
def die(*_): raise SystemExit(143)
if {how!r} == "term": signal.signal(signal.SIGTERM, die)
with advisor.record_run(epochs=3) if {how!r} != "autolog" else __import__("contextlib").nullcontext() as run:
    run = run or advisor.autolog(name="mine").start_run(epochs=3)
    run.log_epoch(eval_top1=1.0)
    if {how!r} == "exit": sys.exit(5)
    if {how!r} in ("raise", "autolog"): raise ValueError("it broke")
    if {how!r} == "_exit": os._exit(0)
    if {how!r} == "int": signal.raise_signal(signal.SIGINT)
    if {how!r} == "term": signal.raise_signal(signal.SIGTERM)
"""


@pytest.mark.parametrize(
    ("how", "code", "status", "error"),
    [
        ("exit", 5, "FAILED", "SystemExit: 5"),
        ("raise", 1, "FAILED", "ValueError: it broke"),
        ("autolog", 1, "FAILED", "ValueError: it broke"),
        ("int", -signal.SIGINT, "INTERRUPTED", "KeyboardInterrupt"),
        ("term", 143, "FAILED", "SystemExit: 143"),
    ],
)
def test_how_processes_end(told, tmp_path, how, code, status, error):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(how=how))
    environment = {**os.environ, "ADVISOR_PLUGINS": "none"}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True)
    assert done.returncode == code
    run, epochs = told(Path(os.environ["ADVISOR_SPOOL_DIR"]))
    assert (run["status"], run["error"]) == (status, error)
    assert sorted(epochs) == [0]
    assert run["script"] == str(script)


def test_bad_settings_stop_recording_not_the_script(contained, monkeypatch, caplog):
    monkeypatch.setenv("ADVISOR_HOOK_TIMEOUT", "never")
    recorder = Recorder()
    active = recorder.start_run(lr=0.1)
    active.log_epoch(eval_top1=1.0)
    recorder.end_run()
    assert active.snapshot().run_id == active.run_id
    assert "hook_timeout" in caplog.text
    assert not Path(os.environ["ADVISOR_SPOOL_DIR"]).exists()
