"""Builds the datasets the shipped evidence was collected on, from public packages and by drawing.

Each module of a source holds ``SPECS``; ``dataset`` says what they are made of and writes them, ``fetch`` downloads.
"""

from __future__ import annotations

from pathlib import Path

from advisor._meta_data.sources import (
    charts,
    codes,
    digits,
    emoji,
    faces,
    flags,
    fonts,
    fractals,
    furniture,
    games,
    gcompris,
    generated,
    icon_themes,
    landscapes,
    mazes,
    openclipart,
    patterns,
    photos,
    pokeapi,
    scripts,
    solids,
    speech,
    surfaces,
    timeseries,
)
from advisor._meta_data.sources.dataset import DatasetSpec, build
from advisor._meta_data.sources.fetch import Fetcher
from advisor.errors import DatasetError

__all__ = ["DatasetSpec", "build_dataset", "list_datasets"]


def list_datasets() -> list[DatasetSpec]:
    """Return all datasets that can be built."""
    modules = (
        charts,
        codes,
        digits,
        emoji,
        faces,
        flags,
        fonts,
        fractals,
        furniture,
        games,
        gcompris,
        generated,
        icon_themes,
        landscapes,
        mazes,
        openclipart,
        patterns,
        photos,
        pokeapi,
        scripts,
        solids,
        speech,
        surfaces,
        timeseries,
    )
    return [spec for module in modules for spec in module.SPECS]


def build_dataset(name: str, data_dir: Path) -> Path:
    """Build a dataset in ``data_dir/NAME`` unless it is there, and return that folder.

    Raises
    ------
    DatasetError
        If no dataset has that name, or a package cannot be downloaded.
    """
    by_name = {spec.name: spec for spec in list_datasets()}
    if name not in by_name:
        raise DatasetError(
            f"no dataset is called {name!r}",
            cause=f"known are {', '.join(by_name)}",
            hint="python -m advisor._meta_data.sources --list",
        )
    return build(by_name[name], data_dir, Fetcher())
