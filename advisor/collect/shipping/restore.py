"""Puts evidence back into a store: ``python -m advisor.collect.shipping.restore FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from advisor.config import Config
from advisor.records.evidence import Evidence, load_evidence
from advisor.records.store.store import Store


def restore(evidence: Evidence, store: Store) -> int:
    """Add the runs, epochs and datasets of files of evidence that a store does not hold.

    What is exported from the store again is the same, byte for byte.

    Returns
    -------
    int
        How many runs were added.
    """
    known = {dataset.dataset_id for dataset in store.datasets()}
    for dataset in evidence.datasets:
        if dataset.dataset_id not in known:
            store.put_dataset(dataset)
    present = {run.run_id for run in store.runs()}
    missing = {run.run_id: run for run in evidence.runs if run.run_id not in present}
    store.add_runs(missing.values(), (epoch for epoch in evidence.epochs if epoch.run_id in missing))
    return len(missing)


def main() -> None:
    """Restore a folder of evidence into the configured store."""
    added = restore(load_evidence(Path(sys.argv[1])), Store(Config()["store"]))
    print(f"{added:,} runs added to the store")


if __name__ == "__main__":
    main()
