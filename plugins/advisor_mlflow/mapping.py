"""What the params and metrics of an MLflow run mean as a record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from advisor import ImportedRun, Skipped, Source, Status, imported_run
from advisor_mlflow.tracked import Tracked
from advisor_timm.importing.aliases import timm_arguments
from advisor_timm.importing.epoch_logs import problem
from advisor_timm.importing.history import fields_of_arguments, planned_epochs

# Metric of Epoch: the names it goes by, in order of preference. ``percent`` ones may be fractions.
_METRICS = {
    "eval_top1": ("eval_top1", "val_top1", "test_top1", "val_acc1", "test_acc1", "val_acc", "val_accuracy", "eval_acc",
                  "eval_accuracy", "test_acc", "test_accuracy"),
    "eval_top5": ("eval_top5", "val_top5", "test_top5", "val_acc5", "test_acc5"),
    "eval_loss": ("eval_loss", "val_loss", "test_loss"),
    "train_loss": ("train_loss", "loss"),
    "train_top1": ("train_top1", "train_acc1", "train_acc", "train_accuracy"),
    "ema_eval_top1": ("ema_eval_top1", "eval_top1_ema", "val_top1_ema", "test_acc1_ema"),
    "lr": ("lr", "learning_rate"),
}  # fmt: skip
SUGGESTION_TAG = "advisor.suggestion_id"
"""Names the advice that a run followed; ``advisor_mlflow.tag_run`` sets it."""
_GENERIC = ("acc", "accuracy")
"""Ends of names whose values are fractions by the custom of most libraries, where none exceeds 1."""
_STATUS = {"FAILED": "FAILED", "KILLED": "INTERRUPTED", "RUNNING": "STALE", "FINISHED": "FINISHED"}


def record(tracked: Tracked, store: str, world_size: int | None) -> ImportedRun | Skipped:
    """Return the record of an MLflow run, or why it is none.

    Params are read by timm's names and common others, metrics likewise. A metric's steps must be epochs: one value an
    epoch, or as many steps as the metric ``epoch`` explains. Accuracies called ``…acc`` or ``…accuracy`` that never
    exceed 1 are fractions.

    Parameters
    ----------
    tracked : Tracked
        The run.
    store : str
        Where it was read.
    world_size : int, optional
        Devices, where the params do not tell.
    """
    path = f"{store}, run {tracked.run_id}"
    arguments = timm_arguments(tracked.params)
    planned = planned_epochs(arguments)
    metrics = {_plain(name): values for name, values in tracked.metrics.items()}
    if not any(name in metrics for name in _METRICS["eval_top1"] + _METRICS["ema_eval_top1"]):
        known = ", ".join(sorted(tracked.metrics)) or "none"
        return Skipped(path=path, reason=f"no evaluation accuracy among its metrics ({known})")
    rows = _rows(metrics, planned)
    if rows is None:
        return Skipped(path=path, reason="the steps of its metrics are no epochs")
    reason = problem(rows, ())
    if reason is not None:
        return Skipped(path=path, reason=reason)
    fields = fields_of_arguments(arguments, world_size) | {
        "name": tracked.name or tracked.run_id,
        "experiment": tracked.experiment,
        "epochs": planned,
        "status": Status(_STATUS.get(tracked.status, "STALE")),
        "started_at": tracked.started_at,
        "ended_at": tracked.ended_at,
        "script": tracked.tags.get("mlflow.source.name"),
        "git_commit": tracked.tags.get("mlflow.source.git.commit"),
        "suggestion_id": tracked.tags.get(SUGGESTION_TAG),
    }
    notes = ["MLflow says that it is still running"] if tracked.status == "RUNNING" else []
    if fields.get("batch_size") is None and fields.get("batch_size_per_device") is not None:
        notes.append("the number of devices, and so the global batch size, is unknown: see --world-size")
    return imported_run(Source.MLFLOW, (tracked.run_id,), fields, rows, path=path, notes=notes)


def _rows(metrics: Mapping[str, list[tuple[int, float]]], planned: int | None) -> list[dict[str, Any]] | None:
    """Return one row an epoch with the metrics of ``Epoch``, or None if steps cannot be told to be epochs."""
    rows: dict[int, dict[str, Any]] = {}
    epoch_at = {step: int(value) for step, value in metrics.get("epoch", ())}
    for field, names in _METRICS.items():
        name = next((name for name in names if name in metrics), None)
        if name is None:
            continue
        values = metrics[name]
        epochs = _epochs([step for step, _ in values], epoch_at, planned)
        if epochs is None:
            if field in ("eval_top1", "ema_eval_top1"):
                return None
            continue  # logged by steps; the accuracy is what counts
        fraction = name.endswith(_GENERIC) and all(not value > 1 for _, value in values)
        for epoch, (_, value) in zip(epochs, values, strict=True):
            rows.setdefault(epoch, {"epoch": epoch})[field] = 100 * value if fraction else value
    scored = {epoch: row for epoch, row in sorted(rows.items()) if "eval_top1" in row or "ema_eval_top1" in row}
    return list(scored.values())


def _epochs(steps: list[int], epoch_at: Mapping[int, int], planned: int | None) -> list[int] | None:
    """Return the epochs, counted from 0, that a metric's steps stand for."""
    if epoch_at:
        return [epoch_at[step] for step in steps] if all(step in epoch_at for step in steps) else None
    if len(set(steps)) == 1:
        return list(range(len(steps)))  # logged without steps
    consecutive = steps == list(range(steps[0], steps[0] + len(steps)))
    if not consecutive and (planned is None or max(steps) > planned):
        return None
    first = 1 if 0 not in steps and (steps[0] == 1 or max(steps) == planned) else 0
    return [step - first for step in steps]


def _plain(name: str) -> str:
    words = re.sub(r"[/ .@-]", "_", name.lower())
    return re.sub(r"(acc|top)_([15])\b", r"\1\2", re.sub(r"^valid(ation)?_", "val_", words))
