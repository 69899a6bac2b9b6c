"""Runs are recorded before anyone has looked at their images; what is found out then reaches each of them."""

from dataclasses import replace

import pytest

from advisor.records.schema import Dataset, Epoch, Run, Source
from advisor.records.store import store as module

A = Dataset(dataset_id="a", name="a", group="a", n_train=3, n_eval=2, n_classes=2)


def add(store, run_id, root=None, **fields):
    extra = {} if root is None else {"dataset_root": root}
    store.add_runs([Run(run_id=run_id, source=Source.API, extra=extra, **fields)], [Epoch(run_id=run_id, epoch=0)])


def groups(store):
    return {dataset.dataset_id: dataset.group for dataset in store.datasets()}


@pytest.fixture(params=[2, 500])
def ids_a_statement(request, monkeypatch):
    """More runs than one statement names are asked about in several."""
    monkeypatch.setattr(module, "_IDS_A_STATEMENT", request.param)


@pytest.mark.usefixtures("ids_a_statement")
def test_what_is_not_described_is_known_by_its_folder(store):
    for number in range(3):
        add(store, f"pets{number}", "/pets")
    add(store, "cars", "/cars")
    add(store, "described", "/pets", dataset_id="a")
    add(store, "nowhere")
    assert list(store.folders_without_dataset().items()) == [("/cars", 1), ("/pets", 3)]
    assert store.folders_without_dataset(["pets0", "cars", "pets2", "described", "nowhere"]) == {"/cars": 1, "/pets": 2}
    assert store.folders_without_dataset([]) == {}
    assert {run.run_id for run in store.runs_without_dataset("/pets")} == {"pets0", "pets1", "pets2"}


@pytest.mark.usefixtures("ids_a_statement")
def test_a_dataset_that_was_found_out_is_that_of_every_run_of_it(store):
    asked = [f"run{number}" for number in range(5)]
    for run_id in [*asked, "other"]:
        add(store, run_id, n_classes=7 if run_id == "run3" else None)
    store.set_dataset(asked, A)
    runs = {run.run_id: run for run in store.runs()}
    assert {runs[run_id].dataset_id for run_id in asked} == {"a"}
    assert [runs[run_id].n_classes for run_id in asked] == [2, 2, 2, 7, 2], "what a run says itself stays"
    assert (runs["other"].dataset_id, runs["other"].n_classes) == (None, None)
    assert [epoch.run_id for epoch in store.epochs_of(asked)] == asked


def test_a_dataset_is_put_into_the_group_of_the_most_similar_and_makes_one_of_all_that_it_ties_together(store):
    for name in ("a", "b", "c"):
        alone = replace(A, dataset_id=name, name=name, group=name)
        assert store.put_in_group(alone, name.encode(), lambda kept: []) == alone
    offered = {}

    def alike(kept):
        offered.update(kept)
        return ["b", "gone", "a"]

    tied = store.put_in_group(replace(A, dataset_id="d", group="d"), b"d", alike)
    assert offered == {"a": b"a", "b": b"b", "c": b"c"}
    assert tied.group == "b"
    assert groups(store) == {"a": "b", "b": "b", "c": "c", "d": "b"}
    assert (store.thumbnails("d"), store.thumbnails("e")) == (b"d", None)


def test_a_dataset_is_not_compared_with_itself_when_it_is_described_again(store):
    store.put_in_group(A, b"before", lambda kept: [])
    assert store.put_in_group(replace(A, n_train=4), b"after", lambda kept: list(kept)).group == "a"
    assert [dataset.n_train for dataset in store.datasets()] == [4]
    assert store.thumbnails("a") == b"after"
