"""Records what timm training runs did and advises starting hyperparameters for the next dataset.

The public names are loaded on first use, so that ``import advisor`` costs a training script nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from advisor.advise.suggestion import Suggestion
    from advisor.api import Advisor, suggest
    from advisor.errors import AdvisorError
    from advisor.hookspecs import hookimpl
    from advisor.records.importing.imported import imported_run
    from advisor.records.recording.recorder import autolog, record_run
    from advisor.records.schema import Dataset, Epoch, ImportedRun, Run, RunsAt, Skipped, Source, Status

__version__ = "0.1.0"

_PUBLIC = {
    "Advisor": "advisor.api",
    "AdvisorError": "advisor.errors",
    "Dataset": "advisor.records.schema",
    "Epoch": "advisor.records.schema",
    "ImportedRun": "advisor.records.schema",
    "Run": "advisor.records.schema",
    "RunsAt": "advisor.records.schema",
    "Skipped": "advisor.records.schema",
    "Source": "advisor.records.schema",
    "Status": "advisor.records.schema",
    "Suggestion": "advisor.advise.suggestion",
    "autolog": "advisor.records.recording.recorder",
    "hookimpl": "advisor.hookspecs",
    "imported_run": "advisor.records.importing.imported",
    "record_run": "advisor.records.recording.recorder",
    "suggest": "advisor.api",
}

__all__ = [
    "Advisor",
    "AdvisorError",
    "Dataset",
    "Epoch",
    "ImportedRun",
    "Run",
    "RunsAt",
    "Skipped",
    "Source",
    "Status",
    "Suggestion",
    "__version__",
    "autolog",
    "hookimpl",
    "imported_run",
    "record_run",
    "suggest",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'advisor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
