"""Listing is answered by indexes, and they are not all that is asked."""

from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from advisor.records.schema import Dataset, Run, Source, Status
from advisor.records.store import store as module
from advisor.records.store.selection import Selection
from advisor.records.store.store import Store
from advisor.records.store.tables import SPOOLS

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("chosen", "index"),
    [
        ({}, "ix_runs_started_at"),
        ({"ascending": True}, "ix_runs_started_at"),
        ({"since": START}, "ix_runs_started_at"),
        ({"sort": "best_metric"}, "ix_runs_scores"),
        ({"sort": "lr"}, "ix_runs_hyperparameters"),
        ({"model": "resnet18"}, "ix_runs_model"),
        ({"opt": "lamb"}, "ix_runs_opt"),
        ({"dataset": "flowers"}, "ix_runs_dataset_name"),
        ({"dataset": "flowers"}, "ix_runs_dataset_id"),
        ({"status": Status.FAILED}, "ix_runs_status"),
        ({"source": Source.MLFLOW}, "ix_runs_source"),
    ],
)
def test_an_index_answers_what_is_listed(tmp_path, chosen, index):
    """Else a million runs would be read for fifty."""
    store, plans = Store(f"sqlite:///{tmp_path / 'records.db'}"), []

    def explain(connection, cursor, statement, parameters, *_):
        if "FROM runs" in statement:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" ".join(row[3] for row in cursor.fetchall()))
        return statement, parameters

    sa.event.listen(store._engine, "before_cursor_execute", explain, retval=True)
    options = {name: value for name, value in chosen.items() if name != "ascending"}
    store.runs(**options, descending="ascending" not in chosen, limit=50)
    assert f"INDEX {index}" in plans[0]
    store.close()


def test_texts_of_any_length_are_found_by_the_whole_of_them(store):
    names = ["x" * 199, "x" * 200, "x" * 5_000, "x" * 5_000 + "y", "☃" * 3_000]
    runs = [
        Run(run_id=f"01run{i}", source=Source.API, name=name, model=name, opt=name, dataset_name=name)
        for i, name in enumerate(names)
    ]
    store.add_runs(runs)
    for number, name in enumerate(names):
        for field in ("name", "model", "opt", "dataset"):
            assert [run.run_id for run in store.runs(**{field: name})] == [runs[number].run_id]
        assert store.run(name).run_id == runs[number].run_id


def test_an_architecture_is_its_name_with_any_tag_and_nothing_else(store):
    models = ["test_resnet", "test_resnet.r160_in1k", "testXresnet.a", "test_resnet2", "other"]
    store.add_runs([Run(run_id=f"01run{i}", source=Source.API, model=model) for i, model in enumerate(models)])
    assert {run.model for run in store.runs(architecture="test_resnet")} == set(models[:2])
    assert {run.model for run in store.runs(model="test_resnet")} == {"test_resnet"}


def test_runs_are_given_one_by_one_by_when_they_started(store):
    starts = {"early": 1, "late": 2, "later": 2, "unknown": None}
    for name, hours in starts.items():
        started_at = None if hours is None else START + timedelta(hours=hours)
        status = Status.FAILED if "late" in name else Status.FINISHED
        store.add_runs([Run(run_id=name, source=Source.API, status=status, started_at=started_at)])
    assert [run.run_id for run in store.each_run()] == ["later", "late", "early", "unknown"]
    assert [run.run_id for run in store.each_run(descending=False)] == ["early", "later", "late", "unknown"]
    assert store.run_ids() == ["early", "later", "late", "unknown"]
    assert store.count() == 4
    failed = Selection(status=Status.FAILED)
    assert [run.run_id for run in store.each_run(failed)] == ["later", "late"]
    assert (store.run_ids(failed), store.count(failed)) == (["later", "late"], 2)


def test_datasets_are_listed_by_name_and_those_of_a_name_by_id(store):
    ids = {"c": "cars", "b": "pets", "a": "pets", "d": "birds"}
    for dataset_id, name in ids.items():
        store.put_dataset(Dataset(dataset_id=dataset_id, name=name, group="g", n_train=3, n_eval=2, n_classes=2))
    assert [dataset.dataset_id for dataset in store.datasets()] == ["d", "c", "a", "b"]


def test_few_statements_name_any_number_of_runs(store, monkeypatch):
    """One takes only so many ids, and one a run would take long."""
    monkeypatch.setattr(module, "_IDS_A_STATEMENT", 2)
    ids = [f"01run{number}" for number in range(5)]
    store.add_runs([Run(run_id=run_id, source=Source.API) for run_id in ids])
    with store.writing() as connection:
        connection.execute(sa.insert(SPOOLS), [{"run_id": run_id, "offset": 1} for run_id in ids])
    statements = []
    sa.event.listen(store._engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    assert set(store.spool_states(ids)) == set(ids)
    dataset = Dataset(dataset_id="d", name="pets", group="g", n_train=3, n_eval=2, n_classes=2)
    for act in (lambda: store.set_dataset(ids, dataset), lambda: list(store.epochs_of(ids)), lambda: store.remove(ids)):
        act()
    asked = [statement.split()[0] for statement in statements if "run_id IN" in statement]
    assert asked == ["SELECT"] * 3 + ["UPDATE"] * 3 + ["SELECT"] * 3 + ["DELETE"] * 6
    assert store.count() == 0
