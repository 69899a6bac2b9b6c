"""Reads what training scripts left in a folder: timm's args.yaml and summary.csv, JSON-line logs of the DeiT family."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from advisor import ImportedRun, RunsAt, Skipped, Source, imported_run, open_bounded, read_bounded
from advisor_timm.arguments import describe_training, run_fields
from advisor_timm.importing.argsfile import checkpoint_arguments, parse_json, parse_yaml
from advisor_timm.importing.epoch_logs import Row, is_json_log, peak_lr, read_json_lines, read_summary
from advisor_timm.importing.history import fields_of_arguments, planned_epochs
from advisor_timm.importing.percent import in_percent, problem
from advisor_timm.metric_names import is_plain

_SUMMARY = re.compile(r"summary(.*)\.csv")
_ARGS = re.compile(r"args(.*)\.ya?ml")
_LOG = re.compile(r".*\.(?:txt|log|jsonl)")
_CONFIGS = ("opt.json", "args.json", "config.json", "args.yaml")
_STAMPED = re.compile(r"(\d{8}-\d{6})-(.+)-(\d+)")
"""The folder that train.py makes: time, model, size of the images."""
_PROCESS = re.compile(r"[._-]?(?:rank|gpu)[._-]?(\d+)", re.IGNORECASE)
"""What names of files say of the process that wrote them, where each of a run's processes writes one."""
_HEAD = 65_536
_OF_TIMM = {"model", "opt", "sched"}
_OTHER_TOOLS = {"Ultralytics": {"task", "mode", "imgsz"}}
"""Other tools that write a file of this name, and what arguments tell theirs."""
_TOLERANCE = 1.02
"""How far a logged learning rate may lie above the one of the arguments, which then were scaled by the script."""

_NO_ARGUMENTS = (
    "metrics without arguments: neither args.yaml nor a checkpoint tells the model, the hyperparameters, and whether "
    "the accuracy is the model's or its moving average's"
)
_NO_METRICS = "arguments without metrics: no epoch was finished, or summary.csv lies elsewhere"
_LARGEST_LR = "the peak learning rate is the largest one logged"
_UNKNOWN_LR = "the peak learning rate is unknown"
_UNKNOWN_BATCH = "the number of devices, and so the global batch size, is unknown: see --world-size"
_OTHER_PROCESS = "written by another process of the run whose first process wrote"
_OVERWRITTEN = "an earlier run in the same file, whose arguments a later run overwrote"


def runs_at(path: Path, world_size: int | None) -> RunsAt | None:
    """Return the runs in a folder (not below it), or in one of its files; None if there are none.

    Parameters
    ----------
    path : Path
        A folder, a summary.csv or a JSON-line log.
    world_size : int, optional
        Devices of the runs that do not tell theirs.
    """
    folder = path if path.is_dir() else path.parent
    names = sorted(entry.name for entry in os.scandir(folder) if os.path.isfile(entry))
    chosen = names if path.is_dir() else [path.name]
    summaries = _by_run(name for name in chosen if _SUMMARY.fullmatch(name))
    logs = _by_run(name for name in chosen if _LOG.fullmatch(name) and _is_log(folder / name))
    arguments = [name for name in chosen if _ARGS.fullmatch(name)]
    if not (summaries or logs or arguments):
        return None
    reader = _Folder(folder, names, world_size)
    return RunsAt(items=reader.read(summaries, logs, arguments))


def _by_run(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the files of each run's other processes by the file of its first process."""
    runs: dict[str, list[str]] = {}
    for name in names:
        runs.setdefault(_PROCESS.sub("", name), []).append(name)
    ordered = (sorted(found, key=lambda name: [int(n) for n in _PROCESS.findall(name)]) for found in runs.values())
    return {first: others for first, *others in ordered}


@dataclass(frozen=True)
class _Folder:
    path: Path
    names: list[str]
    world_size: int | None

    def read(
        self, summaries: Mapping[str, list[str]], logs: Mapping[str, list[str]], arguments: list[str]
    ) -> Iterator[ImportedRun | Skipped]:
        used = set()
        for first, others in (*summaries.items(), *logs.items()):
            for name in others:
                yield Skipped(path=str(self.path / name), reason=f"{_OTHER_PROCESS} {first}")
        for name in summaries:
            paired = self._paired(name)
            used |= {paired} if paired else set()
            yield from self._contained(name, lambda name=name, paired=paired: self._summary(name, paired))
        config = next((name for name in _CONFIGS if name in self.names and name not in used), None)
        for name in logs:
            # Beside several logs it cannot be told whose the configuration is.
            own = config if len(logs) == 1 else None
            used |= {own} if own else set()
            # Where each process wrote a log, they are as many as the devices.
            devices = self.world_size or (len(logs[name]) + 1 if logs[name] else None)
            yield from self._contained(name, lambda name=name, own=own, n=devices: self._json_log(name, own, n))
        for name in arguments:
            reason = _why_alone(parse_yaml(self._text(name)) or {}) if name not in used else None
            if reason is not None:
                yield Skipped(path=str(self.path / name), reason=reason)

    def _contained(self, name: str, read: Any) -> Iterator[ImportedRun | Skipped]:
        try:
            yield from read()
        except OSError as error:
            yield Skipped(path=str(self.path / name), reason=f"cannot be read: {error.strerror}")
        except Exception as error:  # isolation: whatever one file holds must not lose those beside it
            yield Skipped(path=str(self.path / name), reason=f"cannot be read: {type(error).__name__}: {error}")

    def _summary(self, name: str, paired: str | None) -> Iterator[ImportedRun | Skipped]:
        path = str(self.path / name)
        log = read_summary(self._text(name))
        if log is None:
            yield Skipped(path=path, reason="a table without a column `epoch`: not timm's")
            return
        arguments = parse_yaml(self._text(paired)) if paired else None
        resolved = checkpoint_arguments(self.names, self.path) if name == "summary.csv" else None
        arguments = arguments or resolved
        if not arguments or not describe_training(arguments):
            yield Skipped(path=path, reason=_NO_ARGUMENTS)
            return
        for _ in log.runs[:-1]:
            yield Skipped(path=path, reason=_OVERWRITTEN)
        rows = log.runs[-1] if log.runs else []
        notes = list(log.notes)
        if arguments.get("model_ema") and not arguments.get("model_ema_force_cpu"):
            rows = [_of_average(row) for row in rows]
            notes.append("the script wrote the accuracy of the moving average; the model's own is unknown")
        if resolved and resolved.get("model") == arguments.get("model"):
            later = {key: resolved[key] for key in ("lr", "world_size", "num_classes") if resolved.get(key) is not None}
            merged = {**arguments, **later}
        else:
            merged = arguments
        fields = fields_of_arguments(merged, self.world_size) | {"epochs": planned_epochs(merged)}
        fields["img_size"] = self._stamped_size(merged) or fields["img_size"]
        fields |= self._times(name, paired)
        further = log.further[-1] if log.further else {}
        yield _finish(_Contents(path, self._name(name, "summary"), rows, log.names, further, arguments, fields, notes))

    def _json_log(self, name: str, config: str | None, devices: int | None) -> Iterator[ImportedRun | Skipped]:
        path = str(self.path / name)
        log = read_json_lines(self._text(name))
        if log is None:
            return
        text = self._text(config) if config else ""
        found = (parse_yaml(text) if config and config.endswith(".yaml") else parse_json(text)) or {}
        for i, rows in enumerate(log.runs):
            last = i == len(log.runs) - 1
            beside = found if last and describe_training(found) else {}
            arguments = {**beside, **log.arguments[i]}
            notes = list(log.notes)
            if not arguments:
                notes.append("a log without arguments: model and hyperparameters are unknown")
            further = log.further[i]
            fields = fields_of_arguments(arguments, devices)
            fields |= {"epochs": arguments.get("epochs"), "num_params": further.get("n_parameters")}
            fields |= self._times(name, config) if last else {}
            logged = peak_lr(rows)
            if logged is not None and fields.get("lr") and logged > _TOLERANCE * fields["lr"]:
                fields["lr"] = None  # the script scaled it after these arguments were written
            label = self._name(name, "log") if last else f"{self._name(name, 'log')}, part {i + 1}"
            yield _finish(_Contents(path, label, rows, log.names, further, arguments, fields, notes))

    def _paired(self, summary: str) -> str | None:
        suffix = _SUMMARY.fullmatch(summary)[1]  # type: ignore[index]
        return next((n for n in (f"args{suffix}.yaml", f"args{suffix}.yml") if n in self.names), None)

    def _name(self, file: str, usual: str) -> str:
        stem = _PROCESS.sub("", Path(file).stem)
        return self.path.absolute().name if stem == usual else stem.removeprefix(f"{usual}_")

    def _stamped_size(self, arguments: Mapping[str, Any]) -> int | None:
        match = _STAMPED.fullmatch(self.path.absolute().name)
        same = match is not None and match[2] == re.sub(r"\W", "_", str(arguments.get("model")))
        return int(match[3]) if match is not None and same else None

    def _times(self, metrics: str, arguments: str | None) -> dict[str, datetime | None]:
        """Return when a run began, by the folder's name or the file of its arguments, and when its last epoch ended."""
        ended = _changed(self.path / metrics)
        match = _STAMPED.fullmatch(self.path.absolute().name)
        try:
            began = datetime.strptime(match[1], "%Y%m%d-%H%M%S").astimezone() if match else None
        except ValueError:
            began = None
        if began is None and arguments is not None:
            began = _changed(self.path / arguments)
        return {"started_at": began if began and ended and began <= ended else None, "ended_at": ended}

    def _text(self, name: str) -> str:
        kind = "arguments" if name.endswith((".yaml", ".yml")) or name in _CONFIGS else "log"
        return read_bounded(self.path / name, kind, encoding="utf-8-sig", errors="replace")


@dataclass(frozen=True)
class _Contents:
    """What a file and the arguments beside it say about one run."""

    path: str
    name: str
    rows: list[Row]
    columns: set[str]
    further: Mapping[str, Any]
    arguments: Mapping[str, Any]
    fields: dict[str, Any]
    notes: list[str]


def _finish(found: _Contents) -> ImportedRun | Skipped:
    fields, notes = dict(found.fields), list(found.notes)
    rows, beside = in_percent(found.rows, fields.get("n_classes"), by_custom=is_plain(found.columns))
    reason = problem(rows, found.columns, fields.get("n_classes"))
    if reason:
        return Skipped(path=found.path, reason=reason)
    notes += beside
    if fields.get("lr") is None:
        fields["lr"] = peak_lr(found.rows)
        notes.append(_LARGEST_LR if fields["lr"] is not None else _UNKNOWN_LR)
    if found.arguments and fields.get("batch_size") is None:
        notes.append(_UNKNOWN_BATCH)
    if all(row.get("eval_top1") is None for row in rows):
        fields["metric"] = "ema_eval_top1"
    resume = found.arguments.get("resume")
    return imported_run(
        Source.TIMM_OUTPUT,
        (found.name, sorted(run_fields(found.arguments).items()), sorted(found.rows[0].items())),
        fields | {"name": found.name, "ended_at": _time(found.further.get("time")) or fields.get("ended_at")},
        rows,
        path=found.path,
        notes=notes,
        continues=str(resume) if resume else None,
    )


def _of_average(row: Row) -> Row:
    """Return a row whose evaluation was of the moving average: of that, only the accuracy has a place of its own."""
    kept = {name: value for name, value in row.items() if not name.startswith("eval_")}
    return {**kept, "ema_eval_top1": row["eval_top1"]} if "eval_top1" in row else kept


def _why_alone(arguments: Mapping[str, Any]) -> str | None:
    """Return what to say of arguments that no metrics lie beside; None if they are no training's."""
    for tool, names in _OTHER_TOOLS.items():
        if names <= arguments.keys():
            return f"the arguments of {tool}, whose networks are not timm's"
    is_timms = describe_training(arguments) and len(_OF_TIMM & arguments.keys()) >= 2
    return _NO_METRICS if is_timms else None


def _is_log(path: Path) -> bool:
    try:
        with open_bounded(path, "log") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return b"epoch" in head and is_json_log(head.decode("utf-8-sig", "replace"))


def _changed(path: Path) -> datetime | None:
    try:
        return _time(path.stat().st_mtime)
    except OSError:
        return None


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(value), timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
