"""``advisor watch``: what is said of a run beside its training, and how the command ends."""

import io
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from advisor.cli import main
from advisor.records.recording.active import ActiveRun
from advisor.records.recording.observers import Observers
from advisor.records.schema import Run, Source, Status
from advisor.records.store.store import Store

RUN = {
    "name": "mine", "model": "test_resnet", "dataset_name": "stripes", "n_classes": 10, "n_train": 2_000, "n_eval": 500,
    "epochs": 5, "opt": "adamw", "lr": 1e-3, "batch_size": 64, "sched": "cosine", "warmup_epochs": 1.0,
    "pretrained": False, "extra": {"dataset_root": "/images/stripes"},
}  # fmt: skip
GOOD = [(1.5, 50.0), (1.0, 70.0), (0.8, 78.0), (0.7, 82.0), (0.6, 84.0)]
APART = [(1.5, 50.0), (math.nan, 10.0), (math.nan, 10.0), (math.nan, 10.0), (math.nan, 10.0)]
FLAT = [(2.31, 10.0), (2.30, 10.1), (2.30, 9.9), (2.30, 10.0), (2.30, 10.0)]


@pytest.fixture
def advisor(capsys):
    """Run a command line; return what it printed, and what it told on stderr."""

    def run(*arguments, code=0):
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        output = capsys.readouterr()
        assert (ended.value.code or 0) == code, output.err
        assert "Traceback" not in output.err
        return output.out, output.err

    return run


@pytest.fixture
def store():
    store = Store(os.environ["ADVISOR_STORE"])
    yield store
    store.close()


@pytest.fixture
def begin():
    """Begin to record a run in this process, and wait for its first line."""

    def start(**fields):
        folder = Path(os.environ["ADVISOR_SPOOL_DIR"])
        run = ActiveRun(folder, Observers(None, 1.0), {**RUN, **fields})
        spool, deadline = folder / f"{run.run_id}.jsonl", time.monotonic() + 60
        while not (spool.exists() and spool.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return run

    return start


@pytest.fixture
def trained(begin, advisor, monkeypatch):
    """Watch a run whose epochs come one by one; return what was printed."""

    def watch(metrics, *options, **fields):
        run = begin(**fields)
        shown = io.StringIO()
        monkeypatch.setattr("sys.stdout", shown)

        over = threading.Event()

        def train():
            before = 0
            for number, (loss, score) in enumerate(metrics):
                while len(shown.getvalue()) == before and not over.wait(0.02):
                    pass  # what is said of the epoch before is still to come
                before = len(shown.getvalue())
                run.log_epoch(number, train_loss=loss, eval_top1=score)
            run.end()

        training = threading.Thread(target=train)
        training.start()
        try:
            advisor("watch", run.run_id, *options)
        finally:
            over.set()
            training.join()
        return shown.getvalue()

    return watch


def test_a_run_is_told_epoch_by_epoch(trained):
    lines = trained(GOOD).splitlines()
    assert lines[0] == "mine: test_resnet on stripes"
    epochs = [line for line in lines if line.startswith("epoch")]
    assert [line.partition(":")[0] for line in epochs] == [f"epoch {i} of 5" for i in range(1, 6)]
    assert all("will end at" in line for line in epochs[:-1])
    assert lines[-1] == "Ended: FINISHED after 5 of 5 epochs, top-1 84.0 %."
    assert "cannot" not in "".join(lines)


def test_a_run_that_comes_apart_is_told_at_once(trained):
    lines = trained(APART).splitlines()
    told = lines.index("This run has come apart: the loss of epoch 1 is not a number.")
    assert lines[told - 1] == "epoch 2 of 5: top-1 10.0 %"
    assert lines[told + 1] == "Next:  stop it, and see `advisor diagnose mine`"
    assert sum("come apart" in line for line in lines) == 1
    assert lines[-1].startswith("Ended: DIVERGED")


def test_a_hopeless_run_is_told(trained):
    lines = trained([*FLAT[:3], *FLAT, *FLAT], epochs=13).splitlines()
    (told,) = [line for line in lines if line.startswith("This run cannot become good")]
    assert "95 % of recorded runs like it ended below" in told


def test_what_an_own_run_reached_is_good(trained, store):
    best = Run(
        run_id="0best", source=Source.API, status=Status.FINISHED, metric="eval_top1", final_metric=99.5,
        **{**RUN, "name": "best"},
    )  # fmt: skip
    store.add_runs([best])
    text = trained([(1.5, 50.0), (1.4, 55.0), (1.4, 56.0), (1.4, 56.5), (1.4, 56.6)])
    assert text.splitlines().count("Good is 99.5 %, which your run best reached.") == 1
    assert "cannot become good" in text


def test_programs_get_an_object_a_line(trained):
    found = [json.loads(line) for line in trained(APART, "--format", "json").splitlines()]
    assert {one["schema"] for one in found} == {"advisor.watch/1"}
    assert [one["verdict"] for one in found if one["epochs_done"] == 1 and one["status"] == "RUNNING"] == ["on course"]
    first = next(one for one in found if one["epochs_done"] == 1)
    assert first["expected"].keys() == {"top1", "low", "high", "level"}
    assert (first["epochs"], first["top1"], first["goal"]) == (5, 50.0, None)
    assert found[-1]["status"] == "DIVERGED"
    assert found[-1]["expected"] is None
    assert [alarm["name"] for alarm in found[-1]["alarms"]] == ["come apart"]


@pytest.fixture
def ended(store):
    run = Run(
        run_id="0ended", source=Source.API, status=Status.FAILED, error="no space left\non device", epochs_done=3,
        metric="eval_top1", final_metric=61.0, **RUN,
    )  # fmt: skip
    store.add_runs([run])
    return run


@pytest.mark.parametrize("name", ["0ended", "0en", "mine", None])
def test_of_an_ended_run_its_end_is_said(advisor, ended, name):
    out, err = advisor("watch", *([name] if name else []))
    assert out.splitlines()[-1] == "Ended: FAILED after 3 of 5 epochs, top-1 61.0 %, no space left on device."
    assert err == ""


def test_an_unknown_run_is_explained(advisor, ended):
    _, err = advisor("watch", "nonsense", code=2)
    assert "there is no run 'nonsense'" in err
    assert "one that was just started is there once it trains" in err
    assert "Next:  advisor records list" in err


def test_so_is_that_there_is_none(advisor):
    _, err = advisor("watch", code=2)
    assert "there is no run to watch" in err
    assert "one that was just started is there once it trains" in err
    assert "advisor run SCRIPT" in err


def test_the_newest_run_that_goes_on_is_meant(advisor, ended, begin):
    run = begin(name="goes-on")
    threading.Timer(1.5, run.end).start()
    out, _ = advisor("watch")
    assert out.startswith("goes-on: ")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_ctrl_c_ends_it_cleanly(begin):
    run = begin()
    run.log_epoch(0, train_loss=1.0, eval_top1=50.0)
    command = [sys.executable, "-m", "advisor", "watch", run.run_id]
    watching = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    assert watching.stdout.readline().startswith("mine")  # it goes on watching
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=60)
    run.end()
    assert watching.returncode == 130
    assert err.strip() == "Interrupted."
