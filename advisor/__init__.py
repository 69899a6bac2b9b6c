"""Records what timm training runs did and advises starting hyperparameters for the next dataset.

The public names are loaded on first use, so that ``import advisor`` costs a training script nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from advisor.version import __version__

if TYPE_CHECKING:
    from advisor.advise.suggestion import Suggestion
    from advisor.api import Advisor, suggest
    from advisor.bounded import check_shape, open_bounded, read_bounded
    from advisor.collect.engine import WORKER_ATTEMPTS, Engine, Finished, prepare_worker
    from advisor.describe.sample import Sample
    from advisor.describe.sources.images import ImageDataset
    from advisor.errors import AdvisorError, DatasetError, MissingExtraError, StoreError, UsageError
    from advisor.hookspecs import hookimpl
    from advisor.records.importing.imported import imported_run
    from advisor.records.importing.imports import ImportReport, import_runs
    from advisor.records.recording.active import ActiveRun
    from advisor.records.recording.hand_written_loop import record_run
    from advisor.records.recording.recorder import Recorder, autolog, process_recorder
    from advisor.records.schema import Dataset, Epoch, ImportedRun, Run, RunsAt, Skipped, Source, Status
    from advisor.records.store.store import Store
    from advisor.tuning.loop import tune

_PUBLIC = {
    "ActiveRun": "advisor.records.recording.active",
    "Advisor": "advisor.api",
    "AdvisorError": "advisor.errors",
    "Dataset": "advisor.records.schema",
    "DatasetError": "advisor.errors",
    "Engine": "advisor.collect.engine",
    "Epoch": "advisor.records.schema",
    "Finished": "advisor.collect.engine",
    "ImageDataset": "advisor.describe.sources.images",
    "ImportReport": "advisor.records.importing.imports",
    "ImportedRun": "advisor.records.schema",
    "MissingExtraError": "advisor.errors",
    "Recorder": "advisor.records.recording.recorder",
    "Run": "advisor.records.schema",
    "RunsAt": "advisor.records.schema",
    "Sample": "advisor.describe.sample",
    "Skipped": "advisor.records.schema",
    "Source": "advisor.records.schema",
    "Status": "advisor.records.schema",
    "Store": "advisor.records.store.store",
    "StoreError": "advisor.errors",
    "Suggestion": "advisor.advise.suggestion",
    "UsageError": "advisor.errors",
    "WORKER_ATTEMPTS": "advisor.collect.engine",
    "autolog": "advisor.records.recording.recorder",
    "check_shape": "advisor.bounded",
    "hookimpl": "advisor.hookspecs",
    "import_runs": "advisor.records.importing.imports",
    "imported_run": "advisor.records.importing.imported",
    "open_bounded": "advisor.bounded",
    "prepare_worker": "advisor.collect.engine",
    "process_recorder": "advisor.records.recording.recorder",
    "read_bounded": "advisor.bounded",
    "record_run": "advisor.records.recording.hand_written_loop",
    "suggest": "advisor.api",
    "tune": "advisor.tuning.loop",
}

__all__ = [
    "WORKER_ATTEMPTS",
    "ActiveRun",
    "Advisor",
    "AdvisorError",
    "Dataset",
    "DatasetError",
    "Engine",
    "Epoch",
    "Finished",
    "ImageDataset",
    "ImportReport",
    "ImportedRun",
    "MissingExtraError",
    "Recorder",
    "Run",
    "RunsAt",
    "Sample",
    "Skipped",
    "Source",
    "Status",
    "Store",
    "StoreError",
    "Suggestion",
    "UsageError",
    "__version__",
    "autolog",
    "check_shape",
    "hookimpl",
    "import_runs",
    "imported_run",
    "open_bounded",
    "prepare_worker",
    "process_recorder",
    "read_bounded",
    "record_run",
    "suggest",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'advisor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
