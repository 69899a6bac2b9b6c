"""What the params and metrics of an MLflow run mean as a record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from advisor import ImportedRun, Skipped, Source, Status, imported_run
from advisor_mlflow.tracked import Tracked
from advisor_timm.importing.aliases import timm_arguments
from advisor_timm.importing.history import fields_of_arguments, planned_epochs
from advisor_timm.importing.percent import in_percent, problem
from advisor_timm.metric_names import columns, is_plain

SUGGESTION_TAG = "advisor.suggestion_id"
"""Names the advice that a run followed; ``advisor_mlflow.tag_run`` sets it."""
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
    named = columns(tracked.metrics)
    if not has_accuracy(tracked.metrics):
        known = ", ".join(sorted(tracked.metrics)) or "none"
        return Skipped(path=path, reason=f"no evaluation accuracy among its metrics ({known})")
    rows = _rows({field: tracked.metrics[name] for field, name in named.items()}, tracked, planned)
    if rows is None:
        return Skipped(path=path, reason="the steps of its metrics are no epochs")
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
    rows, beside = in_percent(rows, fields.get("n_classes"), by_custom=is_plain(tracked.metrics))
    reason = problem(rows, (), fields.get("n_classes"))
    if reason is not None:
        return Skipped(path=path, reason=reason)
    notes = [*tracked.notes, *beside]
    if tracked.status == "RUNNING":
        notes.append("MLflow says that it is still running")
    if fields.get("batch_size") is None and fields.get("batch_size_per_device") is not None:
        notes.append("the number of devices, and so the global batch size, is unknown: see --world-size")
    return imported_run(Source.MLFLOW, (tracked.run_id,), fields, rows, path=path, notes=notes)


def has_accuracy(metrics: Iterable[str]) -> bool:
    """Return whether there is an accuracy on an evaluation split among the names of a run's metrics."""
    return bool({"eval_top1", "ema_eval_top1"} & columns(metrics).keys())


def _rows(
    metrics: Mapping[str, list[tuple[int, float]]], tracked: Tracked, planned: int | None
) -> list[dict[str, Any]] | None:
    """Return one row an epoch with the metrics of ``Epoch``, or None if steps cannot be told to be epochs.

    A metric that a finished run logged once, without a step, is what it was after the last epoch.
    """
    rows: dict[int, dict[str, Any]] = {}
    epoch_at = {step: int(value) for step, value in tracked.metrics.get("epoch", ()) if math.isfinite(value)}
    last = (planned or max(len(values) for values in metrics.values())) - 1
    for field, values in metrics.items():
        epochs = _epochs([step for step, _ in values], epoch_at, planned)
        if epochs is None:
            if field in ("eval_top1", "ema_eval_top1"):
                return None
            continue  # logged by steps; the accuracy is what counts
        if epochs == [0] and tracked.status == "FINISHED" and not epoch_at:
            epochs = [last]
        for epoch, (_, value) in zip(epochs, values, strict=True):
            rows.setdefault(epoch, {"epoch": epoch})[field] = value
    scored = [row for _, row in sorted(rows.items()) if "eval_top1" in row or "ema_eval_top1" in row]
    if scored and scored[0]["epoch"] > 0 and len(scored) == 1:
        return [rows.get(0, {"epoch": 0}), *scored]
    return scored


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
