"""Many processes write and several take at once: every line is in the store once."""

import multiprocessing

import pytest

from advisor.plugins import Plugins
from advisor.records.recording.recorder import Recorder
from advisor.records.schema import Status
from advisor.records.store.store import Store
from advisor.records.store.sync import sync

WRITERS, EPOCHS_EACH = 128, 3


def write_a_run(folder):
    """What a training process does, in a forked child; its exit code is 0 if it could."""
    recorder = Recorder(folder, Plugins("none"))
    run = recorder.start_run(epochs=EPOCHS_EACH)
    for number in range(EPOCHS_EACH):
        run.log_epoch(eval_top1=float(number))
    recorder.end_run()


def take_until(url, folder, over):
    store = Store(url)
    while not over.is_set():
        sync(store, folder)
    sync(store, folder)
    store.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_many_writers_and_two_syncs_at_once(store_url, folder):
    """Every run and every epoch of 128 processes is there once, while two processes take what they write."""
    fork = multiprocessing.get_context("fork")
    over = fork.Event()
    takers = [fork.Process(target=take_until, args=(store_url, folder, over)) for _ in range(2)]
    writers = [fork.Process(target=write_a_run, args=(folder,)) for _ in range(WRITERS)]
    for process in [*takers, *writers]:
        process.start()
    for process in writers:
        process.join()
    over.set()
    for process in takers:
        process.join()
    assert {process.exitcode for process in [*takers, *writers]} == {0}
    store = Store(store_url)
    runs = store.runs()
    assert len(runs) == WRITERS
    assert {(run.status, run.epochs_done, run.best_metric) for run in runs} == {(Status.FINISHED, 3, 2.0)}
    assert store.counts()["epochs"] == WRITERS * EPOCHS_EACH
    assert not list(folder.glob("*.jsonl"))
    store.close()
