"""What follows a script takes neither its exit status nor its time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from advisor.records.recording.undisturbed import undisturbed


@pytest.fixture(autouse=True)
def as_for_users(monkeypatch):
    monkeypatch.delenv("ADVISOR_TESTING")


def fail(error):
    raise error


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError()]
)
def test_nothing_that_is_raised_leaves_it(error):
    undisturbed(lambda: fail(error), 5)


@pytest.mark.parametrize(
    "name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGQUIT", "SIGALRM", "SIGXCPU", "SIGRTMIN"]
)
def test_a_signal_ends_it_and_nothing_else(name):
    number = getattr(signal, name)
    reached = []

    def action():
        os.kill(os.getpid(), number)
        time.sleep(20)
        reached.append(True)

    # Who starts the tests in the background, or with nohup, has some of these ignored.
    outside = signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)
    try:
        before, began = signal.getsignal(number), time.monotonic()
        undisturbed(action, 30)
        assert not reached
        assert time.monotonic() - began < 15
        assert signal.getsignal(number) == before
    finally:
        signal.signal(number, outside)


def test_a_watchdog_that_the_script_left_is_called_off():
    code = """
import faulthandler, time
from advisor.records.recording.undisturbed import undisturbed
faulthandler.dump_traceback_later(1, exit=True)
undisturbed(lambda: time.sleep(1.5), 30)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_several_signals(monkeypatch):
    def action():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    undisturbed(action, 30)


def test_the_time_limit():
    began = time.monotonic()
    undisturbed(lambda: threading.Event().wait(60), 0.2)
    assert time.monotonic() - began < 30
    assert signal.getitimer(signal.ITIMER_REAL)[0] != pytest.approx(0.2, abs=0.2)


def test_a_timer_of_the_script_waits_meanwhile():
    before = signal.signal(signal.SIGALRM, lambda *a: None)
    try:
        signal.setitimer(signal.ITIMER_REAL, 300)
        reached = []
        undisturbed(lambda: reached.append(True), 30)
        assert reached
        assert 200 < signal.getitimer(signal.ITIMER_REAL)[0] <= 300
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_handlers_of_the_script_are_not_called_and_what_it_ignores_is_ignored():
    called = []
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGCHLD)}
    signal.signal(signal.SIGUSR1, lambda *a: called.append("USR1"))
    signal.signal(signal.SIGCHLD, lambda *a: called.append("CHLD"))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    finished = []

    def action():
        os.kill(os.getpid(), signal.SIGHUP)
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        finished.append(True)
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(5)

    try:
        undisturbed(action, 30)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (called, finished) == ([], [True])


def test_in_another_thread_it_is_done_all_the_same():
    done = []
    thread = threading.Thread(target=undisturbed, args=(lambda: done.append(True), 1))
    thread.start()
    thread.join()
    assert done == [True]
