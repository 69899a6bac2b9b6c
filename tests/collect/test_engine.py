import os
import signal
from pathlib import Path

import pytest

from advisor.collect.engine import ATTEMPTS, Finished, LocalEngine, find_engine
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
        "always": ATTEMPTS,
        "c": 1,
    }
    assert "a worker died while it trained" in caplog.text


def fail(task: Path) -> None:
    raise ZeroDivisionError


def test_a_mistake_of_the_function_itself_is_not_hidden(tmp_path):
    with pytest.raises(ZeroDivisionError):
        list(LocalEngine(1).run(fail, [tmp_path]))


class Offering:
    """A plugin with an engine."""

    @staticmethod
    def make(workers, address):
        engine = LocalEngine(workers)
        engine.address = address
        return engine


def test_engines_are_found_by_name():
    from advisor.hookspecs import hookimpl

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
