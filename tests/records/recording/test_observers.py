"""Plugins see the run on threads of their own; a slow or raising one delays and changes nothing."""

import time

import pytest

from advisor import hookimpl
from advisor.plugins import Plugins
from advisor.records.recording import containment
from advisor.records.recording.recorder import Recorder
from advisor.records.schema import Status


class Watcher:
    def __init__(self):
        self.seen = []

    @hookimpl
    def advisor_run_start(self, run):
        self.seen.append(("start", run.status))

    @hookimpl
    def advisor_epoch_end(self, run, epoch):
        self.seen.append(("epoch", epoch.epoch, epoch.eval_top1, run.lr))
        run.extra["list"].append("changed by a plugin")

    @hookimpl
    def advisor_run_end(self, run):
        self.seen.append(("end", run.status))


class Slow:
    def __init__(self):
        self.calls = 0

    @hookimpl
    def advisor_epoch_end(self, run, epoch):
        self.calls += 1
        time.sleep(0.3)


class Raising:
    @hookimpl
    def advisor_epoch_end(self, run, epoch):
        raise KeyboardInterrupt("pressed")


def observed(folder, *named, timeout=5.0):
    plugins = Plugins("none")
    for name, plugin in named:
        plugins.register(plugin, name)
    return Recorder(folder, plugins, hook_timeout=timeout)


def test_observers_see_the_run_and_change_nothing(told, folder):
    watchers = [Watcher(), Watcher()]
    recorder = observed(folder, ("one", watchers[0]), ("two", watchers[1]))
    active = recorder.start_run(lr=0.1, extra={"list": ["kept"]})
    active.log_epoch(eval_top1=1)
    active.log_epoch(eval_top1=2)
    recorder.end_run()
    recorder._observers.wait(5)
    for watcher in watchers:
        assert watcher.seen == [
            ("start", Status.RUNNING),
            ("epoch", 0, 1.0, 0.1),
            ("epoch", 1, 2.0, 0.1),
            ("end", Status.FINISHED),
        ]
    assert told(folder)[0]["extra"]["list"] == ["kept"]
    assert active.snapshot().extra["list"] == ["kept"]


def test_a_raising_observer_is_named_once_and_the_others_go_on(folder, contained, caplog):
    watcher = Watcher()
    recorder = observed(folder, ("raising", Raising()), ("good", watcher))
    active = recorder.start_run(extra={"list": []})
    for _ in range(5):
        active.log_epoch(eval_top1=1)
    recorder.end_run()
    recorder._observers.wait(5)
    assert len(watcher.seen) == 7
    assert sum("of the plugin raising" in record.getMessage() for record in caplog.records) == 1


def test_a_slow_observer_delays_nothing_and_is_switched_off(wait_until, told, folder, caplog):
    slow = Slow()
    recorder = observed(folder, ("slow", slow), timeout=0.05)
    active = recorder.start_run()
    began = time.monotonic()
    for _ in range(20):
        active.log_epoch(eval_top1=1)
    assert time.monotonic() - began < 20 * 0.3
    wait_until(lambda: "switched off" in caplog.text)
    recorder.end_run()
    recorder._observers.wait(0.5)
    assert slow.calls <= 2
    assert sum("slow is switched off" in record.getMessage() for record in caplog.records) == 1
    assert sorted(told(folder)[1]) == list(range(20))


def test_in_test_mode_what_failed_beside_is_raised_at_the_end(wait_until, folder, monkeypatch):
    monkeypatch.setattr(containment, "in_background", [])
    recorder = observed(folder, ("raising", Raising()))
    active = recorder.start_run()
    active.log_epoch(eval_top1=1)
    wait_until(lambda: containment.in_background)
    with pytest.raises(KeyboardInterrupt):
        recorder.end_run()
