"""A disk that is full, gone or slow costs neither the training nor, once it is well again, the record."""

import gc
import os
import threading
import time
from datetime import datetime, timedelta

import pytest

from advisor.plugins import Plugins
from advisor.records.recording import spool
from advisor.records.recording.recorder import Recorder


def test_spool_folder_that_cannot_be_made(folder, contained, caplog):
    folder.write_text("a file is in its place")
    recorder = Recorder(folder, Plugins("none"))
    active = recorder.start_run(lr=0.1)
    for _ in range(3):
        active.log_epoch(eval_top1=1)
    recorder.end_run()
    assert len([record for record in caplog.records if "recording failed" in record.getMessage()]) == 1


def test_full_disk(told, folder, contained, monkeypatch):
    """Nothing is lost that is known when there is space again."""
    full = threading.Event()
    full.set()
    write = os.write

    def write_if_space(descriptor, data):
        if full.is_set():
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(spool.os, "write", write_if_space)
    recorder = Recorder(folder, Plugins("none"))
    active = recorder.start_run(lr=0.1)
    active.log_epoch(eval_top1=1)
    time.sleep(0.05)
    full.clear()
    active.log_epoch(eval_top1=2)
    recorder.end_run()
    run, epochs = told(folder)
    assert (run["lr"], run["status"], sorted(epochs)) == (0.1, "FINISHED", [0, 1])


@pytest.mark.parametrize("after", [0, 2])
def test_spool_that_vanishes_is_written_again(told, wait_until, recorder, folder, after):
    active = recorder.start_run(lr=0.1)
    for epoch in range(4):
        if epoch == after:
            wait_until(lambda: list(folder.glob("*.jsonl")))
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        active.log_epoch(eval_top1=epoch)
    recorder.end_run()
    run, epochs = told(folder)
    assert (run["lr"], run["status"], sorted(epochs)) == (0.1, "FINISHED", [0, 1, 2, 3])


def test_full_queue_loses_nothing_that_is_known_at_the_end(told, folder, monkeypatch):
    monkeypatch.setattr("advisor.records.recording.writer.QUEUE_SIZE", 1)
    recorder = Recorder(folder, Plugins("none"))
    active = recorder.start_run(lr=0.1)
    for epoch in range(200):
        active.log_epoch(eval_top1=epoch)
    recorder.end_run()
    _, epochs = told(folder)
    assert sorted(epochs) == list(range(200))


def test_lines_of_one_moment_are_written_at_once(wait_until, told, recorder, folder, monkeypatch):
    """Each write wakes a thread beside the training, which an epoch's end is to notice once."""
    written = []
    append = spool.SpoolFile.append
    monkeypatch.setattr(spool.SpoolFile, "append", lambda file, data: (append(file, data), written.append(data)))
    monkeypatch.setattr("advisor.records.recording.writer.GATHER_SECONDS", 0.5)
    active = recorder.start_run(lr=0.1)
    for epoch in range(3):
        active.log_epoch(eval_top1=epoch)
        active.update(samples_per_second=epoch)
    wait_until(lambda: written)
    assert [data.count(b"\n") for data in written] == [7]
    assert sorted(told(folder)[1]) == [0, 1, 2]


def test_the_end_of_a_run_waits_for_no_further_lines(recorder, folder, monkeypatch):
    monkeypatch.setattr("advisor.records.recording.writer.GATHER_SECONDS", 60)
    for pause in (0, 0.1):
        active = recorder.start_run(lr=0.1)
        active.log_epoch(eval_top1=1)
        time.sleep(pause)
        began = time.monotonic()
        recorder.end_run()
        assert time.monotonic() - began < 4
        ends = [line.type for line in spool.read(folder / f"{active.run_id}.jsonl").lines]
        assert ends == ["run", "epoch", "end"]


def test_heartbeats(wait_until, lines, folder, monkeypatch):
    monkeypatch.setattr("advisor.records.recording.writer.HEARTBEAT_SECONDS", 0.01)
    recorder = Recorder(folder, Plugins("none"))
    recorder.start_run()
    wait_until(lambda: list(folder.glob("*")) and any(line.type == "heartbeat" for line in lines(folder)))
    recorder.end_run()


def test_clock_that_jumps(told, recorder, folder, monkeypatch):
    """An hour back and a day ahead change neither the duration nor the order of start and end."""

    class Jumping(datetime):
        by = timedelta(0)

        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + cls.by

    for module in ("recording.active", "recording.writer"):
        monkeypatch.setattr(f"advisor.records.{module}.datetime", Jumping)
    active = recorder.start_run()
    for by in (timedelta(hours=-1), timedelta(days=1), timedelta(days=-400)):
        Jumping.by = by
        active.log_epoch(eval_top1=1)
    recorder.end_run()
    run, epochs = told(folder)
    assert run["ended_at"] > run["started_at"]
    assert 0 <= run["train_seconds"] < 60
    assert sorted(epochs) == [0, 1, 2]


def test_a_file_system_that_fills_up(wait_until, told, small_disk, contained, caplog):
    """Every epoch is there in the end if space comes back, and until then what was written is whole lines."""
    recorder = Recorder(small_disk / "spool", Plugins("none"))
    active = recorder.start_run(lr=0.1)
    active.log_epoch(eval_top1=0)
    wait_until(lambda: list(small_disk.glob("spool/*.jsonl")))
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="space"):
        ballast.write_bytes(bytes(1 << 20))
    for _ in range(100):
        active.log_epoch(eval_top1=1, train_loss=0.123456789)
        time.sleep(0.001)
    wait_until(lambda: "No space left" in caplog.text)
    (path,) = small_disk.glob("spool/*.jsonl")
    assert spool.read(path).unreadable == 0
    ballast.unlink()
    active.log_epoch(eval_top1=2)
    recorder.end_run()
    run, epochs = told(small_disk / "spool")
    assert (run["lr"], run["status"]) == (0.1, "FINISHED")
    assert sorted(epochs) == list(range(102))
    assert sum("recording failed" in record.getMessage() for record in caplog.records) == 1


def test_no_thread_of_ours_is_beside_a_fork(told, recorder, folder):
    """From Python 3.12 on a warning would be printed, and what a thread holds is held in the child for good."""
    active = recorder.start_run(lr=0.1)
    for epoch in range(5):
        active.log_epoch(eval_top1=epoch)
        if os.fork() == 0:
            os._exit(0)
        assert not active._writer._thread.is_alive()
        os.wait()
    gc.collect()
    assert active._writer._thread.is_alive()
    assert not [callback for callback in gc.callbacks if "resume" in callback.__name__]
    recorder.end_run()
    run, epochs = told(folder)
    assert (run["status"], sorted(epochs)) == ("FINISHED", [0, 1, 2, 3, 4])


def test_a_fork_while_a_line_is_written_does_not_wait_for_long(told, recorder, folder, monkeypatch):
    slow = threading.Event()
    append = spool.SpoolFile.append
    monkeypatch.setattr(spool.SpoolFile, "append", lambda file, data: (slow.wait(30), append(file, data)))
    active = recorder.start_run(lr=0.1)
    time.sleep(0.1)
    began = time.monotonic()
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    assert time.monotonic() - began < 5
    slow.set()
    active.log_epoch(eval_top1=1)
    recorder.end_run()
    assert sorted(told(folder)[1]) == [0]
