"""Writes what a store holds of collected runs as files of evidence; ``advisor.records.evidence`` reads them."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from advisor.collect.datasets import read_provenance
from advisor.collect.shipping.checkpoints import describe_checkpoints
from advisor.collect.shipping.croissant import CROISSANT, croissant
from advisor.config import Config
from advisor.errors import AdvisorError
from advisor.records import evidence
from advisor.records.evidence import CONSTANT_FIELDS, SCHEMA, checksums, csv_text, epoch_row, run_row, write_datasets
from advisor.records.schema import Dataset, Epoch, Run, Source, Status
from advisor.records.store.store import Store
from advisor.records.store.sync import sync_own

KEPT = (Status.FINISHED, Status.DIVERGED, Status.FAILED)


@dataclass(frozen=True)
class Exported:
    """How much was written."""

    runs: int
    epochs: int
    datasets: int
    bytes: int


def export(store: Store, data_dir: Path, folder: Path) -> Exported:
    """Write the collected runs of a store that have ended, with their epochs and datasets.

    Of several records of one planned run (it was cut short, or retried after a failure) the last is written. The same
    records give the same bytes.

    Parameters
    ----------
    store : Store
    data_dir : Path
        Folder of the datasets, with the provenance of each in NAME.json.
    folder : Path
        Where the files are written.

    Raises
    ------
    AdvisorError
        If a run's context is not the one all evidence has in common, its dataset was never described, or it was
        fine-tuned from a checkpoint that had seen its dataset's group or of which nothing is known.
    """
    by_id = {dataset.dataset_id: dataset for dataset in store.datasets()}
    latest: dict[str, Run] = {}
    for run in sorted(store.runs(source=Source.COLLECT), key=lambda run: run.run_id):
        if run.status in KEPT and "point" in run.extra:
            latest[run.extra["point"]] = run
    runs = sorted(latest.values(), key=lambda run: run.run_id)
    if not runs:
        raise AdvisorError("there is no collected run to export", hint="advisor collect meta_data/plans/first.yaml")
    used = _datasets_of(runs, by_id)
    provenance = {dataset.name: read_provenance(data_dir, dataset.name) for dataset in used}
    used = [replace(dataset, group=provenance[dataset.name]["group"]) for dataset in used]
    constants = _constants(runs)
    environments = _environments(runs)
    before = folder / evidence.CHECKPOINTS
    shipped = json.loads(before.read_text(encoding="utf-8")) if before.is_file() else []
    checkpoints = describe_checkpoints(runs, {dataset.name: dataset.group for dataset in used}, data_dir, shipped)
    rows = [run_row(run, environments.index(run.versions)) for run in runs]
    epochs = [epoch_row(epoch) for epoch in _epochs(store, runs)]

    folder.mkdir(parents=True, exist_ok=True)
    columns = [*evidence.RUN_COLUMNS, *evidence.EXTRA_COLUMNS, evidence.ENVIRONMENT]
    (folder / evidence.RUNS).write_text(csv_text(rows, columns), encoding="utf-8")
    text = csv_text(epochs, ["run_id", "epoch", *evidence.EPOCH_DECIMALS])
    (folder / evidence.EPOCHS).write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    (folder / evidence.DATASETS).write_text(write_datasets(used), encoding="utf-8")
    (folder / evidence.PROVENANCE).write_text(json.dumps(provenance, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / evidence.CHECKPOINTS).write_text(json.dumps(checkpoints, indent=1) + "\n", encoding="utf-8")
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "runs": len(runs),
        "epochs": len(epochs),
        "datasets": len(used),
        "groups": len({dataset.group for dataset in used}),
        "cases": len({case_key(run) for run in runs}),
        "statuses": dict(sorted(Counter(run.status.value for run in runs).items())),
        "constants": constants,
        "environments": environments,
        "sha256": checksums(folder),
    }
    (folder / evidence.MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    (folder / CROISSANT).write_text(croissant(folder), encoding="utf-8")
    size = sum((folder / name).stat().st_size for name in (*manifest["sha256"], evidence.MANIFEST, CROISSANT))
    return Exported(len(runs), len(epochs), len(used), size)


def case_key(run: Run) -> tuple[object, ...]:
    """Return what the case of a collected run is, on every machine."""
    extra = run.extra
    recipe = (run.opt, run.augment, run.img_size, extra.get("checkpoint"), extra.get("trainable") or "all")
    return (run.dataset_name, run.model, *recipe)


def _datasets_of(runs: Iterable[Run], by_id: dict[str, Dataset]) -> list[Dataset]:
    used: dict[str, Dataset] = {}
    for run in runs:
        dataset = by_id.get(str(run.dataset_id))
        if dataset is None:
            raise AdvisorError(
                f"the dataset {run.dataset_name} is not described in the store", hint="advisor collect the plan again"
            )
        other = used.setdefault(dataset.name, dataset)
        if other.dataset_id != dataset.dataset_id:
            raise AdvisorError(
                f"two different datasets are called {dataset.name}",
                cause="its images changed between runs",
                hint="advisor records remove the older runs, or give the dataset another name",
            )
    return list(used.values())


def _constants(runs: Sequence[Run]) -> dict[str, Any]:
    constants = {name: getattr(runs[0], name) for name in CONSTANT_FIELDS}
    for run in runs:
        for name, value in constants.items():
            if getattr(run, name) != value:
                raise AdvisorError(
                    f"run {run.run_id} has {name} {getattr(run, name)!r} where the others have {value!r}",
                    cause="the files of evidence hold this once for all runs",
                    hint=f"give {name} a column in advisor.records.evidence.RUN_COLUMNS",
                )
    return constants


def _environments(runs: Iterable[Run]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for run in runs:
        if run.versions not in found:
            found.append(run.versions)
    return found


def _epochs(store: Store, runs: Iterable[Run]) -> Iterable[Epoch]:
    for run in runs:
        yield from store.epochs(run.run_id)


def main() -> None:
    """Export the configured store: ``python -m advisor.collect.shipping.export DATA_DIR FOLDER``."""
    config = Config()
    store = Store(config["store"])
    sync_own(store, config)
    done = export(store, Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"{done.runs:,} runs, {done.epochs:,} epochs, {done.datasets} datasets: {done.bytes / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
