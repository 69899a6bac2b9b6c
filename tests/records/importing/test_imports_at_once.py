"""Several processes import the same runs at a time, changed and in other orders, and none waits for ever."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence

import pytest

from advisor import Source, imported_run
from advisor.records.importing.imports import import_runs
from advisor.records.store.store import Store

RUNS, ROUNDS = 60, 8


def import_again_and_again(url: str, numbers: Sequence[int]) -> None:
    """Import the same runs, each time with another epoch more; the exit code is 0 if it always could."""
    store = Store(url)
    for number in range(1, ROUNDS + 1):
        epochs = [{"epoch": epoch, "eval_top1": float(number)} for epoch in range(number)]
        fields = {"model": "resnet18", "epochs": ROUNDS, "final_metric": float(number)}
        report = import_runs(
            [imported_run(Source.MLFLOW, [str(i)], fields, epochs, path=f"/{i}") for i in numbers], store
        )
        assert report.runs == RUNS
    store.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_imports_of_the_same_runs_in_other_orders(store_url: str) -> None:
    fork = multiprocessing.get_context("fork")
    Store(store_url).close()
    orders = (range(RUNS), range(RUNS - 1, -1, -1))
    importers = [fork.Process(target=import_again_and_again, args=(store_url, order)) for order in orders]
    for importer in importers:
        importer.start()
    for importer in importers:
        importer.join()
    assert [importer.exitcode for importer in importers] == [0, 0]
    store = Store(store_url)
    assert len(store.runs()) == RUNS
    assert store.counts()["epochs"] == RUNS * ROUNDS
    store.close()
