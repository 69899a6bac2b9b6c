"""A pool: a folder of anonymous runs and datasets that anyone can add to, written, read and checked by one schema."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from advisor.bounded import read_bounded
from advisor.errors import AdvisorError
from advisor.records.schema import Dataset, Run
from advisor.records.sharing.shared import (
    SCHEMA,
    SharedDataset,
    SharedRun,
    anonymous_id,
    shared_dataset,
    shared_run,
    to_dataset,
    to_run,
)
from advisor.version import __version__

MANIFEST, RUNS, DATASETS = "manifest.json", "runs.jsonl", "datasets.jsonl"

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Pool:
    """Anonymous runs and the datasets they were trained on.

    Attributes
    ----------
    runs, datasets : tuple
        In the order of their ids, which is that of nothing else.
    left_out : mapping of str to int
        How many runs do not leave, by the reason.
    """

    runs: tuple[SharedRun, ...]
    datasets: tuple[SharedDataset, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def texts(self) -> dict[str, str]:
        """Return the files of the pool by name, exactly as they are written."""
        manifest = {
            "schema": SCHEMA,
            "program": __version__,
            "runs": len(self.runs),
            "datasets": len(self.datasets),
        }
        return {
            MANIFEST: json.dumps(manifest, indent=1) + "\n",
            DATASETS: "".join(f"{row.model_dump_json(exclude_none=True)}\n" for row in self.datasets),
            RUNS: "".join(f"{row.model_dump_json(exclude_none=True)}\n" for row in self.runs),
        }


def make_pool(runs: Iterable[Run], datasets: Mapping[str, Dataset], models: Iterable[str]) -> Pool:
    """Return what leaves of runs that can teach.

    Parameters
    ----------
    runs : iterable of Run
        Each on one of the datasets.
    datasets : mapping of str to Dataset
        By id.
    models : iterable of str
        timm's names of networks; a network that is none of these may have a name that tells something.
    """
    known, kept, left_out = set(models), {}, Counter[str]()
    used: set[str] = set()
    for run in runs:
        try:
            if str(run.model).partition(".")[0] not in known:
                raise ValueError("their network is none of timm's")
            row = shared_run(run)
        except ValidationError as error:
            left_out[f"{error.errors()[0]['loc'][0]} is out of its range"] += 1
        except ValueError as error:
            left_out[str(error)] += 1
        else:
            kept[row.run] = row
            used.add(str(run.dataset_id))
    described = sorted((shared_dataset(datasets[one]) for one in used), key=lambda row: row.dataset)
    return Pool(tuple(kept[one] for one in sorted(kept)), tuple(described), left_out)


def write_pool(pool: Pool, folder: Path) -> None:
    """Write a pool into a folder, which is made; a pool that is there is replaced, file by file.

    Raises
    ------
    AdvisorError
        If it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pool.texts().items():
            unfinished = folder / f".{name}.{os.getpid()}"
            unfinished.write_text(text, encoding="utf-8", newline="\n")
            os.replace(unfinished, folder / name)
    except OSError as error:
        raise AdvisorError(
            f"{folder} cannot be written", cause=error.strerror or str(error), hint="name another folder with --share"
        ) from error


def read_pool(folder: Path) -> Pool:
    """Read a pool, and check every value of it.

    Raises
    ------
    AdvisorError
        If a file is missing, or anything in it is not what the schema allows; file, line and field are named.
    """
    try:
        manifest = json.loads(read_bounded(folder / MANIFEST, "log", encoding="utf-8"))
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            raise _refused(folder / MANIFEST, f"its schema is none that this version reads: {SCHEMA}")
        datasets, runs = _rows(folder / DATASETS, SharedDataset), _rows(folder / RUNS, SharedRun)
    except (OSError, ValueError) as error:
        raise _refused(folder, str(error)) from error
    ids = {row.dataset for row in datasets}
    for what, count, found in (
        ("datasets", len(ids), len(datasets)),
        ("runs", len({row.run for row in runs}), len(runs)),
        ("datasets", manifest.get("datasets"), len(datasets)),
        ("runs", manifest.get("runs"), len(runs)),
    ):
        if count != found:
            raise _refused(folder, f"{found} {what} where {count} are different or expected")
    for number, row in enumerate(runs, 1):
        if row.dataset not in ids:
            raise _refused(folder / RUNS, f"line {number}: its dataset is not in {DATASETS}")
    return Pool(runs, datasets)


def not_known(
    pools: Sequence[Pool], runs: Iterable[Run], datasets: Iterable[Dataset]
) -> tuple[list[Run], list[Dataset]]:
    """Return the runs of pools that are none of those at hand, and their datasets.

    A dataset that is at hand is that one, with its group, so that it is held out together with it.

    Parameters
    ----------
    pools : sequence of Pool
    runs, datasets : iterable
        The user's own and those that ship.
    """
    at_hand = {anonymous_id("run", run.run_id) for run in runs}
    known = {anonymous_id("dataset", dataset.dataset_id): dataset for dataset in datasets}
    added: dict[str, Run] = {}
    for pool in pools:
        theirs = {row.dataset: known.get(row.dataset) or to_dataset(row) for row in pool.datasets}
        for row in pool.runs:
            if row.run not in at_hand:
                added.setdefault(row.run, to_run(row, theirs[row.dataset]))
        for name, dataset in theirs.items():
            known.setdefault(name, dataset)
    used = {run.dataset_id for run in added.values()}
    return list(added.values()), [dataset for dataset in known.values() if dataset.dataset_id in used]


def _rows(path: Path, kind: type[R]) -> tuple[R, ...]:
    rows = []
    for number, line in enumerate(read_bounded(path, "log", encoding="utf-8").splitlines(), 1):
        try:
            rows.append(kind.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the line"
            raise _refused(path, f"line {number}: {place}: {first['msg']}") from error
    return tuple(rows)


def _refused(path: Path, cause: str) -> AdvisorError:
    return AdvisorError(
        f"{path} is no pool of shared records", cause=cause, hint="write it with `advisor records export --share DIR`"
    )
