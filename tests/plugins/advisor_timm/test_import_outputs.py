"""What old scripts left behind is imported right or refused with a reason: every oddity seen in the wild."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from advisor import ImportedRun, Skipped, Status
from advisor_timm.argsfile import checkpoint_arguments, parse_yaml
from advisor_timm.history import fields_of_arguments, planned_epochs
from advisor_timm.metrics import peak_lr, problem, read_json_lines, read_summary
from advisor_timm.outputs import runs_at

ARGUMENTS: dict[str, Any] = {
    "aa": None, "amp": False, "apex_amp": False, "batch_size": 32, "color_jitter": 0.4, "cooldown_epochs": 0,
    "cutmix": 0.0, "data_dir": "/home/someone/private/flowers", "dataset": "", "drop": 0.1, "drop_path": None,
    "epochs": 3, "eval_metric": "top1", "hflip": 0.5, "img_size": 96, "lr": 0.002, "min_lr": 1e-6, "mixup": 0.0,
    "model": "resnet18", "model_ema": False, "model_ema_force_cpu": False, "native_amp": True, "no_aug": False,
    "num_classes": 5, "opt": "adamw", "pretrained": True, "ratio": [0.75, 1.3333333333333333], "reprob": 0.0,
    "resume": "", "scale": [0.08, 1.0], "sched": "cosine", "seed": 42, "smoothing": 0.1, "vflip": 0.0,
    "warmup_epochs": 1, "weight_decay": 0.05, "workers": 4,
}  # fmt: skip
SUMMARY = (
    "epoch,train_loss,eval_loss,eval_top1,eval_top5\n0,1.5,1.4,40.0,100.0\n1,1.2,1.1,50.0,100.0\n2,1.0,1.2,48.0,100.0\n"
)


def write(
    folder: Path, summary: str | None = SUMMARY, names: tuple[str, str] = ("args.yaml", "summary.csv"), **changed: Any
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(yaml.safe_dump({**ARGUMENTS, **changed}))
    if summary is not None:
        (folder / names[1]).write_text(summary)
    return folder


def read(path: Path, world_size: int | None = None) -> list[ImportedRun | Skipped]:
    found = runs_at(path, world_size)
    return [] if found is None else list(found.items)


def one(path: Path, world_size: int | None = None) -> ImportedRun:
    (item,) = read(path, world_size)
    assert isinstance(item, ImportedRun), item
    return item


def refused(path: Path) -> str:
    (item,) = read(path)
    assert isinstance(item, Skipped), item
    return item.reason


def column(item: ImportedRun, name: str) -> list[Any]:
    return [getattr(epoch, name) for epoch in item.epochs]


def test_arguments_and_table_become_a_record(tmp_path: Path) -> None:
    run = one(write(tmp_path / "my run"), world_size=2).run
    told = {
        "name": "my run", "status": Status.FINISHED, "dataset_name": "flowers", "n_classes": 5, "model": "resnet18",
        "pretrained": True, "img_size": 96, "opt": "adamw", "sched": "cosine", "warmup_epochs": 1.0, "min_lr": 1e-6,
        "lr": 0.002, "batch_size": 64, "epochs": 3, "dropout": 0.1, "weight_decay": 0.05, "label_smoothing": 0.1,
        "mixup": 0.0, "cutmix": 0.0, "augment": "timm-default", "amp": True, "ema": False, "seed": 42, "world_size": 2,
        "grad_accum_steps": 1, "metric": "eval_top1", "metric_higher_is_better": True, "best_metric": 50.0,
        "best_epoch": 1, "final_metric": 48.0, "epochs_done": 3,
    }  # fmt: skip
    assert {name: getattr(run, name) for name in told} == told
    assert run.extra["workers"] == 4
    assert "someone" not in repr(run)


def test_global_batch_size_is_unknown_where_the_number_of_devices_is(tmp_path: Path) -> None:
    item = one(write(tmp_path))
    assert (item.run.batch_size, item.run.extra["batch_size_per_device"]) == (None, 32)
    assert any("--world-size" in note for note in item.notes)


@pytest.mark.parametrize(
    "header",
    [
        "epoch,train_loss,eval_loss,eval_top1,eval_top5",
        "epoch,eval_loss,eval_top1,eval_top5,train_loss",
        "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr",
        "epoch,train_loss,train_lr,eval_loss,eval_top1,eval_top5",
        "epoch,train_loss,train_lr,eval_loss,eval_top1,eval_top5,time",
        "epoch,train_loss,train_top1,eval_loss,eval_top1,eval_top5",
    ],
)
def test_every_header_seen_is_read_by_name(tmp_path: Path, header: str) -> None:
    values = {"epoch": 0, "train_loss": 2.5, "eval_loss": 2.25, "eval_top1": 31.5, "eval_top5": 70.5, "lr": 1e-4,
              "train_lr": '"[1e-04, 1e-04]"', "train_top1": 12.5, "time": 1639214393.5}  # fmt: skip
    line = ",".join(str(values[name]) for name in header.split(","))
    item = one(write(tmp_path, f"{header}\n{line}\n"))
    (epoch,) = item.epochs
    assert (epoch.train_loss, epoch.eval_loss, epoch.eval_top1, epoch.eval_top5) == (2.5, 2.25, 31.5, 70.5)
    assert epoch.lr == (1e-4 if "lr" in header else None)
    assert epoch.train_top1 == (12.5 if "train_top1" in header else None)
    assert (item.run.ended_at is not None) == ("time" in header)


def test_header_repeated_by_a_resume_is_one_run(tmp_path: Path) -> None:
    header = SUMMARY.splitlines()[0]
    text = f"{header}\n0,1.5,1.4,40,90\n1,1.2,1.1,50,90\n{header}\n1,1.3,1.0,51,90\n2,1.0,0.9,60,90\n"
    item = one(write(tmp_path, text))
    assert column(item, "epoch") == [0, 1, 2]
    assert column(item, "eval_top1") == [40.0, 51.0, 60.0]
    assert any("resume" in note for note in item.notes)


def test_second_run_in_the_same_file_owns_the_arguments(tmp_path: Path) -> None:
    items = read(write(tmp_path, SUMMARY + SUMMARY.replace("40.0", "41.0")))
    assert [type(item) for item in items] == [Skipped, ImportedRun]
    assert column(items[1], "eval_top1")[0] == 41.0  # type: ignore[arg-type]
    assert "overwrote" in items[0].reason  # type: ignore[union-attr]


@pytest.mark.parametrize("line", ["2.42", "2,0.9", '3,"[2e-07, 2e-', "x,1,1,1,1", "2.5,1,1,1,1", "-1,1,1,1,1", "\x00"])
def test_stray_line_is_left_out_with_a_note(tmp_path: Path, line: str) -> None:
    item = one(write(tmp_path, SUMMARY + line + "\n"))
    assert column(item, "eval_top1") == [40.0, 50.0, 48.0]
    assert any("line 5" in note for note in item.notes)


def test_field_that_may_be_cut_is_not_taken(tmp_path: Path) -> None:
    item = one(write(tmp_path, SUMMARY.removesuffix("0\n")))
    assert column(item, "eval_top5") == [100.0, 100.0, None]
    assert column(item, "eval_top1") == [40.0, 50.0, 48.0]


def test_nan_loss_is_a_diverged_run(tmp_path: Path) -> None:
    item = one(write(tmp_path, SUMMARY.replace("1.0,1.2,48.0", "nan,nan,20.0")))
    assert item.run.status is Status.DIVERGED
    assert column(item, "train_loss") == [1.5, 1.2, None]


def test_selection_by_loss_keeps_accuracy_as_the_metric(tmp_path: Path) -> None:
    run = one(write(tmp_path, eval_metric="loss")).run
    assert (run.metric, run.best_metric, run.extra["eval_metric"]) == ("eval_top1", 50.0, "loss")


def test_accuracy_of_the_moving_average_is_not_the_models(tmp_path: Path) -> None:
    item = one(write(tmp_path, model_ema=True))
    assert column(item, "ema_eval_top1") == [40.0, 50.0, 48.0]
    assert column(item, "eval_top1") == column(item, "eval_loss") == column(item, "eval_top5") == [None] * 3
    assert item.run.metric == "ema_eval_top1"
    forced = one(write(tmp_path / "cpu", model_ema=True, model_ema_force_cpu=True))
    assert column(forced, "eval_top1") == [40.0, 50.0, 48.0]


def test_cooldown_is_planned_too_and_a_truncated_run_is_interrupted(tmp_path: Path) -> None:
    assert one(write(tmp_path / "a", epochs=2, cooldown_epochs=1)).run.status is Status.FINISHED
    cut = one(write(tmp_path / "b", epochs=300, cooldown_epochs=10)).run
    assert (cut.status, cut.epochs, cut.epochs_done) == (Status.INTERRUPTED, 310, 3)


def test_near_chance_is_percent_and_a_fraction_is_refused(tmp_path: Path) -> None:
    failed = SUMMARY.replace("1.4,40.0", "5.4,0.55").replace("1.1,50.0", "5.3,0.6").replace("1.2,48.0", "5.3,0.5")
    assert one(write(tmp_path / "a", failed, num_classes=200)).run.final_metric == 0.5
    fraction = SUMMARY.replace("1.4,40.0", "0.9,0.6").replace("1.1,50.0", "0.6,0.7").replace("1.2,48.0", "0.3,0.9")
    assert "fractions" in refused(write(tmp_path / "b", fraction))
    assert "outside" in refused(write(tmp_path / "c", SUMMARY.replace("50.0", "150.0")))


def test_resumed_run_in_a_new_folder_says_what_it_continues(tmp_path: Path) -> None:
    text = SUMMARY.replace("\n0,", "\n7,").replace("\n1,", "\n8,").replace("\n2,", "\n9,")
    item = one(write(tmp_path, text, epochs=10, resume="/out/first/last.pth.tar"))
    assert column(item, "epoch") == [7, 8, 9]
    assert (item.continues, item.run.status, item.run.epochs_done) == ("/out/first/last.pth.tar", Status.FINISHED, 10)


def test_one_of_the_two_files_alone_is_refused(tmp_path: Path) -> None:
    assert "arguments without metrics" in refused(write(tmp_path / "a", summary=None))
    lone = tmp_path / "20210714-101934-vit_deit_tiny_patch16_224-224"
    lone.mkdir()
    (lone / "summary.csv").write_text(SUMMARY)
    assert "metrics without arguments" in refused(lone)


def test_pairs_share_a_folder_by_their_suffix(tmp_path: Path) -> None:
    folder = tmp_path / "shared by pairs"
    write(folder, names=("args_s_150.yaml", "summary_s_150.csv"), lr=0.1)
    write(folder, names=("args_s_300-I.yaml", "summary_s_300-I.csv"), lr=0.2)
    (folder / "summary_s_300.csv").write_text(SUMMARY)
    items = read(folder)
    taken = {item.run.name: item.run.lr for item in items if isinstance(item, ImportedRun)}
    assert taken == {"s_150": 0.1, "s_300-I": 0.2}
    assert [Path(item.path).name for item in items if isinstance(item, Skipped)] == ["summary_s_300.csv"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"dataset": "torch/cifar10"}, "torch/cifar10"),
        ({"dataset": "", "data_dir": "/mnt/a b/CUB2/"}, "CUB2"),
        ({"data_dir": None, "data": "/home/user/full_size_pu"}, "full_size_pu"),
        ({"data_dir": "C:\\Users\\me\\flowers"}, "flowers"),
        ({"data_dir": ""}, None),
    ],
)
def test_dataset_is_named_without_its_private_path(given: dict[str, Any], name: str | None) -> None:
    assert fields_of_arguments({**ARGUMENTS, **given}, None)["dataset_name"] == name


def test_lr_base_follows_the_rule_of_train_py() -> None:
    known = {**ARGUMENTS, "lr": None, "lr_base": 0.1, "lr_base_size": 256, "lr_base_scale": ""}
    assert fields_of_arguments(known, None)["lr"] is None
    assert fields_of_arguments(known, 4)["lr"] == pytest.approx(0.1 * math.sqrt(128 / 256))
    assert fields_of_arguments({**known, "opt": "sgd"}, 4)["lr"] == pytest.approx(0.1 * 128 / 256)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"cooldown_epochs": 10},
        {"lr_cycle_limit": 3},
        {"lr_cycle_limit": 3, "lr_cycle_mul": 2.0},
        {"warmup_prefix": True, "warmup_epochs": 5},
        {"sched": "step", "cooldown_epochs": 10},
        {"sched": "tanh", "cooldown_epochs": 3},
        {"sched": "poly", "cooldown_epochs": 3},
        {"sched": "multistep", "cooldown_epochs": 3, "decay_milestones": [5]},
        {"sched": "wsd", "cooldown_epochs": 3, "decay_epochs": 5, "warmup_epochs": 2},
    ],
)
def test_planned_epochs_are_those_of_timms_scheduler(given: dict[str, Any]) -> None:
    from argparse import Namespace

    import torch
    from timm.scheduler import create_scheduler_v2, scheduler_kwargs

    arguments = {**ARGUMENTS, "epochs": 20, "decay_rate": 0.1, "warmup_lr": 1e-5, "decay_epochs": 30, **given}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    _, epochs = create_scheduler_v2(optimizer, **scheduler_kwargs(Namespace(**arguments)))
    assert planned_epochs(arguments) == epochs


def test_checkpoint_tells_the_resolved_arguments(tmp_path: Path) -> None:
    from argparse import Namespace

    import torch

    folder = write(tmp_path, lr=None, lr_base=0.1)
    resolved = Namespace(**{**ARGUMENTS, "lr": 0.05, "world_size": 4})
    torch.save({"args": resolved, "state_dict": {"w": torch.zeros(3)}}, folder / "last.pth.tar")
    assert (one(folder).run.lr, one(folder).run.batch_size) == (0.05, 128)
    (folder / "args.yaml").unlink()
    assert one(folder).run.lr == 0.05


def test_checkpoint_that_would_run_code_is_not_loaded(tmp_path: Path) -> None:
    import torch

    class Danger:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    folder = write(tmp_path / "run")
    torch.save({"args": Danger()}, folder / "last.pth.tar")
    assert one(folder).run.lr == 0.002
    assert not (tmp_path / "ran").exists()
    assert checkpoint_arguments(["last.pth.tar"], folder) is None


def test_growing_run_keeps_its_id_and_another_has_its_own(tmp_path: Path) -> None:
    shorter = "".join(SUMMARY.splitlines(keepends=True)[:2])
    ids = [one(write(tmp_path / "a" / "run", text)).run.run_id for text in (shorter, SUMMARY)]
    moved = one(write(tmp_path / "b" / "run")).run.run_id
    known = one(write(tmp_path / "a" / "run"), world_size=8).run.run_id
    assert ids[0] == ids[1] == moved == known
    assert one(write(tmp_path / "a" / "run", lr=0.1)).run.run_id != moved
    assert one(write(tmp_path / "a" / "other")).run.run_id != moved


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def log(epoch: int, **values: Any) -> dict[str, Any]:
    return {"train_lr": 1e-3 / (1 + epoch), "train_loss": 2.0, "test_loss": 1.0, "test_acc1": 50.0 + epoch,
            "test_acc5": 90.0, "epoch": epoch, "n_parameters": 5_000_000, **values}  # fmt: skip


def test_json_lines_without_arguments_are_a_run_that_is_mostly_unknown(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(lines(log(0), log(1)))
    item = one(tmp_path)
    run = item.run
    assert (run.num_params, run.lr, run.model, run.epochs, run.batch_size) == (5_000_000, 1e-3, None, None, None)
    assert (run.status, run.best_metric, run.epochs_done) == (Status.STALE, 51.0, 2)


def test_json_lines_with_arguments_beside(tmp_path: Path) -> None:
    told = {"model": "convnext_tiny", "lr": 1e-3, "epochs": 2, "batch_size": 64, "update_freq": 2, "world_size": 8,
            "opt": "adamw", "data_set": "IMNET", "nb_classes": 1000, "input_size": 224, "cooldown_epochs": 10,
            "sched": "cosine", "weight_decay": 0.05}  # fmt: skip
    (tmp_path / "opt.json").write_text(json.dumps(told))
    (tmp_path / "log.txt").write_text(lines(log(0), log(1)))
    run = one(tmp_path).run
    assert (run.batch_size, run.epochs, run.n_classes, run.img_size, run.dataset_name) == (1024, 2, 1000, 224, "IMNET")
    assert (run.status, run.lr) == (Status.FINISHED, 1e-3)
    (tmp_path / "opt.json").write_text(json.dumps({**told, "lr": 1e-4}))
    assert one(tmp_path).run.lr == 1e-3  # DeiT scales it by the batch size


def test_json_lines_with_nan_text_numbers_and_averages() -> None:
    text = '{"epoch": "0", "train_loss": NaN, "test_acc1": "12.5", "test_acc1_ema": 10.0}\n'
    text += '{"epoch": 1, "test_acc1": 13.0, "ema_test_acc1": 11.0, "train_class_acc": 0.25}\n'
    found = read_json_lines(text)
    assert found is not None
    first, second = found.runs[0]
    assert (first["eval_top1"], first["ema_eval_top1"], math.isnan(first["train_loss"])) == (12.5, 10.0, True)
    assert (second["eval_top1"], second["ema_eval_top1"], second["train_top1"]) == (13.0, 11.0, 25.0)


def test_json_lines_of_several_runs_are_several_runs(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(lines(log(0), log(1), log(0, n_parameters=7), log(1), log(2, n_parameters=7)))
    items = read(tmp_path)
    assert [len(item.epochs) for item in items] == [2, 3]  # type: ignore[union-attr]
    assert len({item.run.run_id for item in items}) == 2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([{"epoch": 0, "train_loss": 1.0, "train_lr": 1e-3}], "pretraining"),
        ([{"epoch": 0, "test_mAP": 30.0}], "test_mAP"),
        ([{"epoch": 0, "test_f1": 0.3, "test_loss": 1.0}], "test_f1"),
    ],
)
def test_logs_without_top1_are_refused(tmp_path: Path, records: list[dict[str, Any]], reason: str) -> None:
    (tmp_path / "log.txt").write_text(lines(*records))
    assert reason in refused(tmp_path)


def test_training_without_evaluation_is_refused(tmp_path: Path) -> None:
    assert "evaluation" in refused(write(tmp_path, "epoch,train_loss,lr\n0,1.0,0.1\n"))
    assert "no finished epoch" in refused(write(tmp_path / "b", SUMMARY.splitlines()[0] + "\n"))


def test_files_of_others_are_not_runs(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("epoch one was good")
    (tmp_path / "args.yaml").write_text("host: localhost\nport: 80\n")
    assert read(tmp_path) == []
    (tmp_path / "summary.csv").write_text("name,value\na,1\n")
    assert "not timm's" in refused(tmp_path)


def test_unreadable_file_is_refused_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "args.yaml").write_bytes(b"\xff\xfe: [broken")
    assert "metrics without arguments" in refused(folder)


def test_peak_is_known_only_after_the_schedule_came_down() -> None:
    assert peak_lr([{"lr": 0.1}, {"lr": 0.2}]) is None
    assert peak_lr([{"lr": 0.2}, {"lr": 0.2}]) is None
    assert peak_lr([{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.1}]) == 0.2


ODD = ["1e-3", "yes", "~", "a: b", "a #b", "#", "- a", "---", "...", "'", '"', "[1, 2]", "{}", "0x1f", "="]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=20),
    st.sampled_from(ODD),
)
LINES = ["a: 1", "b:", "- x", "- 2", "c: {}", "d: []", "e: 'x", "  y", "f: |", "# z", "", "on: 1", "g: - h", "a:2",
         "b: c: d", "h: \u2028", "---", "i: ---", "j: ? k"]  # fmt: skip


@given(
    st.dictionaries(st.text(max_size=8) | st.from_regex(r"[a-z_]{1,8}", fullmatch=True), SCALARS | st.lists(SCALARS))
)
def test_flat_yaml_reads_as_yaml_does(values: dict[str, Any]) -> None:
    text = yaml.safe_dump(values)
    assert repr(parse_yaml(text)) == repr(yaml.safe_load(text))


@given(st.lists(st.sampled_from(LINES), max_size=8))
def test_any_yaml_reads_as_yaml_does(parts: list[str]) -> None:
    text = "\n".join(parts)
    try:
        expected = yaml.safe_load(text)
    except yaml.YAMLError:
        expected = None
    assert repr(parse_yaml(text)) == repr(expected if isinstance(expected, dict) else None)


@given(st.text())
def test_no_text_breaks_a_reader(text: str) -> None:
    for found in (read_summary(text), read_summary(SUMMARY + text), read_json_lines(text)):
        assert found is None or all(row["epoch"] >= 0 for rows in found.runs for row in rows)
    parse_yaml(text)


PERCENT = st.floats(0, 100)
ROWS = st.lists(st.tuples(st.floats(0, 20), PERCENT, PERCENT), min_size=1, max_size=8)


@given(ROWS, st.integers(0, 500), st.permutations(["epoch", "train_loss", "eval_top1", "eval_top5"]))
def test_what_was_written_is_read(rows: list[tuple[float, ...]], first: int, header: list[str]) -> None:
    header.insert(0, header.pop(header.index("epoch")))
    names = ["epoch", "train_loss", "eval_top1", "eval_top5"]
    written = [dict(zip(names, (first + i, *values), strict=True)) for i, values in enumerate(rows)]
    text = io.StringIO()
    table = csv.DictWriter(text, header)
    table.writeheader()
    table.writerows(written)
    found = read_summary(text.getvalue())
    assert found is not None
    assert found.runs == [written]
    in_logs = {"eval_top1": "test_acc1", "eval_top5": "test_acc5"}
    logged = [{in_logs.get(name, name): value for name, value in row.items()} for row in written]
    again = read_json_lines(lines(*logged))
    assert again is not None
    assert again.runs == [written]
    assert problem(written, header) is None


@pytest.mark.skipif(
    "ADVISOR_TEST_DATA" not in os.environ, reason="ADVISOR_TEST_DATA names no folder with timm_outputs/"
)
def test_outputs_from_the_wild_are_taken_or_refused_and_none_is_passed_over() -> None:
    root = Path(os.environ["ADVISOR_TEST_DATA"]) / "timm_outputs"
    items = [item for folder, _, _ in os.walk(root) for item in read(Path(folder))]
    taken = [item for item in items if isinstance(item, ImportedRun)]
    reasons = Counter(item.reason.split(":")[0].split(",")[0] for item in items if isinstance(item, Skipped))
    assert reasons == {
        "metrics without arguments": 3,
        "arguments without metrics": 2,
        "no evaluation accuracy": 3,
    }
    assert Counter(item.run.status for item in taken) == {
        Status.FINISHED: 34, Status.INTERRUPTED: 13, Status.STALE: 13,
    }  # fmt: skip
    files = {path for path in root.rglob("*.*") if path.is_file() and path.name != "README.md"}
    metrics = {path for path in files if path.name.startswith("summary") or path.suffix == ".txt"}
    assert metrics <= {Path(item.path) for item in items}
    assert len({item.run.run_id for item in taken}) == len(taken) == 60
    for item in taken:
        scores = [e.eval_top1 if e.eval_top1 is not None else e.ema_eval_top1 for e in item.epochs]
        assert all(score is not None and 0 <= score <= 100 for score in scores)
        assert [e.epoch for e in item.epochs] == list(range(len(item.epochs)))
    # Three folders say in their name what came out of them, in percent and rounded.
    best = {item.run.name: item.run.best_metric for item in taken}
    assert round(best["cub_7.0e-05_fc_46EP_88.2"] or 0, 1) == 88.2
    assert round(best["car_7e-5_93.4"] or 0, 1) == 93.4
    assert round(best["eva-l_ft_1k_cls_sz196_50ep_88p0"] or 0, 1) == 88.0
