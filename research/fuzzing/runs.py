"""Small outputs of past trainings, as each importer reads them, to be damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

_EPOCHS = 4
_ARGUMENTS = {
    "model": "resnet18",
    "opt": "sgd",
    "lr": 0.05,
    "weight_decay": 0.0001,
    "batch_size": 64,
    "epochs": _EPOCHS,
    "drop": 0.1,
    "pretrained": True,
    "num_classes": 10,
    "data_dir": "/data/pets",
    "sched": "cosine",
    "mixup": 0.2,
    "seed": 42,
}


def _metrics(epoch: int) -> dict[str, float]:
    top1 = 40.0 + 10 * epoch
    return {"train_loss": 2.3 / (epoch + 1), "eval_loss": 2.4 / (epoch + 1), "eval_top1": top1, "eval_top5": 95.0}


def _timm_output(root: Path) -> Path:
    folder = root / "20240301-101010-resnet18-224"
    folder.mkdir()
    (folder / "args.yaml").write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in _ARGUMENTS.items()))
    names = list(_metrics(0))
    lines = [",".join(["epoch", *names, "lr"])]
    lines += [",".join(map(str, (epoch, *_metrics(epoch).values(), 0.05))) for epoch in range(_EPOCHS)]
    (folder / "summary.csv").write_text("\n".join(lines) + "\n")
    return root


def _json_log(root: Path) -> Path:
    lines = [json.dumps(_ARGUMENTS)]
    for epoch in range(_EPOCHS):
        top1 = _metrics(epoch)["eval_top1"]
        row = {"train_lr": 0.05, "train_loss": 1.0, "test_loss": 1.1, "test_acc1": top1, "test_acc5": 95.0}
        lines.append(json.dumps({**row, "epoch": epoch, "n_parameters": 11_000_000}))
    (root / "log.txt").write_text("\n".join(lines) + "\n")
    return root


def _mlflow(root: Path) -> Path:
    run_id = "0123456789abcdef0123456789abcdef"
    run = root / "mlruns" / "1" / run_id
    for part in ("params", "metrics", "tags"):
        (run / part).mkdir(parents=True)
    (run.parent / "meta.yaml").write_text("experiment_id: '1'\nname: pets\nlifecycle_stage: active\n")
    (run / "meta.yaml").write_text(
        f"run_id: {run_id}\nrun_uuid: {run_id}\nexperiment_id: '1'\nlifecycle_stage: active\nrun_name: first\n"
        "status: 3\nstart_time: 1700000000000\nend_time: 1700000600000\n"
    )
    for name, value in _ARGUMENTS.items():
        (run / "params" / name).write_text(str(value))
    for name in _metrics(0):
        rows = [f"{1700000000000 + 60000 * epoch} {_metrics(epoch)[name]} {epoch}\n" for epoch in range(_EPOCHS)]
        (run / "metrics" / name).write_text("".join(rows))
    return root


def _wandb_table(root: Path) -> Path:
    names = ["Name", "State", "Created", "Runtime", *_ARGUMENTS, "eval_top1", "train_loss"]
    rows: list[list[object]] = [
        ["first", "finished", "2024-03-01T10:10:10.000Z", "600", *_ARGUMENTS.values(), 70.0, 0.5],
        ["second", "crashed", "2024-03-02T10:10:10.000Z", "60", *_ARGUMENTS.values(), 50.0, 1.5],
    ]
    rows.insert(0, [*names])
    (root / "wandb_export.csv").write_text("\n".join(",".join(f'"{cell}"' for cell in row) for row in rows))
    return root


def _wandb_json(root: Path) -> Path:
    runs = [{"name": "first", "config": _ARGUMENTS, "summary": {**_metrics(3), "_runtime": 600}, "state": "finished"}]
    (root / "runs.json").write_text(json.dumps(runs, indent=1))
    return root


def _wandb_folder(root: Path) -> Path:
    folder = root / "wandb" / "run-20240301_101010-abc123"
    files = folder / "files"
    files.mkdir(parents=True)
    config = {name: {"desc": None, "value": value} for name, value in _ARGUMENTS.items()}
    (files / "config.yaml").write_text(json.dumps(config, indent=1))
    (files / "wandb-summary.json").write_text(json.dumps({**_metrics(3), "epoch": 3, "_runtime": 600}))
    (files / "wandb-metadata.json").write_text(json.dumps({"program": "train.py", "git": {"commit": "abc"}}))
    history = [json.dumps({"epoch": epoch, "_step": epoch, **_metrics(epoch)}) for epoch in range(_EPOCHS)]
    (folder / "wandb-history.jsonl").write_text("\n".join(history))
    return root


def _optuna_journal(root: Path) -> Path:
    worker = {"worker_id": "w"}
    operations: list[dict[str, object]] = [{"op_code": 0, **worker, "study_name": "pets", "directions": [2]}]
    for trial in range(3):
        operations.append({"op_code": 4, **worker, "study_id": 0, "datetime_start": "2024-03-01T10:10:10.000000"})
        for name, value in (("lr", 0.01 * (trial + 1)), ("weight_decay", 0.001)):
            spread = json.dumps(
                {"name": "FloatDistribution", "attributes": {"step": None, "low": 1e-5, "high": 1.0, "log": True}}
            )
            operations.append(
                {
                    "op_code": 5,
                    **worker,
                    "trial_id": trial,
                    "param_name": name,
                    "param_value_internal": value,
                    "distribution": spread,
                }
            )
        operations.append(
            {
                "op_code": 6,
                **worker,
                "trial_id": trial,
                "state": 1,
                "values": [50.0 + trial],
                "datetime_complete": "2024-03-01T10:20:10.000000",
            }
        )
    (root / "journal.log").write_text("".join(json.dumps(operation) + "\n" for operation in operations))
    return root / "journal.log"


RUNS: dict[str, Callable[[Path], Path]] = {
    "timm": _timm_output,
    "json log": _json_log,
    "mlflow": _mlflow,
    "wandb table": _wandb_table,
    "wandb json": _wandb_json,
    "wandb folder": _wandb_folder,
    "optuna journal": _optuna_journal,
}
"""What writes past runs into an empty folder and returns what to give ``advisor records import``."""
