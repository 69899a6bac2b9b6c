"""Imported runs come to know their dataset: from their own folder, from one that is given, or by its name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from advisor.describe import recorded
from advisor.describe.dataset import describe
from advisor.describe.recorded import describe_recorded, give_folder, give_known
from advisor.errors import UsageError
from advisor.records.schema import Run, Source, new_id
from advisor.records.store.store import Store


@pytest.fixture
def store(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path / 'records.db'}")
    yield store
    store.close()


@pytest.fixture
def imported(store: Store):
    """Adds runs as importers make them, each on a dataset of a name, and returns their ids."""

    def add(*names: str | None, root: str | Path | None = None, outputs: int | None = None) -> list[str]:
        extra: dict[str, Any] = {} if root is None else {"dataset_root": str(root)}
        runs = [
            Run(
                run_id=new_id(),
                source=Source.TIMM_OUTPUT,
                dataset_name=name,
                n_classes=outputs,
                extra={**extra, "model_num_classes": outputs},
            )
            for name in names
        ]
        store.add_runs(runs)
        return [run.run_id for run in runs]

    return add


def test_a_folder_is_described_once_for_all_its_runs(store, imported, image_folder, monkeypatch) -> None:
    seen = []

    def counted(source: Any) -> Any:
        seen.append(source)
        return describe(source)

    monkeypatch.setattr(recorded, "describe", counted)
    ids = imported(*["stripes"] * 40, root=image_folder)
    assert describe_recorded(store).runs == 40
    assert len(seen) == 1
    assert len({store.run(run_id).dataset_id for run_id in ids} - {None}) == 1


@pytest.mark.parametrize(("outputs", "known"), [(None, True), (3, True), (1000, True), (2, False)])
def test_a_head_may_have_more_outputs_than_there_are_classes(store, imported, image_folder, outputs, known) -> None:
    (run_id,) = imported("stripes", root=image_folder, outputs=outputs)
    report = describe_recorded(store)
    run = store.run(run_id)
    assert (run.dataset_id is not None) == known
    assert (run.n_classes, run.extra["model_num_classes"]) == (3 if known else 2, outputs)
    assert known or "fewer outputs" in report.left_out[str(image_folder)]


def test_a_folder_that_is_given_is_that_of_the_runs_that_name_no_other(store, imported, image_folder) -> None:
    known = imported("stripes", root=image_folder)
    describe_recorded(store)
    ids = imported("photos", "photos", root="/gone/photos")
    report = give_folder(store, ids, image_folder)
    assert (report.runs, report.left_out) == (2, {})
    assert {store.run(run_id).dataset_id for run_id in [*known, *ids]} == {describe(image_folder).dataset.dataset_id}


def test_of_runs_on_several_datasets_those_of_its_name_are_meant(store, imported, image_folder) -> None:
    ids = imported("stripes", "photos", None, "C:\\data\\stripes")
    report = give_folder(store, ids, image_folder)
    assert report.runs == 2
    assert set(report.left_out) == {"photos", "(no name)"}
    assert [store.run(run_id).dataset_id is not None for run_id in ids] == [True, False, False, True]


def test_a_dataset_that_the_records_know_is_given_by_its_name(store, imported, image_folder, tmp_path) -> None:
    folder = shutil.copytree(image_folder, tmp_path / "leaves")
    (first,) = imported("leaves", root=folder)
    describe_recorded(store)
    shutil.rmtree(folder)
    ids = imported("elsewhere")
    with pytest.raises(UsageError, match="no described dataset") as error:
        give_known(store, ids, "leafs")
    assert "leaves" in str(error.value.cause)
    assert give_known(store, ids, "leaves").runs == 1
    assert store.run(ids[0]).dataset_id == store.run(first).dataset_id


def test_timms_names_of_datasets_are_here_where_their_folder_is(store, imported) -> None:
    imported("torch/cifar10", root="torch/cifar10:/gone/data")
    assert "no such folder" in describe_recorded(store).left_out["torch/cifar10:/gone/data"]
