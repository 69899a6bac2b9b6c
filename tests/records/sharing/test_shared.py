"""What leaves with a shared record: only fields that are on the list, whatever the records hold."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import AdvisorError
from advisor.records.schema import Dataset, Run, Source, Status
from advisor.records.sharing.pool import DATASETS, MANIFEST, RUNS, make_pool, not_known, read_pool, write_pool
from advisor.records.sharing.shared import shared_run, to_run

SECRET = "kestrel-4711"
"""In every text that a record has room for."""
MODELS = ("resnet18", "vit_tiny_patch16_224")
DATASET = Dataset(
    dataset_id=f"{SECRET}-id",
    name=f"{SECRET} clinic",
    group=f"{SECRET} group",
    n_train=800,
    n_eval=200,
    n_classes=5,
    features={"colour_mean": 0.123456789, "plugin.secret": 3.0},
    features_version=2,
)
RUN = Run(
    run_id="01m88983000000000000000001",
    source=Source.API,
    status=Status.FINISHED,
    error=SECRET,
    host=SECRET,
    pid=4711,
    started_at=datetime(2026, 3, 1, tzinfo=timezone.utc),
    name=SECRET,
    script=f"/home/{SECRET}/train.py",
    git_commit=SECRET,
    suggestion_id=SECRET,
    device=SECRET,
    versions={SECRET: SECRET},
    extra={"output_dir": f"/home/{SECRET}", SECRET: SECRET},
    dataset_id=DATASET.dataset_id,
    dataset_name=DATASET.name,
    n_train=800,
    n_eval=200,
    n_classes=5,
    model="resnet18",
    pretrained=False,
    opt="adamw",
    sched=SECRET,
    augment=SECRET,
    lr=0.00123456789,
    batch_size=64,
    epochs=10,
    dropout=0.1,
    weight_decay=0.05,
    metric="eval_top1",
    metric_higher_is_better=True,
    best_metric=81.23456789,
    best_epoch=8,
    final_metric=80.5,
    epochs_done=10,
)


def pool_of(*runs, datasets=(DATASET,)):
    return make_pool(runs, {one.dataset_id: one for one in datasets}, MODELS)


def test_nothing_leaves_but_what_is_listed():
    texts = pool_of(RUN).texts()
    everything = "".join(texts.values())
    for told in (SECRET, "kestrel", "4711", "/home", "2026", RUN.run_id, "plugin"):
        assert told not in everything, told
    (row,) = map(json.loads, texts[RUNS].splitlines())
    assert row.items() >= {"model": "resnet18", "lr": 0.00123457, "final_metric": 80.5, "augment": "custom"}.items()
    assert "sched" not in row


@given(st.sampled_from([one.name for one in fields(Run)]), st.text(min_size=3))
def test_no_field_takes_a_text_of_its_own_out(name, text):
    text = f"{text}\u00e6\u00df"  # what is in no name of timm's
    changed = replace(RUN, **{name: text})
    try:
        pool = pool_of(changed, datasets=(replace(DATASET, dataset_id=changed.dataset_id),))
    except AttributeError:
        return  # a status or an extra that is none
    for row in pool.runs:
        assert text not in json.loads(row.model_dump_json()).values()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": "kestrel_net"}, "their network is none of timm's"),
        ({"opt": "kestrel"}, "their optimizer is none that advice knows"),
        ({"pretrained": True, "extra": {"checkpoint": "mine.pth"}}, "they started from weights of their own"),
        ({"lr": float("inf")}, "lr is out of its range"),
    ],
)
def test_what_could_tell_something_stays(change, reason):
    pool = pool_of(replace(RUN, **change))
    assert pool.runs == pool.datasets == ()
    assert pool.left_out == {reason: 1}


def test_what_is_written_is_what_is_read(tmp_path):
    other = replace(RUN, run_id="01m88983000000000000000002", lr=0.5, status=Status.DIVERGED, final_metric=None)
    pool = pool_of(RUN, other)
    write_pool(pool, tmp_path / "pool")
    assert read_pool(tmp_path / "pool") == pool
    write_pool(pool, tmp_path / "pool")  # again, into the same folder
    assert sorted(path.name for path in (tmp_path / "pool").iterdir()) == [DATASETS, MANIFEST, RUNS]
    assert [row.run for row in pool.runs] == sorted(row.run for row in pool.runs)


def test_a_shared_run_teaches_what_the_run_does():
    again = to_run(shared_run(RUN), DATASET)
    for name in ("model", "opt", "batch_size", "epochs", "dropout", "weight_decay", "final_metric", "status", "metric"):
        assert getattr(again, name) == getattr(RUN, name), name
    assert again.lr == pytest.approx(RUN.lr, rel=1e-5)
    assert again.dataset_id == DATASET.dataset_id


def test_runs_and_datasets_at_hand_are_not_counted_twice():
    foreign_data = replace(DATASET, dataset_id="theirs", group="theirs")
    foreign = replace(RUN, run_id="01m88983000000000000000003", dataset_id="theirs")
    on_mine = replace(RUN, run_id="01m88983000000000000000004")
    pool = pool_of(RUN, foreign, on_mine, datasets=(DATASET, foreign_data))
    runs, datasets = not_known([pool, pool], [RUN], [DATASET])
    assert len(runs) == 2
    assert {one.dataset_id for one in runs} == {one.dataset_id for one in datasets}
    mine, theirs = sorted(datasets, key=lambda one: one.name.startswith("shared-"))
    assert mine is DATASET  # held out with its own group
    assert theirs.group not in ("theirs", DATASET.group)


@pytest.fixture
def written(tmp_path):
    write_pool(pool_of(RUN), tmp_path)
    return tmp_path


def edited(folder, name, change):
    lines = (folder / name).read_text().splitlines()
    row = json.loads(lines[0])
    change(row)
    (folder / name).write_text(json.dumps(row) + "\n")


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (RUNS, lambda row: row.update(host="kestrel"), "line 1: host: Extra inputs are not permitted"),
        (RUNS, lambda row: row.update(lr=-1), "line 1: lr"),
        (RUNS, lambda row: row.update(model="../etc"), "line 1: model"),
        (RUNS, lambda row: row.update(final_metric=180), "line 1: final_metric"),
        (RUNS, lambda row: row.update(dataset="0" * 24), f"line 1: its dataset is not in {DATASETS}"),
        (RUNS, lambda row: row.pop("epochs"), "line 1: epochs: Field required"),
        (DATASETS, lambda row: row["features"].update({"Frau Muster": 1.0}), "line 1: features"),
        (DATASETS, lambda row: row.update(n_classes=1), "line 1: n_classes"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused_by_file_line_and_field(written, name, change, said):
    edited(written, name, change)
    with pytest.raises(AdvisorError) as caught:
        read_pool(written)
    assert said in str(caught.value.cause)
    assert name in str(caught.value)


def test_a_folder_that_is_no_pool_says_so(tmp_path, written):
    with pytest.raises(AdvisorError, match="no pool"):
        read_pool(tmp_path / "nowhere")
    (written / MANIFEST).write_text('{"schema": "advisor.pool/9"}')
    with pytest.raises(AdvisorError, match="no pool"):
        read_pool(written)
    write_pool(pool_of(RUN), written)
    lines = (written / RUNS).read_text()
    (written / RUNS).write_text(lines + lines)
    with pytest.raises(AdvisorError) as caught:
        read_pool(written)
    assert "2 runs" in caught.value.cause
