"""What old scripts left behind is imported right or refused with a reason: every oddity seen in the wild."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from advisor import ImportedRun, Skipped, Status


def column(item: ImportedRun, name: str) -> list[Any]:
    return [getattr(epoch, name) for epoch in item.epochs]


def test_arguments_and_table_become_a_record(outputs, tmp_path: Path) -> None:
    run = outputs.taken(outputs.write(tmp_path / "my run"), world_size=2).run
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
    assert (run.extra["dataset_root"], run.extra["model_num_classes"]) == ("/home/someone/private/flowers", 5)


def test_global_batch_size_is_unknown_where_the_number_of_devices_is(outputs, tmp_path: Path) -> None:
    item = outputs.taken(outputs.write(tmp_path))
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
def test_every_header_seen_is_read_by_name(outputs, tmp_path: Path, header: str) -> None:
    values = {"epoch": 0, "train_loss": 2.5, "eval_loss": 2.25, "eval_top1": 31.5, "eval_top5": 70.5, "lr": 1e-4,
              "train_lr": '"[1e-04, 1e-04]"', "train_top1": 12.5, "time": 1639214393.5}  # fmt: skip
    line = ",".join(str(values[name]) for name in header.split(","))
    item = outputs.taken(outputs.write(tmp_path, f"{header}\n{line}\n"))
    (epoch,) = item.epochs
    assert (epoch.train_loss, epoch.eval_loss, epoch.eval_top1, epoch.eval_top5) == (2.5, 2.25, 31.5, 70.5)
    assert epoch.lr == (1e-4 if "lr" in header else None)
    assert epoch.train_top1 == (12.5 if "train_top1" in header else None)
    assert item.run.ended_at is not None
    assert (item.run.ended_at.year == 2021) == ("time" in header)  # else when the file was changed


def test_header_repeated_by_a_resume_is_one_run(outputs, tmp_path: Path) -> None:
    header = outputs.header
    text = f"{header}\n0,1.5,1.4,40,90\n1,1.2,1.1,50,90\n{header}\n1,1.3,1.0,51,90\n2,1.0,0.9,60,90\n"
    item = outputs.taken(outputs.write(tmp_path, text))
    assert column(item, "epoch") == [0, 1, 2]
    assert column(item, "eval_top1") == [40.0, 51.0, 60.0]
    assert any("resume" in note for note in item.notes)


def test_second_run_in_the_same_file_owns_the_arguments(outputs, tmp_path: Path) -> None:
    items = outputs.read(outputs.write(tmp_path, outputs.summary + outputs.summary.replace("40.0", "41.0")))
    assert [type(item) for item in items] == [Skipped, ImportedRun]
    assert column(items[1], "eval_top1")[0] == 41.0  # type: ignore[arg-type]
    assert "overwrote" in items[0].reason  # type: ignore[union-attr]


@pytest.mark.parametrize("line", ["2.42", "2,0.9", '3,"[2e-07, 2e-', "x,1,1,1,1", "2.5,1,1,1,1", "-1,1,1,1,1", "\x00"])
def test_stray_line_is_left_out_with_a_note(outputs, tmp_path: Path, line: str) -> None:
    item = outputs.taken(outputs.write(tmp_path, outputs.summary + line + "\n"))
    assert column(item, "eval_top1") == [40.0, 50.0, 48.0]
    assert any("line 5" in note for note in item.notes)


def test_field_that_may_be_cut_is_not_taken(outputs, tmp_path: Path) -> None:
    item = outputs.taken(outputs.write(tmp_path, outputs.summary.removesuffix("0\n")))
    assert column(item, "eval_top5") == [100.0, 100.0, None]
    assert column(item, "eval_top1") == [40.0, 50.0, 48.0]


def test_nan_loss_is_a_diverged_run(outputs, tmp_path: Path) -> None:
    item = outputs.taken(outputs.write(tmp_path, outputs.summary.replace("1.0,1.2,48.0", "nan,nan,20.0")))
    assert item.run.status is Status.DIVERGED
    assert column(item, "train_loss") == [1.5, 1.2, None]


def test_selection_by_loss_keeps_accuracy_as_the_metric(outputs, tmp_path: Path) -> None:
    run = outputs.taken(outputs.write(tmp_path, eval_metric="loss")).run
    assert (run.metric, run.best_metric, run.extra["eval_metric"]) == ("eval_top1", 50.0, "loss")


def test_accuracy_of_the_moving_average_is_not_the_models(outputs, tmp_path: Path) -> None:
    item = outputs.taken(outputs.write(tmp_path, model_ema=True))
    assert column(item, "ema_eval_top1") == [40.0, 50.0, 48.0]
    assert column(item, "eval_top1") == column(item, "eval_loss") == column(item, "eval_top5") == [None] * 3
    assert item.run.metric == "ema_eval_top1"
    forced = outputs.taken(outputs.write(tmp_path / "cpu", model_ema=True, model_ema_force_cpu=True))
    assert column(forced, "eval_top1") == [40.0, 50.0, 48.0]


def test_cooldown_is_planned_too_and_a_truncated_run_is_interrupted(outputs, tmp_path: Path) -> None:
    assert outputs.taken(outputs.write(tmp_path / "a", epochs=2, cooldown_epochs=1)).run.status is Status.FINISHED
    cut = outputs.taken(outputs.write(tmp_path / "b", epochs=300, cooldown_epochs=10)).run
    assert (cut.status, cut.epochs, cut.epochs_done) == (Status.INTERRUPTED, 310, 3)


def test_near_chance_is_percent_and_a_fraction_is_not(outputs, tmp_path: Path) -> None:
    def summary(*scores: tuple[float, float]) -> str:
        lines = (f"{epoch},1.5,{loss},{score},1.0" for epoch, (loss, score) in enumerate(scores))
        return "\n".join([outputs.summary.splitlines()[0], *lines]) + "\n"

    failed = summary((5.4, 0.55), (5.3, 0.6), (5.3, 0.5))
    assert outputs.taken(outputs.write(tmp_path / "a", failed, num_classes=200)).run.final_metric == 0.5
    # Guessing among ten classes scores 10 %, so no loss this small goes with less than 1 %.
    fractions = summary((1.5, 0.5), (1.3, 0.6), (1.15, 0.75))
    told = outputs.taken(outputs.write(tmp_path / "b", fractions, num_classes=10))
    assert column(told, "eval_top1") == [50.0, 60.0, 75.0]
    assert column(told, "eval_top5") == [100.0] * 3
    assert any("fractions" in note for note in told.notes)
    sure = summary((1.5, 0.5), (0.6, 0.9))
    assert "fractions" in outputs.refused(outputs.write(tmp_path / "c", sure, num_classes=None))
    assert "fractions" in outputs.refused(outputs.write(tmp_path / "f", fractions, num_classes=200))
    assert "outside" in outputs.refused(outputs.write(tmp_path / "d", outputs.summary.replace("50.0", "150.0")))
    apart = outputs.taken(outputs.write(tmp_path / "e", summary((2.5, 0.9), (9.0, 0.9)), num_classes=10))
    assert apart.run.final_metric == 0.9  # one class that is always answered, and a loss worse than guessing's


def test_resumed_run_in_a_new_folder_says_what_it_continues(outputs, tmp_path: Path) -> None:
    text = outputs.summary.replace("\n0,", "\n7,").replace("\n1,", "\n8,").replace("\n2,", "\n9,")
    item = outputs.taken(outputs.write(tmp_path, text, epochs=10, resume="/out/first/last.pth.tar"))
    assert column(item, "epoch") == [7, 8, 9]
    assert (item.continues, item.run.status, item.run.epochs_done) == ("/out/first/last.pth.tar", Status.FINISHED, 10)


def test_one_of_the_two_files_alone_is_refused(outputs, tmp_path: Path) -> None:
    assert "arguments without metrics" in outputs.refused(outputs.write(tmp_path / "a", summary=None))
    lone = tmp_path / "20210714-101934-vit_deit_tiny_patch16_224-224"
    lone.mkdir()
    (lone / "summary.csv").write_text(outputs.summary)
    assert "metrics without arguments" in outputs.refused(lone)


def test_pairs_share_a_folder_by_their_suffix(outputs, tmp_path: Path) -> None:
    folder = tmp_path / "shared by pairs"
    outputs.write(folder, names=("args_s_150.yaml", "summary_s_150.csv"), lr=0.1)
    outputs.write(folder, names=("args_s_300-I.yaml", "summary_s_300-I.csv"), lr=0.2)
    (folder / "summary_s_300.csv").write_text(outputs.summary)
    items = outputs.read(folder)
    taken = {item.run.name: item.run.lr for item in items if isinstance(item, ImportedRun)}
    assert taken == {"s_150": 0.1, "s_300-I": 0.2}
    assert [Path(item.path).name for item in items if isinstance(item, Skipped)] == ["summary_s_300.csv"]


def test_growing_run_keeps_its_id_and_another_has_its_own(outputs, tmp_path: Path) -> None:
    shorter = "".join(outputs.summary.splitlines(keepends=True)[:2])
    ids = [outputs.taken(outputs.write(tmp_path / "a" / "run", text)).run.run_id for text in (shorter, outputs.summary)]
    moved = outputs.taken(outputs.write(tmp_path / "b" / "run")).run.run_id
    known = outputs.taken(outputs.write(tmp_path / "a" / "run"), world_size=8).run.run_id
    assert ids[0] == ids[1] == moved == known
    assert outputs.taken(outputs.write(tmp_path / "a" / "run", lr=0.1)).run.run_id != moved
    assert outputs.taken(outputs.write(tmp_path / "a" / "other")).run.run_id != moved


def test_json_lines_without_arguments_are_a_run_that_is_mostly_unknown(outputs, tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(outputs.json_lines(outputs.logged(0), outputs.logged(1)))
    item = outputs.taken(tmp_path)
    run = item.run
    assert (run.num_params, run.lr, run.model, run.epochs, run.batch_size) == (5_000_000, 1e-3, None, None, None)
    assert (run.status, run.best_metric, run.epochs_done) == (Status.STALE, 51.0, 2)


def test_json_lines_with_arguments_beside(outputs, tmp_path: Path) -> None:
    told = {"model": "convnext_tiny", "lr": 1e-3, "epochs": 2, "batch_size": 64, "update_freq": 2, "world_size": 8,
            "opt": "adamw", "data_set": "IMNET", "nb_classes": 1000, "input_size": 224, "cooldown_epochs": 10,
            "sched": "cosine", "weight_decay": 0.05}  # fmt: skip
    (tmp_path / "opt.json").write_text(json.dumps(told))
    (tmp_path / "log.txt").write_text(outputs.json_lines(outputs.logged(0), outputs.logged(1)))
    run = outputs.taken(tmp_path).run
    assert (run.batch_size, run.epochs, run.n_classes, run.img_size, run.dataset_name) == (1024, 2, 1000, 224, "IMNET")
    assert (run.status, run.lr) == (Status.FINISHED, 1e-3)
    (tmp_path / "opt.json").write_text(json.dumps({**told, "lr": 1e-4}))
    assert outputs.taken(tmp_path).run.lr == 1e-3  # DeiT scales it by the batch size


def test_json_lines_of_several_runs_are_several_runs(outputs, tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(
        outputs.json_lines(
            outputs.logged(0),
            outputs.logged(1),
            outputs.logged(0, n_parameters=7),
            outputs.logged(1),
            outputs.logged(2, n_parameters=7),
        )
    )
    items = outputs.read(tmp_path)
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
def test_logs_without_top1_are_refused(outputs, tmp_path: Path, records: list[dict[str, Any]], reason: str) -> None:
    (tmp_path / "log.txt").write_text(outputs.json_lines(*records))
    assert reason in outputs.refused(tmp_path)


def test_training_without_evaluation_is_refused(outputs, tmp_path: Path) -> None:
    assert "evaluation" in outputs.refused(outputs.write(tmp_path, "epoch,train_loss,lr\n0,1.0,0.1\n"))
    assert "no finished epoch" in outputs.refused(outputs.write(tmp_path / "b", outputs.header + "\n"))


def test_files_of_others_are_not_runs(outputs, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("epoch one was good")
    (tmp_path / "args.yaml").write_text("host: localhost\nport: 80\n")
    assert outputs.read(tmp_path) == []
    (tmp_path / "summary.csv").write_text("name,value\na,1\n")
    assert "not timm's" in outputs.refused(tmp_path)


def test_unreadable_file_is_refused_by_name(outputs, tmp_path: Path) -> None:
    folder = outputs.write(tmp_path)
    (folder / "args.yaml").write_bytes(b"\xff\xfe: [broken")
    assert "metrics without arguments" in outputs.refused(folder)


@pytest.mark.skipif(
    "ADVISOR_TEST_DATA" not in os.environ, reason="ADVISOR_TEST_DATA names no folder with timm_outputs/"
)
def test_outputs_from_the_wild_are_taken_or_refused_and_none_is_passed_over(outputs) -> None:
    root = Path(os.environ["ADVISOR_TEST_DATA"]) / "timm_outputs"
    items = [item for folder, _, _ in os.walk(root) for item in outputs.read(Path(folder))]
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


def test_a_log_of_every_process_is_one_run_and_tells_how_many_devices(outputs, tmp_path: Path) -> None:
    told = {"model": "convnext_tiny", "lr": 1e-3, "epochs": 2, "batch_size": 64, "opt": "adamw", "sched": "cosine"}
    lines = outputs.json_lines(told, outputs.logged(0), outputs.logged(1))
    for rank in (0, 1, 2, 10):
        (tmp_path / f"log_rank{rank}.txt").write_text(lines)
    items = outputs.read(tmp_path)
    (item,) = (item for item in items if isinstance(item, ImportedRun))
    assert (item.run.name, item.run.world_size, item.run.batch_size) == (tmp_path.name, 4, 256)
    assert item.path.endswith("log_rank0.txt")
    reasons = [item.reason for item in items if isinstance(item, Skipped)]
    assert len(reasons) == 3
    assert all("log_rank0.txt" in reason for reason in reasons)


def test_arguments_on_the_first_line_of_a_log_are_the_runs(outputs, tmp_path: Path) -> None:
    told = {"model": "deit_tiny_patch16_224", "lr": 1e-3, "epochs": 2, "batch_size": 8, "opt": "adamw", "world_size": 2,
            "sched": "cosine", "data_path": "/data/leaves", "nb_classes": 5}  # fmt: skip
    (tmp_path / "log.txt").write_text("\n" + outputs.json_lines(told, outputs.logged(0), outputs.logged(1)))
    run = outputs.taken(tmp_path).run
    assert (run.model, run.batch_size, run.epochs, run.status) == (told["model"], 16, 2, Status.FINISHED)
    assert (run.extra["dataset_root"], run.n_classes) == ("/data/leaves", 5)


def test_arguments_of_other_tools_are_named_or_passed_over(outputs, tmp_path: Path) -> None:
    yolo = "task: classify\nmode: train\nmodel: yolo11n-cls.pt\nepochs: 9\nimgsz: 64\nweight_decay: 0.1\nlr0: 0.1\n"
    (tmp_path / "args.yaml").write_text(yolo)
    assert "Ultralytics" in outputs.refused(tmp_path)
    (tmp_path / "args.yaml").write_text("epochs: 9\nweight_decay: 0.1\nwarmup_epochs: 2\n")
    assert outputs.read(tmp_path) == []


def test_accuracies_under_their_name_of_2019_are_taken(outputs, tmp_path: Path) -> None:
    old = outputs.summary.replace("top1", "prec1").replace("top5", "prec5")
    item = outputs.taken(outputs.write(tmp_path, old, eval_metric="prec1"))
    assert column(item, "eval_top1") == [40.0, 50.0, 48.0]
    assert column(item, "eval_top5") == [100.0] * 3
    assert item.run.metric == "eval_top1"


def test_times_are_those_of_the_folder_and_of_the_files(outputs, tmp_path: Path) -> None:
    stamped = outputs.write(tmp_path / "20210714-101934-resnet18-96")
    run = outputs.taken(stamped).run
    assert run.started_at is not None
    assert run.started_at.astimezone().strftime("%Y%m%d-%H%M%S") == "20210714-101934"
    plain = outputs.write(tmp_path / "plain")
    os.utime(plain / "args.yaml", (1_600_000_000, 1_600_000_000))
    os.utime(plain / "summary.csv", (1_600_000_900, 1_600_000_900))
    run = outputs.taken(plain).run
    assert run.started_at is not None
    assert run.ended_at is not None
    assert (run.started_at.timestamp(), run.ended_at.timestamp()) == (1_600_000_000, 1_600_000_900)
    os.utime(plain / "args.yaml", (1_600_001_000, 1_600_001_000))  # written again later: nothing tells the start
    assert outputs.taken(plain).run.started_at is None


def test_one_file_of_strange_values_loses_no_other(outputs, tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    outputs.write(folder, names=("args_a.yaml", "summary_a.csv"))
    outputs.write(folder, names=("args_b.yaml", "summary_b.csv"), epochs=2**63, batch_size=2**70, seed=[1], lr={"a": 1})
    huge = outputs.summary + f"{2**63},1,1,1,1\n" + "1e400,1,1,1,1\n"
    outputs.write(folder, huge, names=("args_c.yaml", "summary_c.csv"))
    runs = {item.run.name: item.run for item in outputs.read(folder) if isinstance(item, ImportedRun)}
    assert set(runs) == {"a", "b", "c"}
    assert (runs["b"].epochs, runs["b"].batch_size, runs["b"].seed, runs["b"].lr) == (None, None, None, None)
    assert runs["c"].epochs_done == 3


def test_a_link_that_leads_back_to_itself_is_passed_over(outputs, tmp_path: Path) -> None:
    folder = outputs.write(tmp_path)
    (folder / "last.pth.tar").symlink_to("last.pth.tar")
    assert outputs.taken(folder).run.model == "resnet18"
