"""What the arguments and metrics of a Weights & Biases run mean as a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from advisor import ImportedRun, Skipped, Source, Status, imported_run
from advisor_timm.importing.aliases import timm_arguments
from advisor_timm.importing.epoch_logs import number
from advisor_timm.importing.history import fields_of_arguments, planned_epochs
from advisor_timm.importing.percent import in_percent, problem
from advisor_timm.metric_names import columns, is_plain
from advisor_wandb.tracked import Tracked

_STATUS = {
    "finished": Status.FINISHED,
    "failed": Status.FAILED,
    "crashed": Status.FAILED,
    "killed": Status.INTERRUPTED,
    "preempted": Status.INTERRUPTED,
}
_SCORES = {"eval_top1", "ema_eval_top1"}


def record(run: Tracked, path: str, world_size: int | None) -> ImportedRun | Skipped:
    """Return the record of a run, or why it is none.

    The arguments are read by timm's names and common others, the metrics by ``metric_names``. Each evaluation is an
    epoch, by its number where one was logged beside it. Of a finished run without a history, the summary holds what was
    after the last epoch.

    Parameters
    ----------
    run : Tracked
        The run.
    path : str
        Where it was read.
    world_size : int, optional
        Devices, where the arguments do not tell.
    """
    try:
        return _record(run, path, world_size)
    except Exception as error:  # isolation: whatever one run holds must not lose the others
        return Skipped(path=path, reason=f"cannot be read: {type(error).__name__}: {error}")


def _record(run: Tracked, path: str, world_size: int | None) -> ImportedRun | Skipped:
    arguments = timm_arguments(_flat(run.config))
    planned = planned_epochs(arguments)
    logged = {name for values in run.history for name in values}
    names = logged if _SCORES & columns(logged).keys() else set(run.summary)
    named = columns(sorted(names))
    if not _SCORES & named.keys():
        known = ", ".join(sorted(name for name in logged | set(run.summary) if not name.startswith("_"))) or "none"
        return Skipped(path=path, reason=f"no evaluation accuracy among its metrics ({known})")
    if names is logged:
        rows = _evaluations(run.history, named, planned)
        if rows is None:
            return Skipped(path=path, reason="it was not evaluated once an epoch")
    else:
        rows = _last(run, named, planned)
        if rows is None:
            return Skipped(
                path=path, reason="one accuracy of a run that did not finish: of which epoch it is, nothing tells"
            )
    fields = fields_of_arguments(arguments, world_size) | {
        "name": run.name or str(run.identity[0]),
        "project": run.project,
        "epochs": planned,
        "status": _STATUS.get(run.state or "", Status.STALE),
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "script": run.script,
        "git_commit": run.git_commit,
    }
    rows, notes = in_percent(rows, fields.get("n_classes"), by_custom=is_plain(names))
    reason = problem(rows, (), fields.get("n_classes"))
    if reason is not None:
        return Skipped(path=path, reason=reason)
    if fields.get("batch_size") is None and fields.get("batch_size_per_device") is not None:
        notes.append("the number of devices, and so the global batch size, is unknown: see --world-size")
    return imported_run(Source.WANDB, run.identity, fields, rows, path=path, notes=notes)


def _evaluations(
    history: Sequence[Mapping[str, Any]], named: Mapping[str, str], planned: int | None
) -> list[dict[str, Any]] | None:
    """Return a row an evaluation, with what was logged since the one before; None if they are not once an epoch."""
    rows: list[dict[str, Any]] = []
    epochs: list[float | None] = []
    since: dict[str, Any] = {}
    epoch = None
    for logged in history:
        values = {field: number(logged[name]) for field, name in named.items() if name in logged}
        since |= {field: value for field, value in values.items() if value is not None}
        told = next((logged[name] for name in logged if name.lower().rpartition("/")[2] == "epoch"), None)
        epoch = number(told) if told is not None else epoch
        if _SCORES & values.keys():
            rows.append(since)
            epochs.append(epoch)
            since, epoch = {}, None
    numbers = [int(one) for one in epochs if one is not None and one == one // 1 >= 0]
    if len(numbers) == len(rows) and numbers == sorted(set(numbers)):
        first = 1 if numbers[0] == 1 or planned in numbers else 0
        return [{"epoch": one - first, **row} for one, row in zip(numbers, rows, strict=True)]
    if any(one is not None for one in epochs) or (planned is not None and len(rows) > planned):
        return None
    return [{"epoch": position, **row} for position, row in enumerate(rows)]


def _last(run: Tracked, named: Mapping[str, str], planned: int | None) -> list[dict[str, Any]] | None:
    values = {field: number(_latest(run.summary[name])) for field, name in named.items()}
    known = {field: value for field, value in values.items() if value is not None}
    if run.state == "finished":
        last = (planned or 1) - 1
    else:
        reached = number(run.summary.get("epoch"))
        if reached is None or reached < 0 or reached != reached // 1:
            return None
        last = int(reached)
    return [{"epoch": 0}, {"epoch": last, **known}] if last else [{"epoch": 0, **known}]


def _latest(value: Any) -> Any:
    """Return the last value of a metric; of one that is summarised otherwise, by its largest say, nothing is known."""
    return value.get("last") if isinstance(value, Mapping) else value


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments; those in a group of their own are there by their names where no other has it."""
    flat = {name: value for name, value in config.items() if not name.startswith("_") and "wandb" not in name}
    for name, value in list(flat.items()):
        inner = value.items() if isinstance(value, Mapping) else [(name.replace("/", ".").rpartition(".")[2], value)]
        for key, item in inner:
            flat.setdefault(str(key), item)
    return flat
