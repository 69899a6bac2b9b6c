"""``advisor records export --share``: what of the recorded runs anyone may know."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from advisor.cli.runs.store import open_store
from advisor.cli.terminal.output import echo
from advisor.errors import AdvisorError
from advisor.space.words import counted


def share_runs(selection: dict[str, Any], folder: Path, *, preview: bool) -> None:
    """Write anonymous records of the selected runs that can teach into a folder, or only print them.

    Raises
    ------
    AdvisorError
        If none of them can teach, or the folder cannot be written.
    """
    from advisor.describe.model import model_names
    from advisor.learn.usable_runs import left_out, teaching
    from advisor.records.sharing.pool import make_pool, write_pool
    from advisor.records.store.selection import Selection

    store = open_store()
    runs = [run.to_learn_from() for run in store.each_run(Selection(**selection))]
    datasets = {dataset.dataset_id: dataset for dataset in store.datasets()}
    pool = make_pool(teaching(runs, datasets), datasets, model_names())
    stay = Counter(pool.left_out) + left_out(runs, datasets)
    for reason, count in sorted(stay.items(), key=lambda item: -item[1]):
        echo(f"Not shared: {counted(count, 'run')}, as {reason}.", err=True)
    if not pool.runs:
        raise AdvisorError(
            "there is nothing to share",
            cause=f"none of {counted(len(runs), 'run')} can teach" if runs else "no run is recorded",
            hint="advisor records sync, then advisor records list",
        )
    what = f"{counted(len(pool.runs), 'run')} on {counted(len(pool.datasets), 'dataset')}"
    if preview:
        for name, text in pool.texts().items():
            echo(f"--- {name}", err=True)
            echo(text.rstrip("\n"))
        echo(f"This is all that {what} would leave; nothing was written.", err=True)
        return
    write_pool(pool, folder)
    first_dataset, first_run = (json.loads(rows[0].model_dump_json()) for rows in (pool.datasets, pool.runs))
    described = f"{len(first_dataset.pop('features'))} numbers that describe the images"
    echo(f"Wrote {what} to {folder}. All that is there of a run and of a dataset, the first of each:", err=True)
    for row in (first_run, {**first_dataset, "features": described}):
        echo("  " + ", ".join(f"{name} {value}" for name, value in row.items() if value is not None), err=True)
    echo(f"Every line: advisor records export --share {folder} --preview", err=True)
