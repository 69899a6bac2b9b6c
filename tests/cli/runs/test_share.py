"""``advisor records export --share``: the same is written, previewed and read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from advisor.cli.root import main
from advisor.config import Config
from advisor.records.schema import Dataset, Run, Source, Status
from advisor.records.sharing.pool import RUNS, read_pool
from advisor.records.store.store import Store

DATASET = Dataset(dataset_id="d1", name="our clinic", group="our clinic", n_train=90, n_eval=10, n_classes=3)
RUN = Run(
    run_id="01m88983000000000000000001",
    source=Source.API,
    status=Status.FINISHED,
    name="secret project",
    dataset_id="d1",
    model="resnet18",
    pretrained=False,
    opt="adamw",
    lr=0.001,
    batch_size=64,
    epochs=10,
    dropout=0.1,
    weight_decay=0.05,
    metric="eval_top1",
    final_metric=80.5,
    epochs_done=10,
)


@pytest.fixture
def recorded():
    store = Store(Config()["store"])
    store.put_dataset(DATASET)
    failed = replace(RUN, run_id="01m88983000000000000000002", status=Status.FAILED)
    own = replace(RUN, run_id="01m88983000000000000000003", model="our_net")
    store.add_runs([RUN, failed, own])
    store.close()


def export(*options):
    with pytest.raises(SystemExit) as end:
        main(["records", "export", *options])
    return end.value.code


@pytest.mark.usefixtures("recorded")
def test_the_preview_is_what_is_written_and_the_rest_is_accounted_for(tmp_path, capsys):
    folder = tmp_path / "shared"
    assert not export("--share", str(folder), "--preview")
    previewed = capsys.readouterr()
    assert not folder.exists()
    assert not export("--share", str(folder))
    said = capsys.readouterr()
    written = "".join((folder / name).read_text() for name in ("manifest.json", "datasets.jsonl", "runs.jsonl"))
    assert previewed.out == written
    assert "secret" not in written
    assert "clinic" not in written
    assert said.out == ""
    assert "Not shared: 1 run, as their network is none of timm's." in said.err
    assert "Not shared: 1 run, as they did not finish." in said.err
    assert "Wrote 1 run on 1 dataset" in said.err
    (row,) = read_pool(folder).runs
    for name, value in json.loads((folder / RUNS).read_text()).items():
        assert f"{name} {value}" in said.err  # the first of each is shown whole
    assert row.final_metric == 80.5


def test_nothing_to_share_says_what_to_do(tmp_path, capsys):
    assert export("--share", str(tmp_path / "shared")) == 1
    assert "no run is recorded" in capsys.readouterr().err


@pytest.mark.parametrize("options", [("--preview",), ("--share", "x", "--epochs"), ("--share", "x", "--format", "csv")])
def test_options_that_do_not_go_together_are_refused(options, capsys):
    assert export(*options) == 2
    assert "--share" in capsys.readouterr().err
