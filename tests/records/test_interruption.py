"""What a script's signal handler raises while our code runs is the script's to see; what our code raises is not."""

from __future__ import annotations

import functools
import os
import signal

import pytest

from advisor.plugins import Plugins
from advisor.records.interruption import is_interruption
from advisor.records.recording.recorder import Recorder


class TimeIsUp(Exception):
    """The script's own."""


def function(number, frame):
    raise TimeIsUp


def once(number, frame):
    signal.signal(number, signal.SIG_DFL)
    raise TimeIsUp


def any_arguments(*arguments):
    raise TimeIsUp


class Object:
    def method(self, number, frame):
        raise TimeIsUp

    def __call__(self, number, frame):
        self.method(number, frame)


class Interrupting:
    """A value that is told to the recorder, and during whose conversion a signal arrives."""

    def __float__(self):
        os.kill(os.getpid(), signal.SIGUSR1)
        return 1.0

    __int__ = __float__

    def __str__(self):
        os.kill(os.getpid(), signal.SIGUSR1)
        return "text"


@pytest.fixture
def active(tmp_path, monkeypatch):
    monkeypatch.delenv("ADVISOR_TESTING")
    before = signal.getsignal(signal.SIGUSR1)
    recorder = Recorder(tmp_path / "spool", Plugins("none"))
    yield recorder.start_run(lr=0.1)
    signal.signal(signal.SIGUSR1, before)
    recorder.end_run()


HANDLERS = [
    function,
    once,
    any_arguments,
    Object().method,
    Object(),
    functools.partial(function),
    lambda *a: function(*a),
]


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize(
    "report",
    [
        lambda run: run.log_epoch(eval_top1=Interrupting()),
        lambda run: run.update(lr=Interrupting()),
        lambda run: run.update(anything=Interrupting()),
        lambda run: run.end(error=RuntimeError(Interrupting())),
    ],
    ids=["epoch", "field", "extra", "end"],
)
def test_what_a_handler_raises_reaches_the_script(active, handler, report):
    signal.signal(signal.SIGUSR1, handler)
    with pytest.raises(TimeIsUp):
        report(active)


def test_a_handler_that_exits_ends_the_script(active):
    def leave(number, frame):
        raise SystemExit(3)

    signal.signal(signal.SIGUSR1, leave)
    with pytest.raises(SystemExit):
        active.update(lr=Interrupting())


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, GeneratorExit, RecursionError])
def test_what_our_code_raises_does_not(active, error):
    class Value:
        def __float__(self):
            raise error

        def __str__(self):
            raise error

    active.log_epoch(eval_top1=Value())
    active.update(lr=Value(), other=Value())


def test_ctrl_c_is_the_scripts():
    assert is_interruption(KeyboardInterrupt())
    assert not is_interruption(RuntimeError())
