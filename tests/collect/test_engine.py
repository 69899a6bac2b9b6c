import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from advisor import hookimpl
from advisor.collect.engine import WORKER_ATTEMPTS, Finished
from advisor.collect.find_engine import find_engine
from advisor.collect.local_engine import LocalEngine
from advisor.errors import UsageError
from advisor.plugins import Plugins


def leave_a_file(path: Path) -> None:
    path.write_text(f"{os.environ['OMP_NUM_THREADS']} {os.getpid()}")


def die_the_first_time(path: Path) -> None:
    attempts = int(path.read_text()) if path.exists() else 0
    path.write_text(str(attempts + 1))
    if path.name == "always" or (path.name == "once" and attempts == 0):
        os.kill(os.getpid(), signal.SIGKILL)


def test_every_task_is_done_once_in_single_threaded_workers(tmp_path):
    tasks = [tmp_path / str(i) for i in range(7)]
    finished = list(LocalEngine(2).run(leave_a_file, tasks))
    assert sorted(f.task for f in finished) == sorted(tasks)
    assert not any(f.died for f in finished)
    threads, pids = zip(*(path.read_text().split() for path in tasks), strict=True)
    assert set(threads) == {"1"}
    assert 1 <= len(set(pids)) <= 2
    assert str(os.getpid()) not in pids


def test_a_killed_worker_is_replaced_and_its_task_given_out_again(tmp_path, caplog):
    tasks = [tmp_path / name for name in ("a", "once", "b", "always", "c")]
    finished = {f.task.name: f for f in LocalEngine(2).run(die_the_first_time, tasks)}
    assert set(finished) == {"a", "once", "b", "always", "c"}
    assert [name for name, f in finished.items() if f.died] == ["always"]
    assert {path.name: int(path.read_text()) for path in tasks} == {
        "a": 1,
        "once": 2,
        "b": 1,
        "always": WORKER_ATTEMPTS,
        "c": 1,
    }
    assert "a worker died while it trained" in caplog.text


def fail(task: Path) -> None:
    raise ZeroDivisionError


def test_a_mistake_of_the_function_itself_is_not_hidden(tmp_path):
    with pytest.raises(ZeroDivisionError):
        list(LocalEngine(1).run(fail, [tmp_path]))


STOPPED = """
import sys, time
from pathlib import Path
from advisor.collect.local_engine import LocalEngine

def train(path):
    path.touch()
    time.sleep(60 * (path.name == "long"))

if __name__ == "__main__":
    try:
        for _ in LocalEngine(2).run(train, [Path("short"), Path("long")]):
            print("one is done", flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_workers_and_says_nothing(tmp_path, times):
    (tmp_path / "stopped.py").write_text(STOPPED)
    command = [sys.executable, "stopped.py"]
    out, start = subprocess.PIPE, {"cwd": tmp_path, "start_new_session": True}
    with subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, text=True, **start) as process:
        assert process.stdout.readline() == "one is done\n"  # so there is a worker that waits, and one that trains
        until = time.monotonic() + 60
        while not (tmp_path / "long").exists() and time.monotonic() < until:
            time.sleep(0.05)
        for _ in range(times):
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            time.sleep(0.03)
        assert process.stdout.read() == ""
    assert process.returncode in ((130,) if times == 1 else (130, -signal.SIGINT))


class Offering:
    """A plugin with an engine."""

    @staticmethod
    def make(workers, address):
        engine = LocalEngine(workers)
        engine.address = address
        return engine


def test_engines_are_found_by_name():
    class Plugin:
        @hookimpl
        def advisor_engines(self):
            return {"farm": Offering.make}

    plugins = Plugins("none")
    plugins.register(Plugin(), "farm-plugin")
    assert isinstance(find_engine("local", plugins, workers=1, address=None), LocalEngine)
    assert find_engine("farm", plugins, workers=1, address="somewhere").address == "somewhere"
    with pytest.raises(UsageError) as caught:
        find_engine("moon", plugins, workers=1, address=None)
    assert "local, farm" in caught.value.hint
    with pytest.raises(UsageError):
        find_engine("local", plugins, workers=0, address=None)
    assert Finished("task").died is False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_workers_end_with_the_process_that_started_them(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "from test_engine import wait_for_ever\n"
        "from advisor.collect.local_engine import LocalEngine\n"
        "if __name__ == '__main__':\n"
        f"    list(LocalEngine(1).run(wait_for_ever, [Path({str(tmp_path / 'pid')!r})]))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    worker = int(_read_when_there(tmp_path / "pid"))
    parent.kill()
    parent.wait()
    for _ in range(200):
        if not Path(f"/proc/{worker}").exists():
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker outlived its parent")


def wait_for_ever(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(3600)


def _read_when_there(path: Path) -> str:
    for _ in range(600):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} never appeared")
