"""The shipped evidence: its files in meta_data/ and how they are read.

``runs.csv`` has a row a run, ``epochs.csv.gz`` a row an epoch, ``datasets.json`` the datasets with their features,
``provenance.json`` what they were made from, ``checkpoints.json`` the weights that fine-tuning started from, and
``manifest.json`` what holds for every run, the environments they were made in, and a checksum of each file. All can be
read without this program: ``meta_data/README.md`` describes them, ``meta_data/schema.json`` every field.
"""

from __future__ import annotations

import csv
import functools
import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.errors import AdvisorError
from advisor.records.schema import Dataset, Epoch, Run, Source, Status

if TYPE_CHECKING:
    from importlib.abc import Traversable

SCHEMA = "advisor.evidence/1"
RUNS, EPOCHS, DATASETS, MANIFEST = "runs.csv", "epochs.csv.gz", "datasets.json", "manifest.json"
PROVENANCE, CHECKPOINTS = "provenance.json", "checkpoints.json"
FINE_TUNING = "fine_tuning"
"""Folder, beside the evidence from scratch, of the evidence on fine-tuning from ImageNet weights."""


def _flag(text: str) -> bool:
    return text == "1"


RUN_COLUMNS: dict[str, Callable[[str], Any]] = {
    "run_id": str,
    "dataset_name": str,
    "model": str,
    "opt": str,
    "pretrained": _flag,
    "augment": str,
    "img_size": int,
    "device": str,
    "amp": _flag,
    "num_params": int,
    "lr": float,
    "batch_size": int,
    "epochs": int,
    "dropout": float,
    "weight_decay": float,
    "seed": int,
    "status": Status,
    "final_metric": float,
    "best_metric": float,
    "best_epoch": int,
    "epochs_done": int,
    "train_seconds": float,
    "started_at": datetime.fromisoformat,
    "error": str,
}
"""Columns of runs.csv that are fields of a run, with what turns text into a value."""

EXTRA_COLUMNS: dict[str, Callable[[str], Any]] = {
    "point": str,
    "plan": str,
    "kind": str,
    "label": str,
    "case_epochs": int,
    "checkpoint": str,
    "trainable": str,
}
"""Columns of runs.csv that say what the run was planned as; read into ``extra``."""

EPOCH_DECIMALS = {"train_loss": 4, "train_top1": 3, "eval_loss": 4, "eval_top1": 3, "seconds": 3}
"""Metrics in epochs.csv.gz and the decimals they are kept with."""

CONSTANT_FIELDS = (
    "sched",
    "warmup_epochs",
    "min_lr",
    "label_smoothing",
    "mixup",
    "cutmix",
    "drop_path",
    "ema",
    "world_size",
    "grad_accum_steps",
    "metric",
    "metric_higher_is_better",
)
"""Fields that are the same in every run, kept once in manifest.json."""

ENVIRONMENT = "environment"
"""Column of runs.csv: index into the manifest's list of package versions."""


@dataclass(frozen=True)
class Evidence:
    """Runs and the datasets they were trained on, as read from a folder of evidence."""

    runs: tuple[Run, ...]
    datasets: tuple[Dataset, ...]
    manifest: Mapping[str, Any]
    folder: Traversable

    @functools.cached_property
    def checkpoints(self) -> tuple[Mapping[str, Any], ...]:
        """What is known of each checkpoint that runs started from; read when first asked for."""
        return tuple(json.loads(self.folder.joinpath(CHECKPOINTS).read_text(encoding="utf-8")))

    @functools.cached_property
    def epochs(self) -> tuple[Epoch, ...]:
        """Every epoch of every run, in order; read when first asked for."""
        text = gzip.decompress(self.folder.joinpath(EPOCHS).read_bytes()).decode()
        return tuple(
            Epoch(
                run_id=row["run_id"],
                epoch=int(row["epoch"]),
                **{name: float(row[name]) for name in EPOCH_DECIMALS if row[name]},
            )
            for row in csv.DictReader(io.StringIO(text))
        )


def load_evidence(folder: Traversable | None = None) -> Evidence:
    """Read a folder of evidence.

    Parameters
    ----------
    folder : Traversable, optional
        By default the evidence that is shipped with this program.

    Raises
    ------
    AdvisorError
        If a file is missing or is not what its manifest says.
    """
    folder = resources.files("advisor._meta_data") if folder is None else folder
    try:
        manifest = json.loads(folder.joinpath(MANIFEST).read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise ValueError(f"its schema is {manifest['schema']}, this program reads {SCHEMA}")
        datasets = tuple(Dataset(**row) for row in json.loads(folder.joinpath(DATASETS).read_text(encoding="utf-8")))
        rows = csv.DictReader(io.StringIO(folder.joinpath(RUNS).read_text(encoding="utf-8")))
        runs = _runs(rows, {dataset.name: dataset for dataset in datasets}, manifest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AdvisorError(
            f"the evidence in {folder} cannot be read",
            cause=f"{type(error).__name__}: {error}",
            hint="pip install --force-reinstall timm-advisor",
        ) from error
    return Evidence(runs, datasets, manifest, folder)


def load_fine_tuning() -> Evidence:
    """Read the shipped evidence on fine-tuning from ImageNet weights; see ``load_evidence``."""
    return load_evidence(resources.files("advisor._meta_data") / FINE_TUNING)


def _runs(
    rows: Iterable[Mapping[str, str]], datasets: Mapping[str, Dataset], manifest: Mapping[str, Any]
) -> tuple[Run, ...]:
    environments = manifest["environments"]
    runs = []
    for row in rows:
        dataset = datasets[row["dataset_name"]]
        # A column that came later is not there in older evidence: its value is among the constants, or unknown.
        values, extra = (
            {name: parse(row[name]) for name, parse in columns.items() if row.get(name)}
            for columns in (RUN_COLUMNS, EXTRA_COLUMNS)
        )
        runs.append(
            Run(
                source=Source.COLLECT,
                dataset_id=dataset.dataset_id,
                n_train=dataset.n_train,
                n_eval=dataset.n_eval,
                n_classes=dataset.n_classes,
                versions=environments[int(row[ENVIRONMENT])],
                extra=extra,
                **{**manifest["constants"], **values},
            )
        )
    return tuple(runs)


def run_row(run: Run, environment: int) -> dict[str, str]:
    """Return the row of runs.csv that holds a run."""
    values = {name: getattr(run, name) for name in RUN_COLUMNS} | {name: run.extra.get(name) for name in EXTRA_COLUMNS}
    return {**{name: _text(value) for name, value in values.items()}, ENVIRONMENT: str(environment)}


def epoch_row(epoch: Epoch) -> dict[str, str]:
    """Return the row of epochs.csv.gz that holds an epoch."""
    metrics = {name: getattr(epoch, name) for name in EPOCH_DECIMALS}
    texts = {name: "" if value is None else f"{value:.{EPOCH_DECIMALS[name]}f}" for name, value in metrics.items()}
    return {"run_id": epoch.run_id, "epoch": str(epoch.epoch), **texts}


def csv_text(rows: list[dict[str, str]], columns: Iterable[str]) -> str:
    """Return rows as CSV with a header and newlines that are the same on every system."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def write_datasets(datasets: Iterable[Dataset]) -> str:
    """Return datasets.json."""
    rows = [asdict(dataset) for dataset in sorted(datasets, key=lambda dataset: (dataset.group, dataset.name))]
    for row in rows:
        row["features"] = {name: float(f"{value:.6g}") for name, value in sorted(row["features"].items())}
    return json.dumps(rows, indent=1) + "\n"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Status):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of evidence in a folder, by name; the manifest itself is left out."""
    import hashlib

    names = (RUNS, EPOCHS, DATASETS, PROVENANCE, CHECKPOINTS)
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
