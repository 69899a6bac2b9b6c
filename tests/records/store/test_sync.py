"""Every line that reached a spool is in the store once, whatever happened to who wrote it and who takes it."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spool_contents import wait_until

from advisor.errors import StoreError
from advisor.records.recording import spool
from advisor.records.schema import Status, new_id
from advisor.records.store.store import Store
from advisor.records.store.sync import STALE_AFTER, forget, sync

NOW = datetime.now(timezone.utc)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "spool"
    path.mkdir()
    return path


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'records.db'}")
    yield store
    store.close()


def begin(run_id=None, host=None, **fields):
    run_id = run_id or new_id()
    return run_id, spool.encode(
        "run",
        {
            "run_id": run_id,
            "source": "api",
            "status": "RUNNING",
            "host": host or socket.gethostname(),
            "started_at": NOW,
        }
        | fields,
    )


def epoch(number, **metrics):
    return spool.encode("epoch", {"epoch": number, **metrics})


END = spool.encode("end", {"status": "FINISHED", "ended_at": NOW, "epochs_done": 1})


def write(folder, run_id, *lines):
    path = folder / f"{run_id}.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def test_a_finished_run_is_taken_once_and_put_away(store, folder):
    run_id, first = begin(lr=0.1, epochs=1)
    write(folder, run_id, first, epoch(0, eval_top1=50.0), END)
    report = sync(store, folder)
    assert (report.runs, report.lines, report.stale, report.unreadable) == (1, 3, 0, 0)
    assert store.run(run_id).status is Status.FINISHED
    assert [one.eval_top1 for one in store.epochs(run_id)] == [50.0]
    assert not list(folder.glob("*.jsonl"))
    assert [path.stem for path in (folder / "ingested").iterdir()] == [run_id]
    assert sync(store, folder).lines == 0


def test_where_files_cannot_be_locked_the_heartbeat_decides(store, folder, monkeypatch):
    monkeypatch.setattr(spool, "fcntl", None)
    ended, first = begin()
    write(folder, ended, first, epoch(0), END)
    silent, first = begin()
    path = write(folder, silent, first, epoch(0))
    sync(store, folder)
    assert [path.name for path in folder.glob("*.jsonl")] == [f"{silent}.jsonl"]
    assert (store.run(ended).status, store.run(silent).status) == (Status.FINISHED, Status.RUNNING)
    long_ago = time.time() - 2 * STALE_AFTER.total_seconds()
    write(folder, silent, begin(silent, started_at=datetime.fromtimestamp(long_ago, timezone.utc))[1], epoch(0))
    os.utime(path, (long_ago, long_ago))
    store.remove([silent])
    with store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM spools")
    sync(store, folder)
    assert store.run(silent).status is Status.STALE


def test_nothing_to_take(store, tmp_path):
    assert sync(store, tmp_path / "nowhere").lines == 0


def test_taking_what_was_put_away_again_changes_nothing(store, folder):
    run_id, first = begin()
    write(folder, run_id, first, epoch(0, eval_top1=50.0), END)
    sync(store, folder)
    before = store.run(run_id)
    assert sync(store, folder / "ingested", archive=False).runs == 0
    assert store.run(run_id) == before
    fresh = Store("sqlite://")
    sync(fresh, folder / "ingested", archive=False)
    assert fresh.run(run_id) == before
    fresh.close()


def test_a_living_run_can_be_listed_and_goes_on(store, folder):
    run_id, first = begin(epochs=3)
    file = spool.SpoolFile(folder / f"{run_id}.jsonl")
    file.append(first + epoch(0, eval_top1=50.0))
    sync(store, folder)
    run = store.run(run_id)
    assert (run.status, run.epochs_done, run.best_metric, run.ended_at) == (Status.RUNNING, 1, 50.0, None)
    file.append(epoch(1, eval_top1=60.0))
    sync(store, folder)
    assert store.run(run_id).best_metric == 60.0
    assert list(folder.glob("*.jsonl"))
    file.close()
    assert sync(store, folder).stale == 1
    run = store.run(run_id)
    assert (run.status, run.epochs_done) == (Status.STALE, 2)
    assert "without a word" in run.error
    assert run.ended_at is not None


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


def test_killed_process(store, folder):
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


def test_a_diverged_run_that_was_killed_diverged(store, folder):
    run_id, first = begin()
    write(folder, run_id, first, epoch(0, train_loss=float("nan")))
    sync(store, folder)
    assert store.run(run_id).status is Status.DIVERGED


# Runs of other machines: told alive or dead by their heartbeat.


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
def test_heartbeat_of_another_machine(store, folder, heartbeat, modified, status):
    run_id, first = begin(host="elsewhere", started_at=NOW - timedelta(days=1))
    beat = spool.encode("heartbeat", {"heartbeat_at": datetime.now(timezone.utc) - heartbeat})
    path = write(folder, run_id, first, beat)
    aged(path, modified)
    sync(store, folder, archive=False)
    run = store.run(run_id)
    assert run.status is status
    assert path.exists()
    if run.ended_at is not None:
        assert run.ended_at >= run.started_at


def test_a_run_given_up_is_taken_up_again_when_it_turns_out_to_live(store, folder):
    run_id, first = begin(host="elsewhere", started_at=NOW - timedelta(days=1))
    path = write(folder, run_id, first)
    aged(path, timedelta(hours=2))
    sync(store, folder)
    assert store.run(run_id).status is Status.STALE
    with path.open("ab") as file:
        file.write(epoch(0, eval_top1=1.0))
    sync(store, folder)
    run = store.run(run_id)
    assert (run.status, run.error, run.ended_at) == (Status.RUNNING, None, None)
    with path.open("ab") as file:
        file.write(END)
    sync(store, folder)
    assert store.run(run_id).status is Status.FINISHED


# Damage.


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 700), max_size=3).map(sorted), again=st.booleans())
def test_cut_anywhere_each_epoch_is_there_once(cuts, again):
    """However much of a file each sync sees, cut in the middle of lines, at the end everything is there."""
    run_id, first = begin()
    whole = first + b"".join(epoch(i, eval_top1=float(i)) for i in range(5)) + END
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store("sqlite://")
        path = folder / f"{run_id}.jsonl"
        file = spool.SpoolFile(path)
        written = 0
        for cut in [*cuts, len(whole)]:
            os.write(file._descriptor, whole[written : max(written, cut)])
            written = max(written, min(cut, len(whole)))
            sync(store, folder)
            if again:
                sync(store, folder)
        file.close()
        sync(store, folder)
        assert store.run(run_id).status is Status.FINISHED
        assert [one.eval_top1 for one in store.epochs(run_id)] == [0.0, 1.0, 2.0, 3.0, 4.0]
        store.close()


def test_damaged_lines_cost_only_themselves(store, folder):
    run_id, first = begin()
    damage = [b"\xff\xff\n", spool.encode("epoch", {"epoch": "x"}), spool.encode("run", {"pid": "many"})]
    unknown = spool.encode("weather", {"sun": True})
    write(folder, run_id, first, *damage, unknown, epoch(0, eval_top1=1.0), END)
    report = sync(store, folder)
    assert report.unreadable == 3
    assert len(store.epochs(run_id)) == 1
    assert store.run(run_id).status is Status.FINISHED


def test_cut_in_the_middle_of_a_line(store, folder):
    run_id, first = begin()
    write(folder, run_id, first, epoch(0, eval_top1=1.0), epoch(1, eval_top1=2.0)[:-9])
    sync(store, folder)
    assert [one.epoch for one in store.epochs(run_id)] == [0]
    assert store.run(run_id).status is Status.STALE


def test_lines_of_a_newer_version_wait_for_it(store, folder):
    run_id, first = begin()
    path = write(folder, run_id, first, b'{"v":99,"type":"run","data":{}}\n', epoch(0))
    report = sync(store, folder)
    assert report.newer == 1
    assert path.exists()
    assert store.epochs(run_id) == []


def test_files_that_are_no_spools_are_left_alone(store, folder):
    for name in ("notes.jsonl.txt", "Upper.jsonl", "b\udcffd.jsonl", "with-dash.jsonl"):
        (folder / name).write_bytes(begin()[1])
    empty, headless, binary = new_id(), new_id(), new_id()
    write(folder, empty)
    write(folder, headless, epoch(0))
    write(folder, binary, b"\0" * 100)
    sync(store, folder)
    assert store.runs() == []
    assert len(list(folder.iterdir())) == 7


def test_a_spool_that_may_not_be_read_stops_no_other(store, folder):
    (folder / f"{new_id()}.jsonl").mkdir()  # reading it fails, for every user
    run_id, first = begin()
    write(folder, run_id, first, END)
    assert sync(store, folder).closed == 1
    assert store.run(run_id).status is Status.FINISHED


def test_a_spool_that_cannot_be_put_away_is_still_taken(store, folder):
    run_id, first = begin()
    write(folder, run_id, first, END)
    (folder / "ingested").write_text("a file is in its place")
    sync(store, folder)
    sync(store, folder)
    assert store.run(run_id).status is Status.FINISHED


def test_a_spool_written_anew_between_two_syncs(store, folder):
    """However long the new file is, none of its epochs is missed."""
    run_id, first = begin()
    path = folder / f"{run_id}.jsonl"
    file = spool.SpoolFile(path)
    file.append(first + b"".join(epoch(0, eval_top1=float(i)) for i in range(20)))
    sync(store, folder)
    path.unlink()
    again = spool.SpoolFile(path, file.end)
    again.append(first + b"".join(epoch(i, eval_top1=float(i)) for i in range(30)) + END)
    sync(store, folder)
    assert len(store.epochs(run_id)) == 30
    assert store.run(run_id).status is Status.FINISHED
    for one in (file, again):
        one.close()


# Removal.


def test_what_was_removed_does_not_come_back(store, folder):
    run_id, first = begin()
    file = spool.SpoolFile(folder / f"{run_id}.jsonl")
    file.append(first + epoch(0))
    sync(store, folder)
    forget(store, folder, [run_id])
    file.append(epoch(1) + END)
    sync(store, folder)
    file.close()
    sync(store, folder)
    sync(store, folder)
    assert store.counts()["runs"] == store.counts()["epochs"] == 0
    assert not list(folder.glob("*.jsonl"))


def test_forgetting_takes_the_spool_along(store, folder):
    (kept, first), (gone, second) = begin(), begin()
    write(folder, kept, first, END)
    write(folder, gone, second, END)
    sync(store, folder)
    forget(store, folder, [gone, "never-had-one"])
    assert [path.stem for path in (folder / "ingested").iterdir()] == [kept]
    assert [run.run_id for run in store.runs()] == [kept]


# A store that cannot be written.


def test_nothing_is_lost_while_the_store_is_locked(store, folder, tmp_path):
    run_id, first = begin()
    path = write(folder, run_id, first, epoch(0), END)
    impatient = Store(f"sqlite:///{tmp_path / 'records.db'}?timeout=0.05")
    with store.writing(), pytest.raises(StoreError, match="locked"):
        sync(impatient, folder)
    assert path.exists()
    sync(impatient, folder)
    assert len(impatient.epochs(run_id)) == 1
    impatient.close()


# Resumed runs.


def test_resumed_runs_are_joined_to_the_latest_before(store, folder):
    ids = [f"01run{number}" for number in range(4)]
    folders = ["/out/a", "/out/a", "/out/b"]
    for run_id, output in zip(ids, folders, strict=False):
        write(folder, run_id, begin(run_id, extra={"output_dir": output})[1], END)
    write(folder, ids[3], begin(ids[3], extra={"resume": "/out/a/last.pth.tar", "output_dir": "/out/c"})[1], END)
    sync(store, folder)
    assert store.run(ids[3]).resumed_from == ids[1]
