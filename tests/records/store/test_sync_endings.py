"""Runs whose processes end without a word, are killed, or run on another machine: told alive or dead."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

import pytest

from advisor.records.recording import spool
from advisor.records.schema import Status
from advisor.records.store.ingest import STALE_AFTER
from advisor.records.store.sync import sync

WRITER = """
import sys, time
from pathlib import Path
from advisor.plugins import Plugins
from advisor.records.recording.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), Plugins("none"))
run = recorder.start_run(epochs=100)
for epoch in range(5):
    run.log_epoch(train_loss=1.0)
print(run.run_id, flush=True)
time.sleep(60)
"""


def test_killed_process(wait_until, store, folder):
    """After kill -9 the run is STALE and every epoch that was flushed is there."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
    with process:
        run_id = process.stdout.readline().strip()
        path = folder / f"{run_id}.jsonl"
        wait_until(lambda: path.exists() and any(line.data.get("epoch") == 4 for line in spool.read(path).lines))
        sync(store, folder)
        assert store.run(run_id).status is Status.RUNNING
        process.send_signal(signal.SIGKILL)
        process.wait()
    sync(store, folder)
    assert store.run(run_id).status is Status.STALE
    assert [one.epoch for one in store.epochs(run_id)] == list(range(5))
    assert not list(folder.glob("*.jsonl"))


BUSY_WRITER = """
import sys, time
from pathlib import Path
from advisor.plugins import Plugins
from advisor.records.recording.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), Plugins("none"))
run = recorder.start_run(epochs=10**6)
try:
    for epoch in range(10**6):
        run.log_epoch(train_loss=1.0)
        time.sleep(0.001)
        if epoch == 20:
            print("begun", flush=True)
except KeyboardInterrupt as error:
    recorder.end_run(error=error)
"""


@pytest.mark.parametrize("seconds", [0.0, 0.013, 0.029, 0.2])
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_whenever_a_process_ends_what_reached_the_disk_is_there_once(store, folder, sent, seconds):
    command = [sys.executable, "-c", BUSY_WRITER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(seconds)
        sync(store, folder)
        process.send_signal(sent)
        process.wait()
    written = b"".join(path.read_bytes() for path in folder.glob("*.jsonl")).splitlines(keepends=True)
    whole = [json.loads(line) for line in written if line.endswith(b"\n")]
    epochs = sorted({line["data"]["epoch"] for line in whole if line["type"] == "epoch"})
    sync(store, folder)
    if not whole:  # killed before the first lines were gathered
        assert store.runs() == []
        return
    (run,) = store.runs()
    assert [one.epoch for one in store.epochs(run.run_id)] == epochs == list(range(len(epochs)))
    if sent is not signal.SIGINT:
        assert run.status is Status.STALE
    elif len(epochs) > 0:
        assert run.status is Status.INTERRUPTED


def test_a_diverged_run_that_was_killed_diverged(spools, store, folder):
    run_id, first = spools.begin()
    spools.write(folder, run_id, first, spools.epoch(0, train_loss=float("nan")))
    sync(store, folder)
    assert store.run(run_id).status is Status.DIVERGED


def test_where_files_cannot_be_locked_the_heartbeat_decides(spools, store, folder, monkeypatch):
    monkeypatch.setattr(spool, "fcntl", None)
    ended, first = spools.begin()
    spools.write(folder, ended, first, spools.epoch(0), spools.END)
    silent, first = spools.begin()
    path = spools.write(folder, silent, first, spools.epoch(0))
    sync(store, folder)
    assert [path.name for path in folder.glob("*.jsonl")] == [f"{silent}.jsonl"]
    assert (store.run(ended).status, store.run(silent).status) == (Status.FINISHED, Status.RUNNING)
    long_ago = time.time() - 2 * STALE_AFTER.total_seconds()
    spools.write(
        folder,
        silent,
        spools.begin(silent, started_at=datetime.fromtimestamp(long_ago, timezone.utc))[1],
        spools.epoch(0),
    )
    os.utime(path, (long_ago, long_ago))
    store.remove([silent])
    with store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM spools")
    sync(store, folder)
    assert store.run(silent).status is Status.STALE


def test_a_living_run_can_be_listed_and_goes_on(spools, store, folder):
    run_id, first = spools.begin(epochs=3)
    file = spool.SpoolFile(folder / f"{run_id}.jsonl")
    file.append(first + spools.epoch(0, eval_top1=50.0))
    sync(store, folder)
    run = store.run(run_id)
    assert (run.status, run.epochs_done, run.best_metric, run.ended_at) == (Status.RUNNING, 1, 50.0, None)
    file.append(spools.epoch(1, eval_top1=60.0))
    sync(store, folder)
    assert store.run(run_id).best_metric == 60.0
    assert list(folder.glob("*.jsonl"))
    file.close()
    assert sync(store, folder).stale == 1
    run = store.run(run_id)
    assert (run.status, run.epochs_done) == (Status.STALE, 2)
    assert "without a word" in run.error
    assert run.ended_at is not None


def aged(path, age):
    at = time.time() - age.total_seconds()
    os.utime(path, (at, at))


@pytest.mark.parametrize(
    ("heartbeat", "modified", "status"),
    [
        (timedelta(0), timedelta(hours=2), Status.RUNNING),
        (timedelta(hours=2), timedelta(0), Status.RUNNING),
        (timedelta(hours=2), timedelta(hours=2), Status.STALE),
        (STALE_AFTER / 2, STALE_AFTER * 2, Status.RUNNING),
        (-timedelta(days=365), timedelta(hours=2), Status.STALE),  # its clock was a year ahead
        (-timedelta(days=365), -timedelta(days=365), Status.STALE),
    ],
)
def test_heartbeat_of_another_machine(spools, store, folder, heartbeat, modified, status):
    run_id, first = spools.begin(host="elsewhere", started_at=spools.NOW - timedelta(days=1))
    beat = spool.encode("heartbeat", {"heartbeat_at": datetime.now(timezone.utc) - heartbeat})
    path = spools.write(folder, run_id, first, beat)
    aged(path, modified)
    sync(store, folder, archive=False)
    run = store.run(run_id)
    assert run.status is status
    assert path.exists()
    if run.ended_at is not None:
        assert run.ended_at >= run.started_at


def test_a_copy_that_grows_no_more_is_of_a_run_that_is_given_up_in_time(spools, store, folder):
    run_id, first = spools.begin(host="elsewhere", started_at=spools.NOW - timedelta(days=1))
    path = spools.write(folder, run_id, first)
    for age, status in ((timedelta(0), Status.RUNNING), (timedelta(hours=2), Status.STALE)):
        aged(path, age)
        sync(store, folder, archive=False)
        assert store.run(run_id).status is status


def test_a_run_given_up_is_counted_once_whatever_else_is_found_of_it(spools, store, folder):
    run_id, first = spools.begin(host="elsewhere", started_at=spools.NOW - timedelta(days=1))
    path = spools.write(folder, run_id, first)
    stale = []
    for number in range(2):
        with path.open("ab") as file:
            file.write(spools.epoch(number))
        aged(path, timedelta(hours=2))
        stale.append(sync(store, folder).stale)
        assert (store.run(run_id).status, len(store.epochs(run_id))) == (Status.STALE, number + 1)
    assert stale == [1, 0]


def test_a_run_given_up_is_taken_up_again_when_it_turns_out_to_live(spools, store, folder):
    run_id, first = spools.begin(host="elsewhere", started_at=spools.NOW - timedelta(days=1))
    path = spools.write(folder, run_id, first)
    aged(path, timedelta(hours=2))
    sync(store, folder)
    assert store.run(run_id).status is Status.STALE
    with path.open("ab") as file:
        file.write(spools.epoch(0, eval_top1=1.0))
    sync(store, folder)
    run = store.run(run_id)
    assert (run.status, run.error, run.ended_at) == (Status.RUNNING, None, None)
    with path.open("ab") as file:
        file.write(spools.END)
    sync(store, folder)
    assert store.run(run_id).status is Status.FINISHED
