"""Finds the datasets of a plan, builds and describes them where that is still to be done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.collect.images import measure
from advisor.collect.plan import PlannedDataset
from advisor.errors import DatasetError

if TYPE_CHECKING:
    from advisor.records.store import Store


@dataclass(frozen=True)
class Prepared:
    """The datasets of a plan that can be trained on, and why the others cannot."""

    datasets: list[PlannedDataset]
    dataset_ids: dict[str, str]
    """Id in the store, by name."""
    missing: list[str]
