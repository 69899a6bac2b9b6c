"""What is written to a spool is what is read of it, whole lines only, wherever the file was cut."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.records.encoding import plain
from advisor.records.recording import spool

texts = st.text(max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
some_lines = st.lists(
    st.tuples(st.sampled_from(["run", "epoch", "end", "heartbeat"]), st.dictionaries(texts, json_values, max_size=4)),
    max_size=6,
)


def write(path, lines):
    path.write_bytes(b"".join(spool.encode(*line) for line in lines))


@settings(max_examples=40)
@given(some_lines)
def test_lines_are_read_as_written(lines):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        write(path, lines)
        chunk = spool.read(path)
        assert [(line.type, line.data) for line in chunk.lines] == [(kind, plain(data)) for kind, data in lines]
        assert (chunk.end, chunk.unreadable, chunk.newer) == (path.stat().st_size, 0, False)


@settings(max_examples=40)
@given(some_lines.filter(bool), st.data())
def test_a_file_cut_at_any_byte_gives_its_whole_lines_and_goes_on_there(lines, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        write(path, lines)
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        first = spool.read(path)
        assert len(first.lines) == whole[:cut].count(b"\n")
        assert first.unreadable == 0
        path.write_bytes(whole)
        rest = spool.read(path, first.end)
        assert [*first.lines, *rest.lines] == spool.read(path).lines
        assert rest.end == len(whole)


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe\n", b"{}\n", b"[1]\n", b'{"v":"x","type":"run","data":{}}\n', b"null\n", b"[" * 9999 + b"\n"]
)
def test_damaged_lines_are_passed_over_and_counted(tmp_path, damage):
    path = tmp_path / "run.jsonl"
    good = spool.encode("run", {"lr": 0.1})
    path.write_bytes(good + damage + b"\n" + good)
    chunk = spool.read(path)
    assert len(chunk.lines) == 2
    assert chunk.unreadable == 1
    assert chunk.end == path.stat().st_size


def test_reading_stops_before_a_line_of_a_newer_version(tmp_path):
    path = tmp_path / "run.jsonl"
    good = spool.encode("run", {"lr": 0.1})
    path.write_bytes(good + b'{"v":2,"type":"run","data":{}}\n' + good)
    chunk = spool.read(path)
    assert (len(chunk.lines), chunk.end, chunk.newer) == (1, len(good), True)


def test_a_shorter_file_is_read_from_its_beginning(tmp_path):
    path = tmp_path / "run.jsonl"
    write(path, [("run", {"lr": 0.1})])
    assert len(spool.read(path, offset=10_000).lines) == 1


@pytest.mark.parametrize("read_before", [0, 1, 5])
def test_a_file_written_again_is_read_whole_however_much_was_read_before(tmp_path, read_before):
    path = tmp_path / "run.jsonl"
    file = spool.SpoolFile(path)
    for epoch in range(5):
        file.append(spool.encode("epoch", {"epoch": epoch}))
        if epoch + 1 == read_before:
            offset = spool.read(path).end
    if not read_before:
        offset = 0
    path.unlink()
    assert not file.is_there()
    again = spool.SpoolFile(path, file.end)
    again.append(b"".join(spool.encode("epoch", {"epoch": epoch}) for epoch in range(9)))
    chunk = spool.read(path, offset)
    assert [line.data["epoch"] for line in chunk.lines] == list(range(9))
    again.append(spool.encode("end", {}))
    assert [line.type for line in spool.read(path, chunk.end).lines] == ["end"]
    path.unlink()
    third = spool.SpoolFile(path, again.end)
    third.append(spool.encode("heartbeat", {}))
    assert [line.type for line in spool.read(path, chunk.end).lines] == ["heartbeat"]
    for open_file in (file, again, third):
        open_file.close()


def test_writing_on_after_a_crash_begins_a_new_line(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(spool.encode("run", {}) + b'{"v":1,"type":"ep')
    file = spool.SpoolFile(path)
    file.append(spool.encode("end", {}))
    file.close()
    assert [line.type for line in spool.read(path).lines] == ["run", "end"]
    assert spool.read(path).unreadable == 1


def test_a_full_disk_costs_no_later_line():
    """On /dev/full every write fails; after a failed write the next one begins a new line."""
    file = spool.SpoolFile(Path("/dev/full"))
    with pytest.raises(OSError, match="No space"):
        file.append(spool.encode("run", {}))
    assert file._torn
    file.close()


def test_lock_tells_the_living_from_the_dead(tmp_path):
    path = tmp_path / "run.jsonl"
    code = (
        "import sys, time; from pathlib import Path; from advisor.records.recording.spool import SpoolFile\n"
        "file = SpoolFile(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "held\n"
        assert spool.is_held(path) is True
        assert spool.is_held(path) is True  # looking takes nothing away
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert spool.is_held(path) is False


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_lets_the_lock_go(tmp_path):
    path = tmp_path / "run.jsonl"
    file = spool.SpoolFile(path)
    child = os.fork()
    if not child:
        time.sleep(30)
        os._exit(0)
    try:
        file.close()
        until = time.monotonic() + 10
        while spool.is_held(path) and time.monotonic() < until:
            time.sleep(0.01)
        assert spool.is_held(path) is False
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_archive_moves_the_file_once(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"x\n")
    spool.archive(path)
    spool.archive(path)
    assert (tmp_path / "ingested" / "run.jsonl").read_bytes() == b"x\n"
    assert not path.exists()
