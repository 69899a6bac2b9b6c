import math
import threading
import time
from types import SimpleNamespace

import pytest

from advisor.errors import UsageError
from advisor.records.recording import spool
from advisor.records.recording.active import ActiveRun
from advisor.records.recording.observers import Observers
from advisor.records.schema import Epoch, Run, Source, Status
from advisor.records.store import following
from advisor.records.store.following import follow
from advisor.records.store.sync import sync

ELSEWHERE = "another-machine"  # whose locks cannot be asked: its run goes on while its spool is fresh


def followed(store, folder, run_id):
    """What is given so far, without waiting for more."""
    return follow(store, folder, run_id, pause=0.01)


def test_a_run_is_given_again_whenever_it_grew_until_it_ends(store, folder, spools):
    run_id, first = spools.begin(host=ELSEWHERE, epochs=2)
    path = spools.write(folder, run_id, first)
    sync(store, folder)
    found = followed(store, folder, run_id)
    run, epochs = next(found)
    assert (run.status, epochs) == (Status.RUNNING, [])
    with path.open("ab") as file:
        file.write(spools.epoch(0, eval_top1=50.0))
    run, epochs = next(found)
    assert [(epoch.epoch, epoch.eval_top1) for epoch in epochs] == [(0, 50.0)]
    with path.open("ab") as file:
        file.write(spools.epoch(1, eval_top1=60.0) + spools.END)
    run, epochs = next(found)
    assert (run.status, len(epochs)) == (Status.FINISHED, 2)
    assert list(found) == []


def test_what_has_grown_is_read_at_the_next_look_and_what_has_not_after_a_while(store, folder, spools, monkeypatch):
    run_id, first = spools.begin(host=ELSEWHERE)
    path = spools.write(folder, run_id, first)
    sync(store, folder)
    clock = SimpleNamespace(now=1000.0)
    happens = {
        1003.0: lambda: spools.write(folder, run_id, path.read_bytes(), spools.epoch(0)),
        1010.0: lambda: store.add_runs([], [Epoch(run_id=run_id, epoch=1)]),  # another process, from a file elsewhere
    }

    def sleep(seconds):
        clock.now += seconds
        assert clock.now < 1100.0
        happens.get(clock.now, lambda: None)()

    monkeypatch.setattr(following, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    found = follow(store, folder, run_id, pause=1.0)
    given = [(len(next(found)[1]), clock.now) for _ in range(3)]
    assert given == [(0, 1000.0), (1, 1003.0), (2, 1003.0 + following.LOOK_ANYWAY)]


def test_an_epoch_that_is_no_number_is_given_once(store, folder, spools):
    run_id, first = spools.begin(host=ELSEWHERE)
    path = spools.write(folder, run_id, first, spools.epoch(0, train_loss=math.nan))
    sync(store, folder)
    found = followed(store, folder, run_id)
    _, (epoch,) = next(found)
    assert epoch.train_loss is not None
    assert math.isnan(epoch.train_loss)
    with path.open("ab") as file:  # nothing new
        file.write(spools.epoch(0, train_loss=math.nan) + spool.encode("heartbeat", {"heartbeat_at": spools.NOW}))
    ending = threading.Timer(0.3, lambda: spools.write(folder, run_id, path.read_bytes(), spools.END))
    ending.start()
    assert [run.status for run, _ in found] == [Status.FINISHED]
    ending.join()


def test_a_run_that_has_ended_is_given_once(store, folder, spools):
    run_id, first = spools.begin()
    spools.write(folder, run_id, first, spools.epoch(0, eval_top1=50.0), spools.END)
    sync(store, folder)
    assert not list(folder.glob("*.jsonl"))  # its spool is put away
    ((run, epochs),) = followed(store, folder, run_id)
    assert (run.status, len(epochs)) == (Status.FINISHED, 1)


def test_a_run_without_a_spool_is_given_as_the_store_has_it(store, folder):
    store.add_runs([Run(run_id="imported", source=Source.TIMM_OUTPUT, status=Status.FINISHED)])
    assert [run.run_id for run, _ in followed(store, folder, "imported")] == ["imported"]


def test_a_process_that_is_gone_ends_it(store, folder, spools):
    run_id, first = spools.begin()
    spools.write(folder, run_id, first, spools.epoch(0, eval_top1=50.0))
    sync(store, folder)
    ((run, _),) = followed(store, folder, run_id)
    assert run.status is Status.STALE


def test_a_run_that_is_removed_meanwhile_is_said(store, folder, spools):
    run_id, first = spools.begin(host=ELSEWHERE)
    path = spools.write(folder, run_id, first)
    sync(store, folder)
    found = followed(store, folder, run_id)
    next(found)
    store.remove([run_id])
    with path.open("ab") as file:
        file.write(spools.epoch(0, eval_top1=50.0))
    with pytest.raises(UsageError, match="no run"):
        next(found)


def test_a_recorded_run_is_followed_to_its_end(store, folder):
    run = ActiveRun(folder, Observers(None, 1.0), {"epochs": 3})

    def train():
        for number in range(3):
            run.log_epoch(number, eval_top1=10.0 * number)
            time.sleep(0.1)
        run.end()

    deadline = time.monotonic() + 30
    while not list(folder.glob("*.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    while not store.runs():
        sync(store, folder)
    training = threading.Thread(target=train)
    training.start()
    given = list(followed(store, folder, run.run_id))
    training.join()
    last, epochs = given[-1]
    assert (last.status, [epoch.eval_top1 for epoch in epochs]) == (Status.FINISHED, [0.0, 10.0, 20.0])
