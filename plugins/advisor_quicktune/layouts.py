"""The three layouts in which the Quick-Tune meta-dataset is passed around.

Raw: ``args/VERSION/RUN.yaml`` beside ``curves/VERSION/RUN.csv``. Aggregated, by its own loader: ``args.json`` ({run:
arguments}) beside one file a metric ({dataset: {run: [value an epoch]}}). Encoded: ``table.csv`` (one-hot columns
``cat:NAME:VALUE``) with ``curves/perf.json``, ``curves/cost.json`` and ``meta/descriptors.json``
(https://github.com/releaunifreiburg/QuickTune, hpo/optimizers/qt_metadataset.py; https://github.com/rapanti/quicktune).

Every run fine-tunes a pretrained model on one GPU. Where training stopped early, mostly at a time limit, the curve is
shorter than the plan: its length is an outcome and never becomes the planned number of epochs.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor import ImportedRun, RunsAt, Skipped, Source, imported_run, read_bounded
from advisor_timm.importing.argsfile import parse_yaml
from advisor_timm.importing.history import fields_of_arguments, planned_epochs
from advisor_timm.importing.percent import problem

PLANNED_EPOCHS = 50
"""In every search space of the meta-dataset (hpo/meta_data/search_space_v*.yml); the encoded table leaves it out."""
_ENCODED = {"epochs": PLANNED_EPOCHS, "pretrained": True}
"""What holds for every row of the encoded table."""
_ONE_GPU = 1
_UNSET = -1.0
"""What the table has where a number was not given."""
_METRICS = ("train_loss", "eval_loss", "eval_top1", "eval_top5", "lr")


def runs_at(path: Path) -> RunsAt | None:
    """Return the runs of the layout that begins at ``path``; None if none does."""
    if (path / "table.csv").is_file() and (path / "curves" / "perf.json").is_file():
        return RunsAt(items=_encoded(path), whole_tree=True)
    if (path / "args.json").is_file() and (path / "eval_top1.json").is_file():
        return RunsAt(items=_aggregated(path), whole_tree=True)
    if (path / "args").is_dir() and (path / "curves").is_dir() and any((path / "curves").glob("**/*.csv")):
        return RunsAt(items=_raw(path), whole_tree=True)
    return None


def _encoded(root: Path) -> Iterator[ImportedRun | Skipped]:
    try:
        lines = io.StringIO(read_bounded(root / "table.csv", "log"), newline="")
        table = {row.pop(""): row for row in csv.DictReader(lines) if "" in row}
        scores, costs = _read(root / "curves" / "perf.json"), _read(root / "curves" / "cost.json")
        descriptors = _read(root / "meta" / "descriptors.json")
    except (OSError, ValueError, csv.Error) as error:
        yield Skipped(path=str(root), reason=f"cannot be read: {error}")
        return
    curves = {name: runs for name, runs in scores.items() if name != "info"}
    for dataset, runs in curves.items():
        for run, values in runs.items():
            path = f"{root / 'table.csv'}, run {run}"
            if run not in table:
                yield Skipped(path=path, reason="a curve without a row in the table")
                continue
            row = table.pop(run)
            found = {"eval_top1": values, "seconds": costs.get(dataset, {}).get(run, ())}
            about = descriptors.get(dataset)
            yield _contained(path, _run_of_row, run, row, dataset, found, about)
    for run in table:
        yield Skipped(path=f"{root / 'table.csv'}, run {run}", reason="a row of the table without a curve")


def _contained(path: str, read: Callable[..., ImportedRun | Skipped], *values: Any) -> ImportedRun | Skipped:
    try:
        return read(path, *values)
    except Exception as error:  # isolation: whatever one run holds must not lose the others
        return Skipped(path=path, reason=f"cannot be read: {type(error).__name__}: {error}")


def _run_of_row(
    path: str,
    name: str,
    row: Mapping[str, str],
    dataset: str,
    curves: Mapping[str, Sequence[Any]],
    descriptor: Sequence[int] | None,
) -> ImportedRun | Skipped:
    return _run(path, name, {**_ENCODED, **decode(row), "dataset": dataset}, curves, descriptor)


def decode(row: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that a row of the encoded table stands for.

    The value of a categorical argument is the one whose column is 1; ``None`` and -1 mean that it was not given.
    """
    arguments: dict[str, Any] = {}
    for column, value in row.items():
        if column.startswith("cat:"):
            _, name, category = column.split(":", 2)
            if float(value) == 1:
                arguments[name] = None if category == "None" else category
        else:
            number = float(value)
            arguments[column] = None if number == _UNSET else number
    return arguments


def _aggregated(root: Path) -> Iterator[ImportedRun | Skipped]:
    try:
        arguments = _read(root / "args.json")
        curves = {name: _read(root / f"{name}.json") for name in (*_METRICS, "train_time")}
    except (OSError, ValueError) as error:
        yield Skipped(path=str(root), reason=f"cannot be read: {error}")
        return
    for dataset, runs in curves["eval_top1"].items():
        for run in runs:
            path = f"{root / 'args.json'}, run {run}"
            if run not in arguments:
                yield Skipped(path=path, reason="a curve without arguments")
                continue
            found = {name: by_dataset.get(dataset, {}).get(run, ()) for name, by_dataset in curves.items()}
            found["seconds"] = found.pop("train_time")
            told = arguments.pop(run)
            told = {"dataset": dataset, **told} if isinstance(told, Mapping) else told
            yield _contained(path, _run, run, told, found, None)
    for run in arguments:
        yield Skipped(path=f"{root / 'args.json'}, run {run}", reason="arguments without a curve")


def _raw(root: Path) -> Iterator[ImportedRun | Skipped]:
    curves, arguments = root / "curves", root / "args"
    used = set()
    for path in sorted(curves.glob("**/*.csv")):
        beside = (arguments / path.relative_to(curves)).with_suffix(".yaml")
        used.add(beside)
        try:
            found = parse_yaml(read_bounded(beside, "arguments", errors="replace"))
            rows = list(csv.DictReader(io.StringIO(read_bounded(path, "log", errors="replace"), newline="")))
        except FileNotFoundError:
            yield Skipped(path=str(path), reason="a curve without arguments")
            continue
        except (OSError, csv.Error) as error:
            yield Skipped(path=str(path), reason=f"cannot be read: {error}")
            continue
        if not found:
            yield Skipped(path=str(beside), reason="arguments that are no YAML mapping")
            continue
        columns = {name: [row.get(name) for row in rows] for name in _METRICS}
        columns["seconds"] = [row.get("train_time") for row in rows]
        yield _contained(str(path), _run, path.stem, found, columns, None)
    for path in sorted(arguments.glob("**/*.yaml")):
        if path not in used:
            yield Skipped(path=str(path), reason="arguments without a curve")


def _run(
    path: str,
    name: str,
    arguments: Mapping[str, Any],
    curves: Mapping[str, Sequence[Any]],
    descriptor: Sequence[int] | None,
) -> ImportedRun | Skipped:
    rows = [
        {"epoch": epoch, **{metric: _number(values[epoch]) for metric, values in curves.items() if epoch < len(values)}}
        for epoch in range(len(curves["eval_top1"]))
    ]
    for row in rows:
        if row["eval_top1"] is not None:
            row["eval_top1"] = min(row["eval_top1"], 100.0)  # some exceed it in the seventh digit
    reason = problem(rows, ())
    if reason:
        return Skipped(path=path, reason=reason)
    fields = fields_of_arguments(arguments, _ONE_GPU) | {"name": name, "epochs": planned_epochs(arguments)}
    fields["augment"] = _augmentation(arguments)
    if descriptor:
        fields |= {"n_train": descriptor[0], "n_classes": descriptor[1]}
    seconds = [row["seconds"] for row in rows if row.get("seconds") is not None]
    fields["train_seconds"] = sum(seconds) if seconds else None
    return imported_run(Source.QUICKTUNE, (fields["dataset_name"], name), fields, rows, path=path)


def _augmentation(arguments: Mapping[str, Any]) -> str | None:
    """Return the policy: ``trivial_augment``, ``random_augment`` or ``auto_augment`` with its variant; else none."""
    kind = arguments.get("data_augmentation")
    if kind in (None, "None"):
        return None
    return (
        f"{kind}-{arguments['auto_augment']}" if kind == "auto_augment" and arguments.get("auto_augment") else str(kind)
    )


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    text = read_bounded(path, "log")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is no JSON object")
    return content


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
